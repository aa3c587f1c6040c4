"""The page on frameworks, run against their current releases in an environment of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_frameworks_call_through_the_board(tmp_path: Path) -> None:
    """Each of them answers and streams, and every call has its record."""
    uv = os.environ.get("MODELPLUG_UV") or str(ROOT / ".bootstrap" / "uv")
    python = str(tmp_path / "venv" / "bin" / "python")
    variables = {**os.environ, "UV_SYSTEM_CERTS": "1"}  # as tools/environment.py has it
    if "PIP_INDEX_URL" in os.environ:
        variables.setdefault("UV_DEFAULT_INDEX", os.environ["PIP_INDEX_URL"])
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(tmp_path / "venv")], check=True, timeout=60)
    members = [str(ROOT / "core"), str(ROOT / "plugins" / "faces")]
    subprocess.run(
        [uv, "pip", "install", "-q", "--python", python, *NEEDED, *members], check=True, timeout=240, env=variables
    )
    blocks = re.findall(r"^```python fragment\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    program = "\n".join([blocks[0], COUNT, *blocks[1:], "board.flush()", "print(Counting.calls)"])
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(["ok"] * 5)
