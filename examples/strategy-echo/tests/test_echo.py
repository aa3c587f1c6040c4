"""The strategy on a board."""

from modelplug import Settings, Switchboard
from modelplug_echo import Echoing

HELLO = [{"role": "user", "content": "hello there"}]


async def test_it_says_what_it_hears() -> None:
    """Whole and in chunks."""
    board = Switchboard(settings=Settings(environment={}))
    board.add(Echoing)
    assert (await board.complete("echo/echo", HELLO)).text == "hello there"
    async with board.stream("echo/echo", HELLO) as chunks:
        assert "".join([chunk.text async for chunk in chunks]).strip() == "hello there"
