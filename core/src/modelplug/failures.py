"""What providers answer, turned into modelplug's errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modelplug._dialects import verdict_on
from modelplug._error_bodies import Said, error_in, said_in
from modelplug._redaction import redact, safe_text
from modelplug._retry_after import parse_retry_after
from modelplug.errors import CallFailed, ContextTooLong, RateLimited, Unavailable, Unreachable, UnsupportedParameter

__all__ = ["failure_from_response", "failure_in_answer", "parse_retry_after", "redact", "request_id", "safe_text"]


def failure_from_response(
    status: int, headers: Mapping[str, str], body: bytes | str | object, *, secrets: tuple[str, ...] = ()
) -> CallFailed:
    """The error that an HTTP answer stands for. Returned, not raised; never fails itself.

    `body` may be raw or decoded. The message holds no key, HTML, URL, address or path.
    """
    said = said_in(body)
    names = {str(name).lower(): str(value) for name, value in headers.items()}
    failure = _failure(said, status if 300 <= status <= 999 else None, secrets=secrets)
    failure.status = status
    failure.request_id = request_id(names, secrets) or _shown_id(said.request_id, secrets)
    if isinstance(failure, (RateLimited, Unavailable)):
        failure.retry_after = parse_retry_after(names, said.message)
    told = names.get("x-should-retry", "").strip().lower()
    if told in ("true", "false"):
        failure.retryable = told == "true"
    return failure


def failure_in_answer(
    answer: object, *, streamed: bool = False, certain: bool = False, something: tuple[str, ...] = ("choices",)
) -> CallFailed | None:
    """The error within an answer that came with status 200, or within an event of a stream; None where there is none.

    `certain` says that it is an error even if it does not look like one. `something` names the fields that make it
    an answer. A numeric code that is an HTTP status becomes `status`; any other is `code`.
    """
    if isinstance(answer, list) and answer and isinstance(answer[0], Mapping) and "error" in answer[0]:
        answer = answer[0]
    if certain:
        said: Said | None = said_in(answer)
    else:
        said = error_in(answer, something=something) if isinstance(answer, Mapping) else None
    if said is None:
        return None
    status = said.number if said.number is not None and 400 <= said.number <= 599 else None
    failure = _failure(said, status)
    failure.status = status
    if isinstance(failure, (RateLimited, Unavailable)):
        failure.retry_after = parse_retry_after({}, said.message)
    if type(failure) is Unavailable:
        failure.kind = "stream_error" if streamed else "upstream_200"
    return failure


def _failure(said: Said, status: int | None, *, secrets: tuple[str, ...] = ()) -> CallFailed:
    """The error for what was said; `status` is the HTTP status or None."""
    verdict = verdict_on(said, status)
    shown = "" if verdict.hidden else safe_text(said.message, secrets)
    message = f"{verdict.sentence}: {shown}" if shown else verdict.sentence
    if status is not None:
        message = f"{message} (status {status})"
    number = str(said.number) if said.number is not None and said.number != status else None
    code = verdict.code or said.code or number or said.type
    failure = verdict.kind(message, code=safe_text(code, secrets)[:100] if code else None)
    if isinstance(failure, ContextTooLong):
        failure.context_window, failure.prompt_tokens = verdict.context_window, verdict.prompt_tokens
    elif isinstance(failure, UnsupportedParameter):
        failure.param = verdict.param
    elif isinstance(failure, Unreachable):
        failure.kind, failure.retryable = "redirect", False
    return failure


_REQUEST_IDS = (
    "x-request-id",
    "request-id",
    "x-oneapi-request-id",
    "apim-request-id",
    "x-ms-request-id",
    "x-amzn-requestid",
    "x-trace-id",
    "cf-ray",
)


def request_id(headers: Mapping[str, str], secrets: Iterable[str] = ()) -> str | None:
    """The provider's own id of a request, from the headers of its answer (names in lower case, or in any)."""
    return _shown_id(next((headers[name] for name in _REQUEST_IDS if headers.get(name)), None), secrets)


def _shown_id(found: object, secrets: Iterable[str]) -> str | None:
    return safe_text(found, secrets)[:200] or None if isinstance(found, str) else None
