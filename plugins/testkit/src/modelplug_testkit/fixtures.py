"""The pytest plugin: makes a test of each row for the classes that derive from Kit."""

from __future__ import annotations

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each row and each point."""
    for name in ("modelplug_row", "modelplug_point"):
        if name in metafunc.fixturenames and metafunc.cls is not None:
            from modelplug_testkit.kit import Kit, ids  # late: a run without a Kit pays nothing

            if issubclass(metafunc.cls, Kit):
                found = ids(metafunc.cls, name)
                metafunc.parametrize(name, found, ids=found)
