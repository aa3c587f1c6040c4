"""The one layer that tries again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest
from modelplug import (
    AuthFailed,
    BadReply,
    BadRequest,
    CallFailed,
    Chunk,
    ConfigError,
    ContextTooLong,
    Credentials,
    EmptyReply,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    Reply,
    Request,
    Settings,
    StreamCut,
    Switchboard,
    Unavailable,
    Unreachable,
    Usage,
)
from modelplug.retry import BUCKET, COST, Retry
from modelplug.testing import FakePlugin, FakeStrategy, Listener

HELLO = [{"role": "user", "content": "Hello"}]
SOON = 0.001


class Failing(FakeStrategy):
    """Raises these errors one after another, then answers. A stream raises before or after its first chunk."""

    def __init__(self, *errors: CallFailed, after_first_chunk: bool = False) -> None:
        super().__init__()
        self.errors = list(errors)
        self.after_first_chunk = after_first_chunk
        self.times: list[float] = []

    async def complete(self, request: Request) -> Reply:
        self.times.append(time.monotonic())
        if self.errors:
            raise self.errors.pop(0)
        return await super().complete(request)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self.times.append(time.monotonic())
        error = self.errors.pop(0) if self.errors else None
        if error is not None and not self.after_first_chunk:
            raise error
        async with aclosing(super().stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk
                if error is not None:
                    raise error


def board_with(strategy: Failing, **retry: Any) -> tuple[Switchboard, Listener]:
    """A board that tries again."""
    board = Switchboard(settings=Settings(environment={}, argument={"retry": retry}))
    board.add(FakePlugin(strategy=strategy), name="fake")
    board.add(Retry(), name="retry")
    return board, Listener.on(board)


async def call(board: Switchboard, stream: bool, **options: Any) -> str:
    """The text of one call."""
    if not stream:
        return (await board.complete("one", HELLO, **options)).text
    async with board.stream("one", HELLO, **options) as chunks:
        return "".join([chunk.text async for chunk in chunks])


@pytest.mark.parametrize("stream", [False, True])
async def test_passing_faults_are_tried_again_and_each_try_is_recorded(stream: bool) -> None:
    """Two failures and an answer are one call with three attempts, each with its own outcome."""
    strategy = Failing(Unavailable("busy", status=503, retry_after=SOON), RateLimited("slow", retry_after=SOON))
    board, listener = board_with(strategy)
    assert await call(board, stream) == "hello there"
    (record,) = listener.finished
    assert record.outcome == "ok"
    assert [(a.outcome, a.error and a.error.type) for a in record.attempts] == [
        ("failed", "Unavailable"),
        ("failed", "RateLimited"),
        ("ok", None),
    ]
    assert record.attempts[0].waited == SOON
    assert sum(a.seconds + a.waited for a in record.attempts) <= record.seconds * 1.01


async def test_tokens_that_came_with_a_failure_are_recorded() -> None:
    """A try that was billed for its prompt says so in its attempt, though it was tried again."""
    empty = EmptyReply("nothing in it", retry_after=SOON)
    empty.usage = Usage(prompt_tokens=7, completion_tokens=0, total_tokens=7, source="reported")
    board, listener = board_with(Failing(empty))
    await call(board, stream=False)
    assert listener.finished[0].attempts[0].usage == empty.usage


async def test_a_try_that_was_never_made_is_not_recorded() -> None:
    """A call that is cancelled while it waits for its second try has one attempt, and the time that it did wait."""
    strategy = Failing(Unavailable("busy", retry_after=30.0))
    board, listener = board_with(strategy)
    running = asyncio.create_task(call(board, stream=False))
    await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (record,) = listener.finished
    assert (record.outcome, [attempt.outcome for attempt in record.attempts]) == ("cancelled", ["failed"])
    assert record.attempts[0].waited <= record.seconds
    assert len(strategy.times) == 1


async def test_a_failure_that_was_tried_again_is_recorded_without_the_key() -> None:
    """What a provider echoed in a try that nobody saw fail passes the boundary all the same."""
    key = "Zq8vTn4xWm2LpR7y"
    busy = Unavailable(f"busy {key}", code=key, request_id=key, retry_after=SOON)
    board, listener = board_with(Failing(busy))
    await call(board, stream=False, credentials=Credentials(api_key=key))
    assert key[:8] not in repr(listener.finished[0])


@pytest.mark.parametrize("stream", [False, True])
async def test_three_attempts_at_most(stream: bool) -> None:
    """The third failure is the call's, and carries all attempts."""
    strategy = Failing(*(Unavailable(f"busy {i}", retry_after=SOON) for i in range(5)))
    board, _ = board_with(strategy)
    with pytest.raises(Unavailable, match="busy 2") as caught:
        await call(board, stream)
    assert len(strategy.times) == len(caught.value.attempts) == 3


@pytest.mark.parametrize(
    "error",
    [
        AuthFailed("no"),
        QuotaExhausted("spent", status=429),
        BadRequest("what"),
        StreamCut("cut"),
        BadReply("too large", kind="too_large"),
        Unreachable("certificate", kind="tls", retryable=False),
        Unavailable("do not", retryable=False, retry_after=SOON),
    ],
    ids=lambda error: type(error).__name__ + "-" + error.kind,
)
async def test_what_does_not_pass_by_itself_is_not_tried_again(error: CallFailed) -> None:
    """One attempt, and the error as it came."""
    strategy = Failing(error)
    board, _ = board_with(strategy)
    with pytest.raises(type(error)):
        await call(board, False)
    assert len(strategy.times) == 1


