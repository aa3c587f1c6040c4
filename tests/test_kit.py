"""The kit as its pages show it, against the plugins that they speak of."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_examples import installed, run
from tests.workspace import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
HOW_TO = (ROOT / "docs" / "how-to" / "test-a-plugin.md").read_text("utf-8")
README = (ROOT / "plugins" / "testkit" / "README.md").read_text("utf-8")


def passed(page: str, folder: Path, environment: dict[str, str]) -> int:
    """How many tests the page's fragment is, none of which fails."""
    (fragment,) = re.findall(r"^```python fragment\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    file = folder / "test_acme.py"
    file.write_text(fragment, "utf-8")
    said = run("-m", "pytest", "-q", str(file), environment=environment)
    (count,) = re.findall(r"^(\d+) passed in", said, re.MULTILINE)
    return int(count)


def test_three_lines_test_the_example(tmp_path: Path) -> None:
    """The how-to's fragment is some 250 tests, and `modelplug check` says of the example what the page shows."""
    environment = installed("provider-acme", tmp_path / "site")
    assert 230 < passed(HOW_TO, tmp_path, environment) < 270
    assert "$ modelplug check acme\n" + run("-m", "modelplug_cli", "check", "acme", environment=environment) in HOW_TO


def test_three_lines_test_a_new_project(tmp_path: Path) -> None:
    """The README's fragment passes with the project that the command above it makes."""
    (arguments,) = re.findall(r"^\$ modelplug (new .*)$", README, re.MULTILINE)
    command = [sys.executable, "-m", "modelplug_cli", *arguments.split()]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=20, capture_output=True)
    environment = installed(str(tmp_path / "modelplug-acme"), tmp_path / "site")
    assert passed(README, tmp_path, environment) > 200
