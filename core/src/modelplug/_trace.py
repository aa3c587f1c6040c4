"""What the log says of calls: how each ended at INFO, and at DEBUG every step; each line begins with the call's id.

Records carry `call_id` and, where there is one, `attempt`, for those who log in JSON. What was said in a call is only
in the lines that the setting `log.content` asks for. All text of others has passed the redaction boundary.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from modelplug.answers import Embeddings, Reply
from modelplug.calls import Attempt, Call, Failure
from modelplug.strategy import Request

log = logging.getLogger("modelplug.calls")

_LONGEST = 500
_LONGEST_CONTENT = 20_000
"""Characters of others' words, and of content, in one line."""


def steps_wanted() -> bool:
    """Whether anybody listens to the steps of calls."""
    return log.isEnabledFor(logging.DEBUG)


def ends_wanted() -> bool:
    """Whether anybody listens to the ends of calls."""
    return log.isEnabledFor(logging.INFO)


def begun(request: Request, strategy: str, *, content: bool) -> None:
    """A call begins. Of its parameters the names are told."""
    said = [f"{request.operation} with {request.model.id}", f"strategy {strategy}", f"sent as {request.wire_name}"]
    said += ["stream"] if request.stream else []
    said += [f"{len(request.messages)} messages"] if request.messages else []
    said += [f"with {', '.join(map(str, request.params))}"] if request.params else []
    _say(logging.DEBUG, request.id, _line(request.credentials.masked(", ".join(said))))
    if content:
        asked = request.input if request.operation == "embeddings" else request.messages
        _say(logging.DEBUG, request.id, f"asks {_content(request, asked)}")


def first_chunk(request: Request, seconds: float) -> None:
    """The first chunk of a stream has come."""
    _say(logging.DEBUG, request.id, f"first chunk after {seconds:.3f} s", attempt=len(request.attempts) + 1)


def tried(request: Request, attempt: Attempt) -> None:
    """A try failed, and there will be another."""
    failed = "failed" if attempt.error is None else f"failed: {_failure(attempt.error)}"
    text = f"{failed}, after {attempt.seconds:.3f} s; again in {attempt.waited:.3f} s"
    _say(logging.DEBUG, request.id, request.credentials.masked(text), attempt=len(request.attempts))


def ended(call: Call, request: Request | None = None, answer: Reply | Embeddings | None = None) -> None:
    """A call is over, whatever happened. With `request` what was answered is told too."""
    said = [call.outcome if call.error is None else f"failed: {_failure(call.error)}", f"{call.seconds:.3f} s"]
    said += [call.model_id] if call.model_id != "other" else []
    said += [f"first chunk {call.first_chunk:.3f} s"] if call.first_chunk is not None else []
    used = call.usage
    if used.prompt_tokens is not None or used.completion_tokens is not None:
        said.append(f"tokens {_number(used.prompt_tokens)} in, {_number(used.completion_tokens)} out")
    said += [f"${call.cost:f}"] if call.cost is not None else []
    said += [f"{len(call.attempts)} attempts"] if len(call.attempts) > 1 else []
    said += [f"answer {_line(call.response_id)}"] if call.response_id is not None else []
    if request is not None and isinstance(answer, Reply):
        _say(logging.DEBUG, call.id, f"answers {_content(request, answer.data)}")
    _say(logging.INFO, call.id, ", ".join(said))


def _say(level: int, call_id: str, text: str, *, attempt: int | None = None) -> None:
    if attempt is None:
        log.log(level, "call %s: %s", call_id, text, extra={"call_id": call_id})
    else:
        more = {"call_id": call_id, "attempt": attempt}
        log.log(level, "call %s, attempt %d: %s", call_id, attempt, text, extra=more)


def _failure(failure: Failure) -> str:
    status = f"status {failure.status}"
    known = [status] if failure.status is not None and status not in failure.message else []
    known += [f"request id {failure.request_id}"] if failure.request_id is not None else []
    return _line(f"{failure.kind}, {failure.message}" + (f" ({', '.join(known)})" if known else ""))


def _content(request: Request, content: Any) -> str:
    try:
        text = request.credentials.masked(json.dumps(content, ensure_ascii=False, default=str))
    except (TypeError, ValueError, RecursionError):  # a host may hand in anything: the log is not what it fails at
        return "what is no JSON"
    return text if len(text) <= _LONGEST_CONTENT else text[:_LONGEST_CONTENT] + "..."


def _line(text: str | None) -> str:
    """Words of others on one line: nobody writes lines of their own into a log."""
    line = " ".join((text or "").split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "..."


def _number(tokens: int | None) -> str:
    return "?" if tokens is None else str(tokens)
