"""The log of calls: each line tied to its call, nothing of content, no secrets, and nothing at all unless wanted."""

from __future__ import annotations

import logging
import re

import pytest
from modelplug import ConfigError, Credentials, Reply, Request, Settings, Switchboard, Unavailable, UnknownModel
from modelplug.retry import Retry
from modelplug.testing import FakePlugin, FakeStrategy

KEY = "sk-abcdef0123456789secret"
QUESTION = [{"role": "user", "content": "What is the answer?"}]


class Once(FakeStrategy):
    """Fails at the first try, with words that it should not say."""

    async def complete(self, request: Request) -> Reply:
        if not request.attempts:
            raise Unavailable(f"busy\nkey {KEY}", status=503, retry_after=0.01, request_id="up-17")
        return await super().complete(request)


def board_with(strategy: FakeStrategy, **log: object) -> Switchboard:
    board = Switchboard(settings=Settings(argument={"log": log}, environment={}))
    board.add(FakePlugin(strategy=strategy))
    board.add(Retry())
    return board


def lines(caplog: pytest.LogCaptureFixture, call_id: str) -> list[str]:
    """What was said of a call, without its id and with all numbers of seconds as `S`."""
    said = [record.getMessage() for record in caplog.records if getattr(record, "call_id", None) == call_id]
    assert all(text.startswith(f"call {call_id}") for text in said) and len(said) == len(caplog.records)
    return [re.sub(r"\d+\.\d{3} s", "S", text.removeprefix(f"call {call_id}")) for text in said]


async def test_every_line_of_a_call_has_its_id_and_attempts_are_numbered(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG a call that was tried again is begun, tried and ended, in this order, without its key or content."""
    caplog.set_level(logging.DEBUG, "modelplug")
    reply = await board_with(Once()).complete("one", QUESTION, temperature=0.5, credentials=Credentials(api_key=KEY))
    assert reply.call
    assert lines(caplog, reply.call.id) == [
        ": chat with fake/one, strategy fake, sent as one, 1 messages, with temperature",
        ", attempt 1: failed: upstream, busy key [redacted] (status 503, request id up-17), after S; again in S",
        ": ok, S, fake/one, tokens 3 in, 2 out, 2 attempts, answer 1",
    ]
    assert [getattr(record, "attempt", None) for record in caplog.records] == [None, 1, None]
    assert "answer?" not in caplog.text and "hello" not in caplog.text


async def test_a_stream_tells_of_its_first_chunk(caplog: pytest.LogCaptureFixture) -> None:
    """Of a stream there is one line more."""
    caplog.set_level(logging.DEBUG, "modelplug")
    async with board_with(FakeStrategy()).stream("one", QUESTION) as chunks:
        async for _ in chunks:
            pass
    assert chunks.call
    assert lines(caplog, chunks.call.id)[1:] == [
        ", attempt 1: first chunk after S",
        ": ok, S, fake/one, first chunk S, tokens 3 in, 2 out, answer 1",
    ]


async def test_at_info_there_is_one_line_a_call(caplog: pytest.LogCaptureFixture) -> None:
    """Success, failure and a name that is no model are a line each, and above INFO nothing."""
    caplog.set_level(logging.INFO, "modelplug")
    strategy = FakeStrategy()
    board = board_with(strategy)
    await board.complete("one", QUESTION)
    strategy.error = Unavailable("down", status=500, retryable=False)
    with pytest.raises(Unavailable):
        await board.complete("one", QUESTION)
    with pytest.raises(UnknownModel):
        await board.complete("tow", QUESTION)
    said = [record.getMessage() for record in caplog.records]
    assert [record.levelname for record in caplog.records] == ["INFO"] * 3
    assert "failed: upstream, down (status 500)" in said[1] and "no model is called 'tow'" in said[2]
    caplog.clear()
    caplog.set_level(logging.WARNING, "modelplug")
    with pytest.raises(Unavailable):
        await board.complete("one", QUESTION)
    assert caplog.records == []


@pytest.mark.parametrize("stream", [False, True])
async def test_content_is_told_where_a_setting_asks_for_it(caplog: pytest.LogCaptureFixture, stream: bool) -> None:
    """With `log.content` the question and the answer have a line each at DEBUG; a key in them is masked."""
    caplog.set_level(logging.DEBUG, "modelplug")
    board = board_with(FakeStrategy(), content=True)
    question = [{"role": "user", "content": f"Is {KEY} my key?"}]
    if stream:
        async with board.stream("one", question, credentials=Credentials(api_key=KEY)) as chunks:
            async for _ in chunks:
                pass
    else:
        await board.complete("one", question, credentials=Credentials(api_key=KEY))
    assert 'asks [{"role": "user", "content": "Is [redacted] my key?"}]' in caplog.text
    assert '"content": "hello there"' in caplog.text and KEY not in caplog.text


async def test_content_that_is_no_json_harms_no_call(caplog: pytest.LogCaptureFixture) -> None:
    """Messages that cannot be written down are called so."""
    caplog.set_level(logging.DEBUG, "modelplug")
    circle: dict[str, object] = {"role": "user", "content": "x"}
    circle["self"] = circle
    await board_with(FakeStrategy(), content=True).complete("one", [circle])
    assert "asks what is no JSON" in caplog.text


def test_a_setting_that_is_neither_true_nor_false_is_refused() -> None:
    """A wrong value is told when the board is made, not at some call."""
    with pytest.raises(ConfigError, match=r"log.*content.* is neither true nor false"):
        board_with(FakeStrategy(), content="loud")
