"""What llmock (on the package index), a judge that is not ours, says of how calls are tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from llmock.pytest_plugin import LLMock
from modelplug import (
    AuthFailed,
    BadReply,
    BadRequest,
    CallFailed,
    ContextTooLong,
    ModelplugError,
    RateLimited,
    Settings,
    StreamCut,
    Switchboard,
    Unavailable,
)
from modelplug.testing import Listener

pytestmark = pytest.mark.slow  # it waits as long as it is told

MODEL = "v98store/gpt-4o-mini"
MESSAGES = [{"role": "user", "content": "Say hello."}]
Fault = Callable[[LLMock], Any]

PASSING: dict[str, tuple[Fault, int]] = {
    "well": (lambda judge: judge.reply("hello"), 1),
    "429 twice": (lambda judge: judge.rate_limit(times=2, retry_after=0.2), 3),
    "429 with a wait of a second": (lambda judge: judge.rate_limit(times=1, retry_after=1), 2),
    "503 once": (lambda judge: judge.fail(503, times=1), 2),
    "500 once": (lambda judge: judge.fail(500, times=1), 2),
    "529 once": (lambda judge: judge.fail(529, times=1), 2),
    "slow": (lambda judge: judge.delay(0.3, times=1), 1),
}
"""Faults that pass, and how many attempts there are then."""

LASTING: dict[str, tuple[Fault, type[CallFailed], int]] = {
    "an outage": (lambda judge: judge.outage(), Unavailable, 3),
    "429 for ever": (lambda judge: judge.rate_limit(times=None, retry_after=0.1), RateLimited, 3),
    "401": (lambda judge: judge.fail(401, times=None), AuthFailed, 1),
    "400": (lambda judge: judge.fail(400, times=None), BadRequest, 1),
    "context": (lambda judge: judge.context_overflow(times=None), ContextTooLong, 1),
}
"""Faults that last, what is told of them, and after how many attempts."""

STREAMS: dict[str, tuple[Fault, type[CallFailed]]] = {
    "truncated": (lambda judge: judge.truncate(after_chunks=2, times=None), StreamCut),
    "disconnected": (lambda judge: judge.disconnect(after_chunks=2, times=None), StreamCut),
    "corrupt": (lambda judge: judge.corrupt(after_chunks=2, times=None), BadReply),
}
"""Faults within a stream, after its first chunks."""


@pytest.fixture(params=["http", "direct"])
def board(request: pytest.FixtureRequest, llmock: LLMock) -> Switchboard:
    own = {"api_base": llmock.base_url(), "api_key": "sk-judged-0123456789", "strategy": request.param}
    return Switchboard.load(settings=Settings(argument={"providers": {"v98store": own}}, environment={}))


@pytest.mark.parametrize(("fault", "attempts"), PASSING.values(), ids=PASSING.keys())
async def test_faults_that_pass(board: Switchboard, llmock: LLMock, fault: Fault, attempts: int) -> None:
    """The call succeeds, waits as long as it was told, and the judge finds nothing, not even a warning."""
    fault(llmock)
    listener = Listener.on(board)
    await board.complete(MODEL, MESSAGES, timeout=20)
    await board.aclose()
    (call,) = listener.finished
    assert (call.outcome, len(call.attempts), len(llmock.requests)) == ("ok", attempts, attempts)
    llmock.assert_resilient(strict=True)


@pytest.mark.parametrize(("fault", "error", "attempts"), LASTING.values(), ids=LASTING.keys())
async def test_faults_that_last(
    board: Switchboard, llmock: LLMock, fault: Fault, error: type[CallFailed], attempts: int
) -> None:
    """The error is typed, and what no second try mends is asked once."""
    fault(llmock)
    with pytest.raises(error):
        await board.complete(MODEL, MESSAGES, timeout=20)
    await board.aclose()
    assert len(llmock.requests) == attempts
    llmock.assert_resilient()


@pytest.mark.parametrize(("fault", "error"), STREAMS.values(), ids=STREAMS.keys())
async def test_streams(board: Switchboard, llmock: LLMock, fault: Fault, error: type[CallFailed]) -> None:
    """A stream that breaks after its first chunk is a failure with what had arrived, and is not asked for again."""
    fault(llmock)
    listener = Listener.on(board)
    with pytest.raises(ModelplugError) as caught:
        async with board.stream(MODEL, MESSAGES, timeout=20) as chunks:
            async for _ in chunks:
                pass
    assert isinstance(caught.value, error) and caught.value.partial
    await board.aclose()
    assert [call.outcome for call in listener.finished] == ["failed"]
    assert len(llmock.requests) == 1
