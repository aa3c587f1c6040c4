"""The strategy and the layer on a board."""

import asyncio

from modelplug import Settings, Switchboard
from modelplug.testing import FakePlugin, FakeStrategy
from modelplug_echo import Echoing
from modelplug_echo.cache import Caching

HELLO = [{"role": "user", "content": "hello there"}]


async def test_it_says_what_it_hears() -> None:
    """Whole and in chunks."""
    board = Switchboard(settings=Settings(environment={}))
    board.add(Echoing)
    assert (await board.complete("echo/echo", HELLO)).text == "hello there"
    async with board.stream("echo/echo", HELLO) as chunks:
        assert "".join([chunk.text async for chunk in chunks]).strip() == "hello there"


async def test_the_second_answer_comes_from_memory() -> None:
    """The same question is asked once; every call has its own record."""
    strategy = FakeStrategy("once")
    board = Switchboard(settings=Settings(environment={}))
    board.add(FakePlugin(strategy=strategy))
    board.add(Caching)
    first, second = await asyncio.gather(*(asyncio.create_task(board.complete("one", HELLO)) for _ in range(2)))
    third = await board.complete("one", HELLO)
    assert {first.text, second.text, third.text} == {"once"}
    assert len(strategy.requests) <= 2
    assert third.call is not None
    assert first.call is not None
    assert third.call.id != first.call.id
    await board.complete("one", HELLO, temperature=1)
    assert strategy.requests[-1].params == {"temperature": 1}
