"""The command as pip installs it, without the distributions that bring it more."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from modelplug_cli._commands import ELSEWHERE, GROUP

from tests.environments import python_with
from tests.workspace import distributions


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_what_is_not_installed_is_named(tmp_path: Path) -> None:
    """Whoever reads of a command that another distribution brings is told which."""
    command = Path(python_with(tmp_path, "core", "plugins/cli")).with_name("modelplug")
    for name, distribution in ELSEWHERE.items():
        said = subprocess.run([command, *name.split(".")], capture_output=True, text=True, timeout=20)
        assert said.returncode == 2
        assert f"is part of {distribution}, not installed here" in said.stderr


def test_each_is_in_the_distribution_that_is_named() -> None:
    """The table holds every command that our distributions bring."""
    brought = {
        name: member.name
        for member in distributions()
        for name in member.project.get("entry-points", {}).get(GROUP, {})
    }
    assert brought == ELSEWHERE
