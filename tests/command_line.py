"""The page docs/reference/command-line.md: what each command says of itself. Run it to write the page anew."""

import os
import subprocess
import sys
from pathlib import Path

from tests.workspace import ROOT

PAGE = ROOT / "docs" / "reference" / "command-line.md"
INTRODUCTION = """# The command

What `modelplug COMMAND --help` prints in 80 columns. Exit status: 0 done, 1 it failed or the reader of our output left,
2 wrong usage, 130 ended by Ctrl-C.

Shells complete commands and options with `eval "$(_MODELPLUG_COMPLETE=bash_source modelplug)"` in `~/.bashrc`, or
`zsh_source` in `~/.zshrc`; fish with `_MODELPLUG_COMPLETE=fish_source modelplug | source`.
"""


def page() -> str:
    """The page as it should be."""
    return INTRODUCTION + "".join(_sections())


def _sections(*path: str) -> list[str]:
    said = _said(*path)
    found = [f"\n## {' '.join(('modelplug', *path))}\n\n```text\n{said}```\n"]
    for name in _commands(said):
        found += _sections(*path, name)
    return found


def _said(*path: str) -> str:
    command = [str(Path(sys.executable).with_name("modelplug")), *path, "--help"]
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "MODELPLUG_CONFIG": os.devnull}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=20).stdout


def _commands(said: str) -> list[str]:
    """The names in the lists of commands."""
    names, listing = [], False
    for line in said.splitlines():
        if not line.startswith(" "):
            listing = line.startswith("Commands")
        elif listing and line[2] != " ":
            names.append(line.split()[0])
    return names


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
