"""The one table that turns what providers answer into modelplug's errors: by status, by code, and by dialect."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from modelplug._error_bodies import Said, error_in, said_in
from modelplug._redaction import redact, safe_text
from modelplug.errors import (
    AuthFailed,
    BadReply,
    BadRequest,
    CallFailed,
    ContentRefused,
    ContextTooLong,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    Unavailable,
    Unreachable,
    UnsupportedParameter,
)

__all__ = ["failure_from_response", "failure_in_answer", "parse_retry_after", "redact", "safe_text"]

# Codes and types that say what happened whatever the status is.
_BY_WORD: Mapping[str, type[CallFailed]] = {
    **dict.fromkeys(
        (
            "context_length_exceeded",  # OpenAI, Groq, DeepSeek
            "exceed_context_size_error",  # llama.cpp#15780
            "context_window_exceeded",
            "model_max_prompt_tokens_exceeded",  # GitHub Copilot
            "tokens_limit_reached",  # GitHub Models
            "prompt_too_long",
        ),
        ContextTooLong,
    ),
    **dict.fromkeys(
        (
            "insufficient_quota",  # OpenAI; one-api monitor/manage.go takes it for a dead key
            "insufficient_user_quota",  # one-api relay/controller/helper.go
            "pre_consume_token_quota_failed",  # the same
            "insufficient_balance",
            "insufficient_credits",
            "billing_hard_limit_reached",  # OpenAI
            "billing_not_active",  # OpenAI
            "billing_error",  # Anthropic
            "exceeded_current_quota_error",  # Moonshot
            "arrearage",  # DashScope
            "accountoverdueerror",  # Volcengine
            "payment_required",
        ),
        QuotaExhausted,
    ),
    **dict.fromkeys(
        ("model_not_found", "model_not_exist", "deploymentnotfound", "modelnotopen", "invalidendpointormodel.notfound"),
        ModelNotFound,
    ),
    **dict.fromkeys(
        (
            "content_filter",  # Azure
            "content_policy_violation",  # OpenAI
            "responsibleaipolicyviolation",  # Azure
            "data_inspection_failed",  # DashScope
            "sensitive_words_detected",  # new-api
            "prompt_blocked",  # new-api
            "moderation_blocked",  # OpenAI
            "invalid_prompt",  # OpenAI's usage policy
        ),
        ContentRefused,
    ),
    **dict.fromkeys(
        ("unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden"), UnsupportedParameter
    ),
    **dict.fromkeys(
        (
            "overloaded_error",  # Anthropic: 529
            "server_overloaded",
            "engine_overloaded_error",  # Moonshot
            "upstream_error",
            "bad_response_status_code",  # one-api
            "do_request_failed",  # one-api
            "service_unavailable",
        ),
        Unavailable,
    ),
}

# Words that say it only where no status does: within a stream, or in an answer with status 200.
_BY_WORD_ALONE: Mapping[str, type[CallFailed]] = {
    **dict.fromkeys(
        (
            "rate_limit_exceeded",
            "rate_limit_error",
            "rate_limited",
            "too_many_requests",
            "resource_exhausted",
            "rate_limit_reached_error",
            "throttling",
        ),
        RateLimited,
    ),
    **dict.fromkeys(
        (
            "invalid_api_key",
            "authentication_error",
            "invalid_authentication_error",
            "permission_error",
            "unauthorized",
            "permission_denied",
            "unauthenticated",
            "access_denied",
        ),
        AuthFailed,
    ),
    **dict.fromkeys(("not_found_error", "not_found"), ModelNotFound),
    **dict.fromkeys(
        ("invalid_request_error", "badrequesterror", "bad_request", "invalid_argument", "invalid_parameter_error"),
        BadRequest,
    ),
}

_BY_STATUS: Mapping[int, type[CallFailed]] = {
    401: AuthFailed,
    402: QuotaExhausted,
    403: AuthFailed,
    404: ModelNotFound,
    408: Unavailable,
    409: Unavailable,
    425: Unavailable,
    429: RateLimited,
}

# Dialects that have nothing but words. `window` and `prompt` are tokens. The threads are those of CQ-35 and CQ-36.
_N = r"(\d[\d,_]*)"
_CONTEXT_TEXTS: Sequence[re.Pattern[str]] = [
    re.compile(
        text.replace("<window>", f"(?P<window>{_N[1:]}").replace("<prompt>", f"(?P<prompt>{_N[1:]}"), re.IGNORECASE
    )
    for text in (
        # OpenAI and vLLM (litellm#10793); vLLM counts messages and completion apart
        r"maximum context length is <window>(?: tokens)?(?:.{0,200}?(?:resulted in <prompt> tokens))?",
        r"maximum prompt length is <window>(?:.{0,80}?contains <prompt> tokens)?",  # xAI
        r"passed <prompt> input tokens.{0,120}?model's context length is only <window>",  # vLLM 0.16, harbor#996
        r"model's context length is only <window>",
        # sglang (litellm#21647)
        r"\(<prompt> tokens\) is longer than the model's context length \(<window> tokens\)",
        r"longer than the model's context length",
        r"request \(<prompt> tokens\) exceeds the available context size \(<window> tokens",  # llama.cpp#15780
        r"exceeds? the available context size",  # llama.cpp before it had a type
        r"contains <prompt> tokens.{0,80}?too large for model with <window> maximum context length",  # Mistral
        r"too large for model with <window> maximum context",
        r"prompt is too long:? <prompt> tokens > <window>",  # Anthropic
        r"prompt is too long\b",
        r"exceed context limit: <prompt> \+ \d+ > <window>",  # Anthropic, with max_tokens
        r"length of all messages is too long",  # Perplexity
        r"combined input and output tokens",  # CQ-35, measured
        r"input token count \(?<prompt>\)? exceeds the maximum number of tokens allowed \(?<window>",  # Gemini
        r"must have less than <window> tokens\. Given: <prompt>",  # TGI
        r"maximum context length",
        r"context_length_exceeded",
    )
]
_PROMPT_IN_PARTS = re.compile(rf"\({_N} (?:in the messages|of text input|in your prompt|from the input)", re.IGNORECASE)

_QUOTA_TEXTS = re.compile(
    r"insufficient (?:account )?balance|balance is (?:insufficient|too low)|credit balance is too low|"
    r"额度(?:已用尽|不足)|余额不足",  # Psycheros#44, Anthropic, one-api's and new-api's own words
    re.IGNORECASE,
)
_NO_CHANNEL_TEXTS = re.compile(
    r"no available channels? for model|无可用渠道", re.IGNORECASE
)  # one-api#1494, new-api#982
_MASKED_TEXT = re.compile(r"something (?:went )?wrong,? please try again", re.IGNORECASE)  # NewAPI resellers, CQ-40
_PARAMETER_TEXTS: Sequence[re.Pattern[str]] = [
    re.compile(text, re.IGNORECASE)
    for text in (
        r"unsupported parameter:? ['\"`]?(?P<param>[\w.\[\]-]+)",  # OpenAI, litellm#13381
        r"unsupported value: ['\"`](?P<param>[\w.\[\]-]+)['\"`]",
        r"(?:unknown parameter|unrecognized request argument(?:s)? supplied):? ['\"`]?(?P<param>[\w.\[\]-]+)",
        r"(?P<param>[\w.\[\]-]+)['\"`]?: extra inputs are not permitted",  # llxprt#114, openclaude#739
        r"property ['\"`](?P<param>[\w.\[\]-]+)['\"`] is (?:unsupported|not supported)",  # Groq
    )
]

_SENTENCES: Mapping[type[CallFailed], str] = {
    ContextTooLong: "the request does not fit the model's context window",
    ContentRefused: "a content filter of the provider refused this",
    UnsupportedParameter: "the provider does not take a parameter of the request for this model",
    BadRequest: "the provider refused the request",
    AuthFailed: "the provider refused the key, or what it may do",
    QuotaExhausted: "the balance or quota at the provider is used up",
    ModelNotFound: "the provider does not know the model",
    RateLimited: "the provider asks to slow down",
    Unavailable: "the provider is failing or overloaded",
    Unreachable: "the provider answered with a redirect, which is not followed; check the base URL",
    BadReply: "the provider's answer cannot be read",
}

_MASKED = (
    "the provider hides the reason: it gives this answer for any fault, an unknown model among them, so it says "
    "nothing of the provider's other models; check the wire name"
)
_NO_CHANNEL = "the gateway has no channel for the model: it is not offered to this key's group"
_FIREWALL = "a web page refused the request before it reached the API, as firewalls do that dislike a client"


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
    failure.request_id = _request_id(names, said, secrets)
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


def parse_retry_after(headers: Mapping[str, str], text: str = "", *, now: float | None = None) -> float | None:
    """Seconds to wait, from `retry-after-ms`, `Retry-After` (seconds or a date) or words; None where nothing is said.

    What is negative, not finite, not readable, or longer than a year is ignored. `now` is Unix time.
    """
    names = {str(name).lower(): str(value).strip() for name, value in headers.items()}
    milliseconds = _seconds(names.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1_000
    after = names.get("retry-after")
    seconds = _seconds(after)
    if seconds is None and after:
        try:
            seconds = parsedate_to_datetime(after[:100]).timestamp() - (time.time() if now is None else now)
        except (TypeError, ValueError, OverflowError, OSError, IndexError):
            seconds = None
    if seconds is not None and 0 <= seconds <= _A_YEAR:
        return seconds
    return _seconds_in_words(text)


_A_YEAR = 366 * 86_400.0
_WAIT = re.compile(
    r"(?:try again|retry) (?:in|after) (?:about |approximately )?"
    r"(?:(?P<h>\d{1,6})h)?(?:(?P<m>\d{1,6})m(?!s))?(?:(?P<s>\d{1,9}(?:\.\d{1,9})?) ?"
    r"(?P<unit>ms|milliseconds?|s\b|seconds?|minutes?))?",
    re.IGNORECASE,
)


def _seconds(text: str | None) -> float | None:
    if not text or len(text) > 40:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds <= _A_YEAR * 1_000 else None


def _seconds_in_words(text: str) -> float | None:
    """`try again in 5.289s`, `in 1m42.6s`, `in 20ms` (aider#3265, OpenHands#1263); `retry after 26 seconds` (Azure)."""
    for match in _WAIT.finditer(text[:5_000]):
        if match["h"] or match["m"] or match["s"]:
            unit = (match["unit"] or "s").lower()
            factor = 0.001 if (unit.startswith("mi") and "l" in unit) or unit == "ms" else 60 if unit[0] == "m" else 1
            seconds = float(match["s"] or 0) * factor + int(match["m"] or 0) * 60 + int(match["h"] or 0) * 3_600
            return seconds if seconds <= _A_YEAR else None
    return None


def _failure(said: Said, status: int | None, *, secrets: tuple[str, ...] = ()) -> CallFailed:
    """The error for what was said, with its code and its own data; `status` is the HTTP status or None."""
    kind, sentence, code = _judged(said, status)
    param = _parameter(said) if kind is UnsupportedParameter else None
    if param is not None:
        sentence = f"the provider does not take {param!r} for this model"
    shown = safe_text(said.message, secrets)
    message = f"{sentence}: {shown}" if shown and sentence is not _MASKED else sentence
    if status is not None:
        message = f"{message} (status {status})"
    number = str(said.number) if said.number is not None and said.number != status else None
    code = code or said.code or number or said.type
    failure = kind(message, code=None if code is None else safe_text(code, secrets)[:100])
    if isinstance(failure, ContextTooLong):
        failure.context_window, failure.prompt_tokens = _context_numbers(said)
    elif isinstance(failure, UnsupportedParameter):
        failure.param = param
    elif isinstance(failure, Unreachable):
        failure.kind, failure.retryable = "redirect", False
    return failure


def _judged(said: Said, status: int | None) -> tuple[type[CallFailed], str, str | None]:
    """Class, sentence, and a code of ours where the provider gave none: by words of code and type, dialect, status."""
    text = said.message[:5_000]
    kind = next((_BY_WORD[word] for word in said.words if word in _BY_WORD), None)
    if kind is None or kind is Unavailable:
        if _NO_CHANNEL_TEXTS.search(text):
            return ModelNotFound, _NO_CHANNEL, None
        if status in (None, 503) and _MASKED_TEXT.search(text):
            return Unavailable, _MASKED, "masked"
    if kind is ModelNotFound and _NO_CHANNEL_TEXTS.search(text):
        return kind, _NO_CHANNEL, None
    kind = kind or _by_dialect(said, status, text)
    if kind is None and status == 403 and _is_page(text):
        return AuthFailed, _FIREWALL, "firewall"
    kind = kind or _by_status(said, status)
    return kind, _SENTENCES[kind], None


def _by_dialect(said: Said, status: int | None, text: str) -> type[CallFailed] | None:
    if status in (None, 400, 413, 422, 500, 502) and any(pattern.search(text) for pattern in _CONTEXT_TEXTS):
        return ContextTooLong
    if status in (None, 400, 401, 402, 403, 429, 500) and _QUOTA_TEXTS.search(text):
        return QuotaExhausted
    if status in (None, 400, 422) and any(pattern.search(text) for pattern in _PARAMETER_TEXTS):
        return UnsupportedParameter
    return None


def _by_status(said: Said, status: int | None) -> type[CallFailed]:
    if status is None:
        known = next((_BY_WORD_ALONE[word] for word in said.words if word in _BY_WORD_ALONE), None)
        return known or Unavailable
    if 300 <= status < 400:
        return Unreachable
    return _BY_STATUS.get(status) or (BadRequest if 400 <= status < 500 else Unavailable)


def _is_page(text: str) -> bool:
    return text.lstrip()[:1] == "<" or "<html" in text[:2_000].lower()


def _context_numbers(said: Said) -> tuple[int | None, int | None]:
    """Context window and prompt, in tokens, from fields (llama.cpp) or words."""
    window, prompt = _tokens(said.data.get("n_ctx")), _tokens(said.data.get("n_prompt_tokens"))
    text = said.message[:5_000]
    for pattern in _CONTEXT_TEXTS:
        found = pattern.search(text)
        if found:
            groups = found.groupdict()
            window = window or _tokens(groups.get("window"))
            prompt = prompt or _tokens(groups.get("prompt"))
    if prompt is None and (parts := _PROMPT_IN_PARTS.search(text)):
        prompt = _tokens(parts[1])
    return window, prompt


def _tokens(value: Any) -> int | None:
    if isinstance(value, str):
        digits = value.replace(",", "").replace("_", "")
        value = int(digits) if digits.isdigit() and len(digits) < 15 else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**15 else None


def _parameter(said: Said) -> str | None:
    if said.param:
        return said.param
    for pattern in _PARAMETER_TEXTS:
        if found := pattern.search(said.message[:5_000]):
            return found["param"].removeprefix("body.")[:100]
    return None


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


def _request_id(headers: Mapping[str, str], said: Said, secrets: tuple[str, ...]) -> str | None:
    found = next((headers[name] for name in _REQUEST_IDS if headers.get(name)), None)
    found = found or said.request_id
    return safe_text(found, secrets)[:200] or None if isinstance(found, str) else None
