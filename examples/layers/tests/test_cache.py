"""The cache on a board: what is remembered, for whom, for how long, and what it costs."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from modelplug import (
    Chunk,
    ConfigError,
    Credentials,
    EmptyReply,
    Model,
    Prices,
    Reply,
    Request,
    Settings,
    StreamCut,
    Switchboard,
    Unavailable,
)
from modelplug.testing import FakePlugin, FakeStrategy, Listener, chunks_of, reply_of
from modelplug_layers.cache import Caching

HELLO = [{"role": "user", "content": "hello"}]
MODEL = Model(
    id="fake/one",
    provider="fake",
    requires=(),
    capabilities=frozenset({"chat", "embeddings"}),
    prices=Prices(input=Decimal(1), output=Decimal(2)),
)


def board_with(strategy: FakeStrategy, *, model: Model = MODEL, **table: Any) -> Switchboard:
    settings = Settings(argument={"cache": {"seconds": 60, **table}}, environment={})
    board = Switchboard(settings=settings, credentials_for=lambda provider, tenant: Credentials())
    board.add(FakePlugin(model, strategy=strategy))
    board.add(Caching)
    return board


async def streamed(board: Switchboard, **options: Any) -> list[dict[str, Any]]:
    async with board.stream("fake/one", HELLO, **options) as chunks:
        return [chunk.model_dump() async for chunk in chunks]


async def test_the_second_answer_comes_from_memory() -> None:
    """Whole, in the same chunks with their finish reason, and as vectors; other words are another question."""
    strategy = FakeStrategy("once upon a time")
    board = board_with(strategy)
    replies = [await board.complete("fake/one", HELLO) for _ in range(2)]
    first, second = await streamed(board), await streamed(board)
    vectors = [(await board.embed("fake/one", ["a", "b"])).vectors for _ in range(2)]
    assert replies[0].text == replies[1].text == "once upon a time"
    assert [chunk["choices"] for chunk in first] == [chunk["choices"] for chunk in second]
    assert [chunk["choices"][0]["finish_reason"] for chunk in second if chunk["choices"]][-1] == "stop"
    assert vectors[0] == vectors[1]
    assert len(strategy.requests) == 3
    await board.complete("fake/one", HELLO, temperature=1)
    await board.complete("fake/one", HELLO, extra_headers={"x-beta": "1"})
    for _ in range(2):
        await board.complete("fake/one", HELLO, unlike=object())  # has no JSON
    assert len(strategy.requests) == 7


@pytest.mark.parametrize("prices", [Prices(input=Decimal(1), output=Decimal(2)), Prices()])
@pytest.mark.parametrize("reports", [True, False])
async def test_what_comes_from_memory_is_not_billed_again(prices: Prices, reports: bool) -> None:
    """No tokens and $0 in each record, and in what the host reads; also where nobody knows what the call had cost."""
    strategy = FakeStrategy()
    if not reports:
        strategy.chunks = strategy.chunks[:-1]
    board = board_with(strategy, model=Model(id="fake/one", provider="fake", requires=(), prices=prices))
    listener = Listener.on(board)
    for _ in range(2):
        reply = await board.complete("fake/one", HELLO)
    for _ in range(2):
        vectors = await board.embed("fake/one", "a")
    for _ in range(2):
        async with board.stream("fake/one", HELLO) as chunks:
            usages = [chunk.usage async for chunk in chunks]
    paid, free = listener.finished[::2], listener.finished[1::2]
    assert [(call.usage.total_tokens, call.usage.source, call.cost) for call in free] == [
        (0, "reported", Decimal(0))
    ] * 3
    assert [bool(call.cost) for call in paid] == [prices.input is not None, False, prices.input is not None and reports]
    for answer in (reply, vectors, chunks.reply):
        assert (answer.usage.total_tokens, answer["usage"]["total_tokens"]) == (0, 0)
    assert [usage.total_tokens for usage in usages if usage is not None] == [0]


async def test_tenants_share_nothing() -> None:
    """Not even where the provider's key is the same for all of them."""
    strategy = FakeStrategy()
    board = board_with(strategy)
    for _ in range(2):
        for tenant in ("blue", "green", None):
            await board.complete("fake/one", HELLO, tenant=tenant)
    await board.complete("fake/one", HELLO, credentials=Credentials(api_key="sk-another"))
    assert [request.tenant for request in strategy.requests] == ["blue", "green", None, None]


