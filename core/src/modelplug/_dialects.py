"""What an error body and a status amount to: one table by code, by type, by dialect and by status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from modelplug._error_bodies import Said
from modelplug.errors import (
    AuthFailed,
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
    **dict.fromkeys(("overloaded_error", "engine_overloaded_error"), Unavailable),  # Anthropic: 529; Moonshot: 429
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
# They are compiled when a failure is first judged, not at import.
_CONTEXT_TEXTS = (
    r"maximum context length (?:is|of) <window>(?: tokens)?(?:.{0,200}?resulted in <prompt> tokens)?",  # litellm#10793
    r"maximum prompt length is <window>(?:.{0,80}?contains <prompt> tokens)?",  # xAI
    r"passed <prompt> input tokens.{0,120}?model's context length is only <window>",  # vLLM 0.16, harbor#996
    r"model's context length is only <window>",
    r"\(<prompt> tokens\) is longer than the model's context length \(<window> tokens\)",  # sglang, litellm#21647
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
_PROMPT_IN_PARTS = r"\(<prompt> (?:in the messages|of text input|in your prompt|from the input)"
_QUOTA_TEXT = (
    r"insufficient (?:account )?balance|balance is (?:insufficient|too low)|credit balance is too low|"
    r"额度(?:已用尽|不足)|余额不足"  # Psycheros#44, Anthropic, one-api's and new-api's own words
)
_NO_CHANNEL_TEXT = r"no available channels? for model|无可用渠道"  # one-api#1494, new-api#982
_MASKED_TEXT = r"something (?:went )?wrong,? please try again"  # NewAPI resellers, CQ-40
_PARAMETER_TEXTS = (
    r"unsupported parameter:? ['\"`]?<param>",  # OpenAI, litellm#13381
    r"unsupported value: ['\"`]<param>['\"`]",
    r"(?:unknown parameter|unrecognized request arguments? supplied):? ['\"`]?<param>",
    r"(?<![\w.\[\]-])<param>['\"`]?: extra inputs are not permitted",  # llxprt#114, openclaude#739
    r"property ['\"`]<param>['\"`] is (?:unsupported|not supported)",  # Groq
)

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
}

_MASKED = (
    "the provider hides the reason: it gives this answer for any fault, an unknown model among them, so it says "
    "nothing of the provider's other models; check the wire name"
)
_NO_CHANNEL = "the gateway has no channel for the model: it is not offered to this key's group"
_FIREWALL = "a web page refused the request before it reached the API, as firewalls do that dislike a client"


@frozen(kw_only=True)
class Verdict:
    """What a body and a status amount to. `code` is a word of ours, where the provider hides its own."""

    kind: type[CallFailed]
    sentence: str
    code: str | None = None
    hidden: bool = False
    param: str | None = None
    context_window: int | None = None
    prompt_tokens: int | None = None


def verdict_on(said: Said, status: int | None) -> Verdict:
    """The verdict by code and type, then by dialect, then by status; `status` is None for a failure without one."""
    text = said.message[:5_000]
    kind = next((_BY_WORD[word] for word in said.words if word in _BY_WORD), None)
    if kind in (None, ModelNotFound) and _found(_NO_CHANNEL_TEXT, text):
        return Verdict(kind=ModelNotFound, sentence=_NO_CHANNEL)
    if kind is None and status in (None, 503) and _found(_MASKED_TEXT, text):
        return Verdict(kind=Unavailable, sentence=_MASKED, code="masked", hidden=True)
    kind = kind or _by_dialect(status, text)
    if kind is None and status == 403 and _is_page(text):
        return Verdict(kind=AuthFailed, sentence=_FIREWALL, code="firewall")
    kind = kind or _by_status(said, status)
    if kind is ContextTooLong:
        window, prompt = _context_numbers(said, text)
        return Verdict(kind=kind, sentence=_SENTENCES[kind], context_window=window, prompt_tokens=prompt)
    if kind is UnsupportedParameter and (param := _parameter(said, text)):
        return Verdict(kind=kind, sentence=f"the provider does not take {param!r} for this model", param=param)
    return Verdict(kind=kind, sentence=_SENTENCES[kind])


def _found(pattern: str, text: str) -> re.Match[str] | None:
    for name, shape in (("window", r"\d[\d,_]*"), ("prompt", r"\d[\d,_]*"), ("param", r"[\w.\[\]-]+")):
        pattern = pattern.replace(f"<{name}>", f"(?P<{name}>{shape})")
    return re.search(pattern, text, re.IGNORECASE)


def _by_dialect(status: int | None, text: str) -> type[CallFailed] | None:
    if status in (None, 400, 413, 422, 500, 502) and any(_found(pattern, text) for pattern in _CONTEXT_TEXTS):
        return ContextTooLong
    if status in (None, 400, 401, 402, 403, 429, 500) and _found(_QUOTA_TEXT, text):
        return QuotaExhausted
    if status in (None, 400, 422) and any(_found(pattern, text) for pattern in _PARAMETER_TEXTS):
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


def _context_numbers(said: Said, text: str) -> tuple[int | None, int | None]:
    """Context window and prompt, in tokens, from fields (llama.cpp) or words."""
    window, prompt = _tokens(said.data.get("n_ctx")), _tokens(said.data.get("n_prompt_tokens"))
    for pattern in (*_CONTEXT_TEXTS, _PROMPT_IN_PARTS):
        if found := _found(pattern, text):
            groups = found.groupdict()
            window = window or _tokens(groups.get("window"))
            prompt = prompt or _tokens(groups.get("prompt"))
    return window, prompt


def _tokens(value: Any) -> int | None:
    if isinstance(value, str):
        digits = value.replace(",", "").replace("_", "")
        value = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 15 else None
    return value if type(value) is int and 0 < value < 10**15 else None


def _parameter(said: Said, text: str) -> str | None:
    if said.param:
        return said.param
    found = next((found for pattern in _PARAMETER_TEXTS if (found := _found(pattern, text))), None)
    return found["param"].removeprefix("body.")[:100] if found else None
