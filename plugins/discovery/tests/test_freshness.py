"""Lists are kept fresh beside a host, whatever endpoints do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from modelplug import Settings, Switchboard
from modelplug_discovery import Discovery, kept
from modelplug_discovery.entry import Entry
from modelplug_discovery.refreshing import keep_fresh, refresh
from modelplug_testkit.upstream import Hold, Upstream
from modelplug_testkit.wire import answer

OFTEN = 0.02 / 3600
"""Hours."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def lists(*names: str) -> bytes:
    return answer({"object": "list", "data": [{"id": name} for name in names]})


def board_of(**bases: str) -> Switchboard:
    tables: dict[str, Any] = {name: {"api_base": base, "discover": True} for name, base in bases.items()}
    board = Switchboard(settings=Settings(argument={"providers": tables}, environment={}))
    board.add(Discovery, name="discovery")
    return board


@asynccontextmanager
async def kept_fresh(board: Switchboard, hours: float, look: float = 60.0) -> AsyncIterator[asyncio.Task[None]]:
    """The task of a host; it is running still when it is cancelled, and then it ends at once."""
    task = asyncio.create_task(keep_fresh(board, hours=hours, look=look))
    try:
        yield task
    finally:
        assert not task.done()
        task.cancel()
        async with asyncio.timeout(5):
            with pytest.raises(asyncio.CancelledError):
                await task


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  # a swap sets no event
            await asyncio.sleep(0.01)


async def test_it_is_kept_fresh_until_it_is_cancelled() -> None:
    """A task of the host's refreshes now and again."""
    async with Upstream(plays=[lists("large"), lists("large", "new")]) as server:
        board = board_of(acme=server.base)
        async with kept_fresh(board, OFTEN):
            await until(lambda: len(board.models) == 2)
    assert [model.id for model in board.models] == ["acme/large", "acme/new"]


async def test_what_was_fetched_lately_is_not_asked_again() -> None:
    """After a restart too: the date is on disk."""
    async with Upstream(plays=[lists("large")]) as server:
        await refresh(board_of(acme=server.base))
        async with kept_fresh(board_of(acme=server.base), 24):
            await asyncio.sleep(0.2)
        assert len(server.received) == 1


async def test_a_list_that_another_process_fetched_is_taken_over() -> None:
    """Nobody asks twice for workers of one host."""
    async with Upstream(plays=[lists("large")]) as server:
        board = board_of(acme=server.base)
        await refresh(board)
        async with kept_fresh(board, 24, look=0.02):
            await asyncio.sleep(0.1)
            kept.write(board.settings.provider("acme"), [Entry(id="large"), Entry(id="theirs")])
            await until(lambda: "acme/theirs" in board.catalog)
        assert len(server.received) == 1


async def test_a_provider_that_hangs_or_fails_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """Each is asked by itself, and a failing one after a pause."""
    async with Upstream(plays=[[Hold]]) as slow, Upstream(plays=[lists("large")]) as good:
        board = board_of(a_slow=slow.base, b_closed="http://127.0.0.1:9/v1", c_good=good.base)
        with caplog.at_level(logging.WARNING, "modelplug.discovery"):
            async with kept_fresh(board, 24):
                await until(lambda: "c_good/large" in board.catalog and bool(caplog.records) and bool(slow.received))
    assert "'b_closed' keeps its earlier models" in caplog.text


async def test_a_provider_whose_table_is_wrong_stops_no_other() -> None:
    """Where it is not known whether one is discovered, the others are kept fresh."""
    async with Upstream(plays=[lists("large"), lists("large", "new")]) as server:
        tables = {"acme": {"api_base": server.base, "discover": True}, "odd": {"discover": "perhaps"}}
        board = Switchboard(settings=Settings(argument={"providers": tables}, environment={}))
        board.add(Discovery, name="discovery")
        async with kept_fresh(board, OFTEN):
            await until(lambda: "acme/new" in board.catalog)


async def test_an_endpoint_says_itself_how_long_to_wait() -> None:
    """A list that is refused with 429 is not asked for again before."""
    refused = answer({"error": {"message": "slow down"}}, status=429, headers=[("retry-after", "3600")])
    async with Upstream(plays=[refused]) as server, Upstream(plays=[lists("large")]) as other:
        board = board_of(acme=server.base, other=other.base)
        async with kept_fresh(board, 1.0):
            await until(lambda: bool(server.received) and "other/large" in board.catalog)
            await asyncio.sleep(0.2)
        assert len(server.received) == 1


async def test_nothing_ends_it_but_being_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even settings that became wrong while it ran: they are told in the log, and it goes on."""
    config = tmp_path / "config.toml"
    async with Upstream(plays=[lists("large"), lists("large", "new")]) as server:
        good = f'[providers.acme]\napi_base = "{server.base}"\ndiscover = true\n'
        config.write_text(good, "utf-8")
        board = Switchboard(settings=Settings.read(environment={"MODELPLUG_CONFIG": str(config)}))
        board.add(Discovery, name="discovery")
        config.write_text("[providers.acme\n", "utf-8")
        async with kept_fresh(board, OFTEN):
            await until(lambda: len(server.received) >= 1)
            config.write_text(good, "utf-8")
            await until(lambda: "acme/new" in board.catalog)