async def test_a_host_may_change_what_it_got() -> None:
    """Its answer, its chunks and its messages are its own; none changes what is remembered, or for which question."""
    strategy = FakeStrategy("unchanged")
    board = board_with(strategy)
    for _ in range(3):
        messages = list(HELLO)
        reply = await board.complete("fake/one", messages)
        assert reply.text == "unchanged"
        reply.data["choices"].clear()
        async with board.stream("fake/one", messages) as chunks:
            async for chunk in chunks:
                messages.append({"role": "assistant", "content": "more"})
                chunk.data["choices"].clear()
        strategy.chunks = chunks_of("unchanged")
    first, *_ = await streamed(board)
    assert first["choices"][0]["delta"] == {"content": "unchanged"}
    assert len(strategy.requests) == 2


@pytest.mark.parametrize(
    "chunks",
    [
        chunks_of("half of", finish_reason=None),
        chunks_of("too lo", finish_reason="length"),
        chunks_of("not that", finish_reason="content_filter"),
        chunks_of(""),
        [*chunks_of("one"), Chunk({"choices": [{"index": 1, "delta": {"content": "two"}, "finish_reason": None}]})],
    ],
)
async def test_an_answer_that_did_not_end_well_is_not_remembered(chunks: list[Chunk]) -> None:
    """Cut, at its limit, filtered, empty, or with one choice of several left open: it is asked again."""
    strategy = FakeStrategy(chunks=chunks)
    board = board_with(strategy)
    for _ in range(2):
        with suppress(StreamCut, EmptyReply):
            await streamed(board)
    assert len(strategy.requests) == 2


async def test_what_failed_or_was_left_is_not_remembered() -> None:
    """Neither a failure, nor a stream that the host left within its last chunk or cancelled."""
    strategy = FakeStrategy(chunks=chunks_of("one"), error=Unavailable("down"))
    board = board_with(strategy)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await board.complete("fake/one", HELLO)
        with pytest.raises(Unavailable):
            await streamed(board)
    strategy.error = None
    async with board.stream("fake/one", HELLO) as chunks:
        async for chunk in chunks:
            if chunk.usage is not None:
                break
    assert strategy.closed_streams == 3
    await streamed(board)
    assert len(strategy.requests) == 6


async def test_only_so_much_is_remembered_and_only_so_long() -> None:
    """The oldest answer goes first; one that is too old is asked for again."""
    strategy = FakeStrategy()
    board = board_with(strategy, answers=2)

    async def asked(*names: str) -> int:
        before = len(strategy.requests)
        for name in names:
            await board.complete("fake/one", [{"role": "user", "content": name}])
        return len(strategy.requests) - before

    assert await asked("a", "b", "c", "b", "c") == 3
    assert await asked("a") == 1
    board = board_with(strategy, seconds=0.05)
    assert await asked("a", "a") == 1
    await asyncio.sleep(0.06)
    assert await asked("a") == 1


async def test_equal_questions_at_once_are_both_asked() -> None:
    """Neither waits for the other, so that one's cancellation is not the other's."""

    class Slow(FakeStrategy):
        async def complete(self, request: Request) -> Reply:
            self.requests.append(request)
            await asyncio.sleep(0.05)
            return reply_of()

    strategy = Slow()
    board = board_with(strategy)
    first, second = (asyncio.create_task(board.complete("fake/one", HELLO)) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    assert (await second).text == "hello there"
    assert len(strategy.requests) == 2


@pytest.mark.parametrize("table", [{"seconds": -1}, {"answers": 0}, {"answers": -1}, {"seconds": "long"}])
async def test_a_setting_that_is_wrong_is_told(table: dict[str, Any]) -> None:
    """Before a call is made."""
    strategy = FakeStrategy()
    with pytest.raises(ConfigError, match="cache"):
        await board_with(strategy, **table).complete("fake/one", HELLO)
    assert strategy.requests == []


async def test_it_sleeps_without_a_setting() -> None:
    """Installed and not asked for, it remembers nothing."""
    strategy = FakeStrategy()
    board = board_with(strategy, seconds=None)
    for _ in range(2):
        await board.complete("fake/one", HELLO)
    assert len(strategy.requests) == 2
