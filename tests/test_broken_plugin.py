"""A broken plugin beside the others, installed as pip would leave it, seen through the command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("modelplug"))
PLUGIN = """
from modelplug import Hooks, hookimpl

class Plugin(Hooks):
    @hookimpl
    def provide_models(self, settings):
        return []
"""
BROKEN = {
    "an import error": ("import no_such_module_at_all\n", "ModuleNotFoundError: No module named"),
    "SystemExit at import": ("raise SystemExit(3)\n", "SystemExit: 3"),
    "an unmarked hook": (PLUGIN.replace("@hookimpl", ""), "provide_models"),
    "raising provide_models": (PLUGIN.replace("return []", "raise RuntimeError('out of pebbles')"), "out of pebbles"),
}


def modelplug(*arguments: str, site: Path, home: Path) -> tuple[list[str], str]:
    """The lines that the command prints, and what it says on stderr."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith("MODELPLUG_")}
    environment = {**keep, "PYTHONPATH": str(site), "MODELPLUG_CONFIG": str(home / "config.toml"), "COLUMNS": "80"}
    done = subprocess.run(
        [COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr


def without_times(lines: list[str]) -> list[list[str]]:
    """The rows of `plugins list` without the milliseconds that an import took."""
    return [[cell for place, cell in enumerate(line.split("\t")) if place != 3] for line in lines]


@pytest.mark.parametrize("fault", BROKEN)
def test_it_changes_one_line(fault: str, tmp_path: Path) -> None:
    """It adds its own line to `plugins list` and, with -v, a warning; other lines and the list of models stay."""
    source, reason = BROKEN[fault]
    empty, site = tmp_path / "empty", tmp_path / "site"
    info = site / "broken_pebble-1.0.dist-info"
    empty.mkdir()
    info.mkdir(parents=True)
    (site / "broken_pebble.py").write_text(source)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-pebble\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[modelplug]\npebble = broken_pebble:Plugin\n")

    sound, quiet = modelplug("plugins", "list", site=empty, home=tmp_path)
    beside, said = modelplug("plugins", "list", site=site, home=tmp_path)
    added = [row for row in without_times(beside) if row not in without_times(sound)]
    assert [row for row in without_times(beside) if row not in added] == without_times(sound)
    assert [row[:2] for row in added] == [["pebble", "failed"]]
    assert reason in "\t".join(added[0])
    assert quiet == said == ""
    warned = modelplug("-v", "plugins", "list", site=site, home=tmp_path)[1].splitlines()
    assert [line for line in warned if line.startswith("WARNING")] == warned[:1]
    assert "'pebble' was not loaded" in warned[0]

    models, _ = modelplug("models", "list", "--all", site=empty, home=tmp_path)
    assert modelplug("models", "list", "--all", site=site, home=tmp_path)[0] == models
