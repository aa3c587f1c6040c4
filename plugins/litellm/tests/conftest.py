"""What the tests of this folder share: a provider on loopback, and boards that call it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from modelplug import Switchboard
from modelplug_litellm import LiteLLMPlugin, _importing

from plugins.litellm.tests.provider_on_loopback import Upstream


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A provider on loopback."""
    async with Upstream() as server:
        yield server


@pytest.fixture
async def board_for(upstream: Upstream) -> AsyncIterator[Callable[..., Switchboard]]:
    """Makes boards with LiteLLM's plugin whose named provider is the upstream, with the key `sk-own`."""
    boards: list[Switchboard] = []

    def make(provider: str, *plugins: Any, path: str = "/v1", **table: Any) -> Switchboard:
        place = {"api_key": "sk-own-0123456789", "api_base": upstream.base + path}
        settings = {"providers": {provider: {**place, **table}}, "retry": {"attempts": 1}}
        board = Switchboard(settings=settings)
        for plugin in (LiteLLMPlugin, *plugins):
            board.add(plugin)
        boards.append(board)
        return board

    yield make
    for board in boards:
        await board.aclose()


@pytest.fixture(autouse=True)
def _no_cache_outside(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest of the price map is kept in a folder of this test run."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session", autouse=True)
def _litellm_is_imported() -> None:
    """LiteLLM's import takes seconds: done once, before any test's time limit counts."""
    _importing.load()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What pydantic says of LiteLLM's types is ignored, as the plugin has it ignored where warnings are no errors."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(f"ignore:{_importing._PYDANTICS_WARNING}:UserWarning"))
