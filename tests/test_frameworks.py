"""The page on frameworks, run against their current releases in an environment of its own."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.environments import python_with
from tests.workspace import ROOT

PAGE = ROOT / "docs" / "how-to" / "frameworks.md"
NEEDED = ("langchain-openai>=1", "pydantic-ai-slim[openai]>=2", "openai-agents>=0.20")
COUNT = """
from modelplug import Hooks, hookimpl


class Counting(Hooks):
    calls = []

    @hookimpl
    def call_finished(self, call):
        self.calls.append(call.outcome)


board.add(Counting())
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python with the frameworks and a board."""
    return python_with(tmp_path_factory.mktemp("frameworks"), *NEEDED, "core", "plugins/faces")


def printed(python: str, *arguments: str, folder: Path) -> str:
    """The last line that a program prints."""
    done = subprocess.run([python, *arguments], capture_output=True, text=True, timeout=100, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_frameworks_call_through_the_board(python: str, tmp_path: Path) -> None:
    """Each of them answers and streams, and every call has its record."""
    blocks = re.findall(r"^```python fragment\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    program = "\n".join([blocks[0], COUNT, *blocks[1:], "board.flush()", "print(Counting.calls)"])
    assert printed(python, "-c", program, folder=tmp_path) == str(["ok"] * 8)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_tools_structure_and_usage(python: str, tmp_path: Path) -> None:
    """They come through each framework, whole and streamed."""
    said = printed(python, str(Path(__file__).with_name("frameworks_in_use.py")), folder=tmp_path)
    assert json.loads(said) == {
        "LangChain": ["5", "5", "Paris", 10],
        "pydantic-ai": ["5", "5", "Paris", 10],
        "Agents SDK": ["5", "5", "Paris", 10],
    }
