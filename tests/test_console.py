"""Every console line of the documentation runs, page by page, as somebody types it; the table says which do not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from modelplug_local.model import models_folder

from tests.test_docs import PAGES
from tests.test_tutorial import KEPT
from tests.workspace import ROOT

NOT_RUN = {
    r"pip install": "the network's; tests/test_tutorial.py installs from this tree, tests/test_docs.py reads each line",
    r"modelplug serve": "goes on until Ctrl-C",
    r"modelplug local serve": "goes on until Ctrl-C",
    r"modelplug top": "goes on until Ctrl-C",
    r"uvicorn": "goes on until Ctrl-C",
    r"gunicorn": "goes on until Ctrl-C",
    r"cd examples/": "for the server after it",
    r"curl": "asks a server that goes on until Ctrl-C",
    r"export \w+_API_KEY=": "a key of the reader's",
    r"modelplug chat -m": "asks a provider",
    r"modelplug models refresh": "asks a provider",
    r"modelplug providers test": "asks a provider",
    r"modelplug check": "of a plugin that is not installed here; tests/test_kit.py has it",
    r"(\w+=\S+ )?pytest": "of the reader's project; tests/test_kit.py and tests/test_tutorial.py have one",
    r"modelplug test": "is what runs this",
}
"""How the lines begin that are not run, and why."""
LINE = re.compile(r"^\$ ((?:.*\\\n)*.*)", re.MULTILINE)
USES_MODEL = re.compile(r"^modelplug (chat|local)|\| modelplug chat", re.MULTILINE)
CONSOLES = [
    *(page for page in PAGES if page.parent.name != "tutorial"),  # tests/test_tutorial.py types those
    *sorted(ROOT.glob("examples/**/README.md")),
]


def lines(page: Path) -> list[str]:
    """What is typed; `./run` is the command of this tree."""
    blocks = re.findall(r"^```console\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [line.replace("./run ", "modelplug ") for block in blocks for line in LINE.findall(block)]


def runs(line: str) -> bool:
    return not any(re.match(pattern, line) for pattern in NOT_RUN)


def cases() -> list[ParameterSet]:
    pages = ((page, "\n".join(map(as_typed, filter(runs, lines(page))))) for page in CONSOLES)
    return [
        pytest.param(
            script,
            id=str(page.relative_to(ROOT)),
            marks=[pytest.mark.model, pytest.mark.slow, pytest.mark.timeout(120)] if USES_MODEL.search(script) else [],
        )
        for page, script in pages
        if script
    ]


def as_typed(line: str) -> str:
    """The line, which must exit with 0; only `doctor` may fail, and only when it says what is wrong."""
    return f'said=$({line}\n) || grep ^WRONG <<<"$said"' if line.startswith("modelplug doctor") else line


@pytest.mark.parametrize("script", cases())
def test_the_console_runs(script: str, tmp_path: Path) -> None:
    """Its lines, one after the other in an empty folder of an empty home, exit with 0."""
    home, work = tmp_path / "home", tmp_path / "work"
    work.mkdir()
    # But for the language model, which is here already.
    models_folder().mkdir(parents=True, exist_ok=True)
    (home / ".cache" / "modelplug").mkdir(parents=True)
    (home / ".cache" / "modelplug" / "models").symlink_to(models_folder())
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-exo", "pipefail", "-c", script],
        cwd=work,
        env={
            **{name: value for name, value in os.environ.items() if name.startswith(KEPT)},
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "MODELPLUG_UV": os.environ.get("MODELPLUG_UV") or str(ROOT / ".bootstrap" / "uv"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr}\n{done.stdout}"


@pytest.mark.parametrize("pattern", NOT_RUN)
def test_what_is_not_run_is_shown_somewhere(pattern: str) -> None:
    """Some line of some page begins like this, so the table lists nothing that is gone."""
    assert any(re.match(pattern, line) for page in CONSOLES for line in lines(page))
