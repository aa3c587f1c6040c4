"""Strategies that bring what is none of modelplug's shapes: the call still ends in one record, and in a CallFailed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from modelplug import CallFailed, Chunk, Request, Settings, Switchboard, TimedOut, Usage
from modelplug.testing import FakePlugin, FakeStrategy, Listener, chunks_of

CALL = {"index": 0, "function": {"name": "f", "arguments": {"a": 1}}}


def chunk(delta: Any = None, *, model: Any = "m", counted: Usage | None = None) -> Chunk:
    """One whole answer in a chunk."""
    choice = {"index": 0, "delta": delta or {"content": "x"}, "finish_reason": "stop"}
    return Chunk({"model": model, "choices": [choice], "usage": {"prompt_tokens": 1}}, usage=counted)


NOT_COUNTED: Any = Usage(prompt_tokens="5", source="reported")  # type: ignore[arg-type]  # which is the point
LIST: Any = Chunk([1])  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(
    "chunks",
    [
        [LIST],
        [*chunks_of(), LIST],
        [chunk(model=5)],
        [chunk({"tool_calls": [CALL]})],
        [chunk(counted=NOT_COUNTED)],
    ],
    ids=["a list", "a list at the end", "a number for a model", "arguments that are no text", "tokens that are text"],
)
async def test_chunks_of_another_shape_end_in_one_record(chunks: list[Chunk]) -> None:
    """It is failed, by the plugin's fault."""
    board = Switchboard(settings=Settings(environment={}))
    board.add(FakePlugin(strategy=FakeStrategy(chunks=chunks)))
    listener = Listener.on(board)
    with pytest.raises(CallFailed, match="fault of the plugin"):
        async with board.stream("one", []) as stream:
            [each async for each in stream]
    assert [call.outcome for call in listener.finished] == ["failed"]


async def test_a_stream_of_another_shape_may_be_left() -> None:
    """It is abandoned, in one record that does without what cannot be read."""
    board = Switchboard(settings=Settings(environment={}))
    board.add(FakePlugin(strategy=FakeStrategy(chunks=[chunk(model=5), chunk()])))
    listener = Listener.on(board)
    async with board.stream("one", []) as stream:
        await anext(stream)
    assert [(call.outcome, call.response_model) for call in listener.finished] == [("abandoned", None)]


async def test_a_burst_with_something_else_in_it_is_the_plugins_fault() -> None:
    """Also where it comes behind a good chunk."""

    class Bursting(FakeStrategy):
        async def bursts(self, request: Request) -> AsyncGenerator[Sequence[Any], None]:
            yield [chunks_of()[0], "junk"]

    board = Switchboard(settings=Settings(environment={}))
    board.add(FakePlugin(strategy=Bursting()))
    listener = Listener.on(board)
    with pytest.raises(CallFailed, match="fault of the plugin") as caught:
        async with board.stream("one", []) as stream:
            [each async for each in stream]
    assert caught.value.partial == "hello "
    assert [call.outcome for call in listener.finished] == ["failed"]


async def test_a_strategy_that_gives_up_waiting_is_not_said_to_have_missed_the_deadline() -> None:
    """Its own TimeoutError is a TimedOut, and says whose it is."""
    board = Switchboard(settings=Settings(environment={}))
    board.add(FakePlugin(strategy=FakeStrategy(error=TimeoutError())))
    with pytest.raises(TimedOut, match="strategy 'fake' gave up waiting"):
        await board.complete("one", [], timeout=60)
    with pytest.raises(TimedOut, match="no answer within the deadline"):
        await board.complete("one", [], timeout=1e-9)


class Unbegun(CallFailed):
    """Never calls the class that it is made from."""

    def __init__(self) -> None:
        pass


class Mute(Exception):
    """Cannot say what happened."""

    def __str__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize("error", [Unbegun(), Mute()], ids=lambda error: type(error).__name__)
async def test_an_error_that_cannot_be_read_is_recorded(error: Exception) -> None:
    """The host sees a CallFailed that names the error's class."""
    board = Switchboard(settings=Settings(environment={}))
    board.add(FakePlugin(strategy=FakeStrategy(error=error)))
    listener = Listener.on(board)
    with pytest.raises(CallFailed, match=type(error).__name__):
        await board.complete("one", [])
    assert [call.outcome for call in listener.finished] == ["failed"]
