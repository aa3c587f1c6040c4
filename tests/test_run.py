"""The script `./run`, in the environment that it has already made."""

import subprocess
from pathlib import Path

from tests.workspace import ROOT


def _run(script: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([script, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=25)


def test_it_is_the_command(tmp_path: Path) -> None:
    """From any folder, `./run X` prints what `modelplug X` prints, and nothing else."""
    command = _run(ROOT / ".venv" / "bin" / "modelplug", "--help", folder=tmp_path)
    here = _run(ROOT / "run", "--help", folder=tmp_path)
    assert (here.returncode, here.stdout, here.stderr) == (0, command.stdout, command.stderr)


def test_it_works_through_a_link(tmp_path: Path) -> None:
    """A link to the script somewhere else finds its way home."""
    (tmp_path / "modelplug").symlink_to(ROOT / "run")
    assert _run(tmp_path / "modelplug", "--help", folder=tmp_path).returncode == 0


def test_it_passes_the_exit_status_on(tmp_path: Path) -> None:
    """The command's exit status is the script's."""
    command = _run(ROOT / ".venv" / "bin" / "modelplug", "--no-such-option", folder=tmp_path)
    assert _run(ROOT / "run", "--no-such-option", folder=tmp_path).returncode == command.returncode != 0
