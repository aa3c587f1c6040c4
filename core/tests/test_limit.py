"""How many calls go to a provider at once, and what the others see."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from modelplug import Chunk, ConfigError, Model, RateLimited, Reply, Request, Settings, Switchboard, TimedOut
from modelplug.limit import Limit
from modelplug.retry import Retry
from modelplug.testing import FakePlugin, FakeStrategy, Listener, chunks_of, reply_of

MESSAGES = [{"role": "user", "content": "hi"}]


class Counting(FakeStrategy):
    """Counts how many calls are in it at once."""

    def __init__(self, *, gate: asyncio.Event | None = None) -> None:
        super().__init__()
        self.gate = gate
        self.inside = self.most = 0

    async def complete(self, request: Request) -> Reply:
        await self._enter()
        self.inside -= 1
        return reply_of()

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        try:
            await self._enter()
            for chunk in chunks_of():
                yield chunk
        finally:
            self.inside -= 1

    async def _enter(self) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        await (self.gate.wait() if self.gate else asyncio.sleep(0))


def board_with(strategy: FakeStrategy, **settings: Any) -> Switchboard:
    board = Switchboard(settings=Settings(argument={"providers": {"fake": settings}}, environment={}))
    for plugin in (Limit(), Retry(), FakePlugin(strategy=strategy)):
        board.add(plugin)
    return board


async def streamed(board: Switchboard) -> str:
    async with board.stream("one", MESSAGES) as chunks:
        return "".join([chunk.text async for chunk in chunks])


async def test_60_ten_thousand_calls_at_once() -> None:
    """No more than the places at once; as many wait as may; the rest is told at once, and each has its record."""
    strategy = Counting()
    board = board_with(strategy, max_concurrency=100, max_waiting=4_900)
    listener = Listener.on(board)
    calls = (board.complete("one", MESSAGES) for _ in range(10_000))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, RateLimited)]
    assert strategy.most == 100
    assert len(refused) == 5_000
    assert {(error.kind, error.retryable) for error in refused} == {("saturated", False)}
    assert len([answer for answer in answers if isinstance(answer, Reply)]) == 5_000
    outcomes = [call.outcome for call in listener.finished]
    assert (outcomes.count("ok"), outcomes.count("failed"), sum(board.dropped.values())) == (5_000, 5_000, 0)


async def test_a_stream_keeps_its_place_until_it_is_over_or_left() -> None:
    """Streams are bounded as answers are, and one that is left makes room."""
    strategy = Counting()
    board = board_with(strategy, max_concurrency=1)
    async with board.stream("one", MESSAGES) as chunks:
        await anext(aiter(chunks))
        with pytest.raises(TimedOut):
            await board.complete("one", MESSAGES, timeout=0.05)
    assert await asyncio.gather(*(streamed(board) for _ in range(5))) == ["hello there"] * 5
    assert strategy.most == 1


async def test_a_call_that_is_cancelled_while_it_waits_leaves_no_place_behind() -> None:
    """After any mix of cancelled calls all places are free again."""
    gate = asyncio.Event()
    strategy = Counting(gate=gate)
    board = board_with(strategy, max_concurrency=3)
    calls = [asyncio.ensure_future(board.complete("one", MESSAGES)) for _ in range(12)]
    await asyncio.sleep(0.01)
    for call in calls[::2]:
        call.cancel()
    gate.set()
    await asyncio.gather(*calls, return_exceptions=True)
    strategy.most = strategy.inside = 0
    gate.clear()
    calls = [asyncio.ensure_future(board.complete("one", MESSAGES)) for _ in range(12)]
    await asyncio.sleep(0.01)
    gate.set()
    await asyncio.gather(*calls)
    assert strategy.most == 3


def test_each_event_loop_has_its_own_places() -> None:
    """A board that is used by one loop after another waits for no place of a loop that is gone."""
    board = board_with(Counting(), max_concurrency=1)

    async def burst() -> list[Reply]:
        return await asyncio.gather(*(board.complete("one", MESSAGES) for _ in range(3)))

    assert [len(asyncio.run(burst())) for _ in range(3)] == [3, 3, 3]


async def test_without_the_setting_nothing_is_bounded() -> None:
    """As many calls are under way as the host makes."""
    strategy = Counting()
    board = board_with(strategy)
    await asyncio.gather(*(board.complete("one", MESSAGES) for _ in range(200)))
    assert strategy.most == 200


@pytest.mark.parametrize("most", [0, -1, "many"])
async def test_a_setting_that_is_none_is_told_by_its_name(most: object) -> None:
    """ConfigError says which."""
    board = board_with(FakeStrategy(), max_concurrency=most)
    with pytest.raises(ConfigError, match="max_concurrency"):
        await board.complete("one", MESSAGES)


def test_models_of_a_provider_share_its_places() -> None:
    """The bound is the provider's."""
    strategy = Counting()
    models = [Model(id=f"fake/{n}", provider="fake", requires=()) for n in range(4)]
    settings = Settings(argument={"providers": {"fake": {"max_concurrency": 2}}}, environment={})
    board = Switchboard(settings=settings)
    board.add(Limit())
    board.add(FakePlugin(*models, strategy=strategy))

    async def all_of_them() -> None:
        await asyncio.gather(*(board.complete(model.id, MESSAGES) for model in models))

    asyncio.run(all_of_them())
    assert strategy.most == 2