@pytest.mark.parametrize("kind", ["dns", "decode", "protocol"])
async def test_some_faults_are_worth_one_more_try_only(kind: str) -> None:
    """Two attempts, not three."""
    errors = [(Unreachable if kind == "dns" else BadReply)("odd", kind=kind, retry_after=SOON) for _ in range(3)]
    strategy = Failing(*errors)
    board, _ = board_with(strategy)
    with pytest.raises(CallFailed):
        await call(board, False)
    assert len(strategy.times) == 2


async def test_what_the_provider_says_of_retrying_is_obeyed() -> None:
    """`x-should-retry: true` makes even a model that is not found worth another try."""
    strategy = Failing(ModelNotFound("loading", retryable=True, retry_after=SOON))
    assert await call(board_with(strategy)[0], False) == "hello there"


@pytest.mark.parametrize("error", [BadRequest, ContextTooLong, AuthFailed, QuotaExhausted])
async def test_what_no_second_try_mends_is_not_tried_again(error: type[CallFailed]) -> None:
    """Whatever the provider says of it."""
    strategy = Failing(error("odd", retryable=True, retry_after=SOON))
    with pytest.raises(error):
        await call(board_with(strategy)[0], False)
    assert len(strategy.times) == 1


async def test_a_stream_is_never_tried_again_after_its_first_chunk() -> None:
    """The caller has seen a chunk: the failure is told, with what arrived."""
    strategy = Failing(Unavailable("gone", retry_after=SOON), after_first_chunk=True)
    board, _ = board_with(strategy)
    with pytest.raises(Unavailable) as caught:
        await call(board, True)
    assert caught.value.partial == "hello "
    assert len(strategy.times) == 1
    assert strategy.closed_streams == 1


async def test_the_wait_that_the_provider_asked_for_is_kept() -> None:
    """Not shorter than retry_after."""
    strategy = Failing(RateLimited("slow", retry_after=0.05))
    await call(board_with(strategy)[0], False)
    assert 0.05 <= strategy.times[1] - strategy.times[0] < 1


async def test_a_wait_beyond_the_deadline_fails_at_once() -> None:
    """The error comes now and carries retry_after, so that the host can decide."""
    strategy = Failing(RateLimited("tomorrow", retry_after=86_400))
    board, _ = board_with(strategy)
    start = time.monotonic()
    with pytest.raises(RateLimited) as caught:
        await call(board, False, timeout=5)
    assert caught.value.retry_after == 86_400
    assert time.monotonic() - start < 1


async def test_an_outage_is_not_multiplied() -> None:
    """When a provider's bucket is empty its calls are tried once; successes fill it again."""
    strategy = Failing(*(Unavailable("down", retry_after=0) for _ in range(10_000)))
    board, _ = board_with(strategy)
    calls = BUCKET // COST + 20
    for _ in range(calls):
        with pytest.raises(Unavailable):
            await call(board, False)
    assert len(strategy.times) == calls + BUCKET // COST
    strategy.errors.clear()
    for _ in range(COST):
        await call(board, False)
    before = len(strategy.times)
    strategy.errors.append(Unavailable("again", retry_after=0))
    await call(board, False)
    assert len(strategy.times) == before + 2


async def test_an_empty_stream_is_tried_again() -> None:
    """A strategy whose stream ends at once is given one more try, and then told as EmptyReply."""

    class Empty(Failing):
        async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
            self.times.append(time.monotonic())
            return
            yield  # type: ignore[unreachable]  # makes it a generator

    strategy = Empty()
    board, listener = board_with(strategy)
    with pytest.raises(EmptyReply):
        await call(board, True)
    assert len(strategy.times) == 2
    assert len(listener.finished) == 1


async def test_attempts_are_a_setting() -> None:
    """One attempt means never again."""
    strategy = Failing(Unavailable("busy", retry_after=SOON))
    with pytest.raises(Unavailable):
        await call(board_with(strategy, attempts=1)[0], False)
    assert len(strategy.times) == 1


async def test_a_provider_may_have_attempts_of_its_own() -> None:
    """They come before those of `[retry]`."""
    strategy = Failing(*(Unavailable(f"busy {i}", retry_after=SOON) for i in range(3)))
    settings = Settings(environment={"FAKE_ATTEMPTS": "4"}, argument={"retry": {"attempts": 1}})
    board = Switchboard(settings=settings)
    board.add(FakePlugin(strategy=strategy))
    board.add(Retry)
    assert await call(board, False) == "hello there"
    assert len(strategy.times) == 4


@pytest.mark.parametrize("attempts", [0, -1, "none"])
async def test_attempts_that_are_none_are_refused(attempts: object) -> None:
    """Zero is no number of tries, and is not taken for the default."""
    with pytest.raises(ConfigError, match=r"\[retry\] attempts"):
        await call(board_with(Failing(), attempts=attempts)[0], False)
