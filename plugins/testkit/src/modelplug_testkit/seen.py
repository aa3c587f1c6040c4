"""What a host saw of one call, and whether it is what it should have seen."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

from attrs import field, frozen
from modelplug import Call, CallFailed, Embeddings, Reply, Usage

from modelplug_testkit.rows.row import Answered, Case, Failed

LONGEST_MESSAGE = 2_200
"""Characters: a message of 2,000 and the id of the model before it."""


@frozen(kw_only=True)
class Seen:
    """The end of one call: an answer, or an error; its record, its seconds, and how many requests the upstream got.

    `requests` is how many requests reached the upstream, `closed` whether it saw the end of a connection that it held.
    """

    answer: Reply | Embeddings | None = None
    error: BaseException | None = None
    calls: tuple[Call, ...] = ()
    text: str | None = None
    seconds: float = 0.0
    requests: int = 0
    shown: str = field(default="", repr=False)

    def __str__(self) -> str:
        """One line for a report."""
        if self.error is not None:
            kind = f" ({self.error.kind})" if isinstance(self.error, CallFailed) else ""
            said = " ".join(str(self.error).split())[:160]
            return f"{type(self.error).__name__}{kind}: {said}"
        if isinstance(self.answer, Reply):
            text = self.answer.text
            return f"answer {text[:60]!r}, finish {self.answer.finish_reason!r}, usage {_tokens(self.answer.usage)}"
        return f"answer {(self.text or '')[:60]!r}"


def shown_of(error: BaseException) -> str:
    """Everything that an exception shows, and those that it holds."""
    parts: list[str] = []
    held: BaseException | None = error
    while held is not None:
        parts += [str(held), repr(held), repr(vars(held))]
        held = held.__cause__ or held.__context__
    return "\n".join([*parts, *traceback.format_exception(error)])


def problems(case: Case, way: str, seen: Seen, secrets: tuple[str, ...]) -> Iterator[str]:
    """What is wrong; nothing where all is well."""
    if seen.error is not None and not isinstance(seen.error, CallFailed):
        yield f"raised {type(seen.error).__name__}, which is no kind of CallFailed"
    if seen.seconds > case.within:
        yield f"took {seen.seconds:.1f} s, more than {case.within:.1f} s"
    if case.requests is not None and seen.requests != case.requests:
        yield f"{seen.requests} requests reached the upstream, not {case.requests}"
    yield from _of_record(case, seen)
    for secret in secrets:
        if secret in seen.shown:
            yield f"{secret[:6]}... is shown in the error or in the record"
    if isinstance(case.expect, Answered):
        yield from _of_answer(case.expect, seen, way)
    else:
        yield from _of_failure(case.expect, seen)


def _of_record(case: Case, seen: Seen) -> Iterator[str]:
    if len(seen.calls) != 1:
        yield f"{len(seen.calls)} records of one call"
        return
    (call,) = seen.calls
    outcome = "ok" if isinstance(case.expect, Answered) else "failed"
    if call.outcome != outcome:
        yield f"the record says {call.outcome}, not {outcome}"
    if len(call.attempts) != case.expect.attempts:
        yield f"the record has {len(call.attempts)} attempts, not {case.expect.attempts}"


def _of_answer(expect: Answered, seen: Seen, way: str) -> Iterator[str]:
    if seen.answer is None:
        yield "no answer"
        return
    if expect.text is not None and seen.text != expect.text:
        yield f"the text is {(seen.text or '')[:60]!r}"
    if not isinstance(seen.answer, Reply):
        return
    reply = seen.answer
    found: dict[str, Any] = {
        "finish": reply.finish_reason,
        "reasoning": reply.reasoning,
        "tools": tuple((call.name, call.arguments, call.complete) for call in reply.tool_calls),
        "source": reply.usage.source,
        "tokens": _tokens(reply.usage),
        "cached": reply.usage.cached_tokens,
        "model": reply.model,
    }
    for name, value in found.items():
        wanted = getattr(expect, name)
        if wanted is not None and wanted != value:
            yield f"{name} is {value!r}"
    ids = [call.id for call in reply.tool_calls]
    if "" in ids or len(set(ids)) < len(ids):
        yield f"ids of tool calls are not unique: {ids}"


def _of_failure(expect: Failed, seen: Seen) -> Iterator[str]:
    error = seen.error
    if error is None:
        yield "no error"
        return
    if expect.error not in {kind.__name__ for kind in type(error).__mro__} or not isinstance(error, CallFailed):
        yield f"the error is {type(error).__name__}"
        return
    if error.kind not in expect.kinds:
        yield f"the kind is {error.kind!r}"
    message = str(error)
    for name in ("partial", "status", "retryable", "context_window", "prompt_tokens", "param"):
        wanted, found = getattr(expect, name), getattr(error, name, None)
        if wanted is not None and wanted != found:
            yield f"{name} is {found!r}, not {wanted!r}"
    if expect.retry_after is not None and abs((error.retry_after or -9) - expect.retry_after) > 1:
        yield f"retry_after is {error.retry_after!r}, not {expect.retry_after!r}"
    if expect.words and expect.words not in message:
        yield f"{expect.words!r} is not in the message"
    for hidden in expect.hidden:
        if hidden in message:
            yield f"{hidden!r} is in the message"
    if len(message) > LONGEST_MESSAGE:
        yield f"the message has {len(message)} characters"
    if expect.tokens is not None and seen.calls and _tokens(seen.calls[0].usage) != expect.tokens:
        yield f"the record counts {_tokens(seen.calls[0].usage)} tokens"


def _tokens(usage: Usage) -> tuple[int | None, int | None]:
    return usage.prompt_tokens, usage.completion_tokens
