"""What the tests of the core share: settings without this machine's own, and plugins installed for one test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from modelplug import Settings

Install = Callable[..., None]


@pytest.fixture
def settings() -> Settings:
    """Settings of nobody: no environment, no file."""
    return Settings(environment={})


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install("name", "source")`: a distribution with one module and an entry point to it, as pip would leave it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    before = set(sys.modules)

    def install(name: str, source: str, *, target: str = "plugin", distribution: str | None = None) -> None:
        module = f"installed_{(distribution or name).replace('-', '_')}"
        (site / f"{module}.py").write_text(source)
        info = site / f"{(distribution or name).replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution or name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[modelplug]\n{name} = {module}:{target}\n")

    yield install
    for module in set(sys.modules) - before:
        if module.startswith("installed_"):
            del sys.modules[module]
