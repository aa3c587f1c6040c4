"""LiteLLM's exceptions as kinds of CallFailed: one table, by class."""

from __future__ import annotations

import re
from collections.abc import Mapping

from modelplug import (
    AuthFailed,
    BadReply,
    BadRequest,
    CallFailed,
    ContentRefused,
    ContextTooLong,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    TimedOut,
    Unavailable,
    Unreachable,
    UnsupportedParameter,
)
from modelplug.failures import safe_text

FAILURES: Mapping[str, type[CallFailed]] = {
    "APIConnectionError": Unreachable,
    "APIError": Unavailable,
    "APIResponseValidationError": BadReply,
    "AuthenticationError": AuthFailed,
    "BadGatewayError": Unavailable,
    "BadRequestError": BadRequest,
    "BlockedPiiEntityError": ContentRefused,
    "BudgetExceededError": QuotaExhausted,
    "ContentPolicyViolationError": ContentRefused,
    "ContextWindowExceededError": ContextTooLong,
    "GuardrailRaisedException": ContentRefused,
    "ImageFetchError": BadRequest,
    "InternalServerError": Unavailable,
    "InvalidRequestError": BadRequest,
    "JSONSchemaValidationError": BadReply,
    "LiteLLMUnknownProvider": BadRequest,
    "MidStreamFallbackError": BadReply,
    "MockException": Unavailable,
    "ModelNotMappedError": BadRequest,
    "ModifyResponseException": ContentRefused,
    "NotFoundError": ModelNotFound,
    "OpenAIError": Unavailable,
    "PaymentRequiredError": QuotaExhausted,
    "PermissionDeniedError": AuthFailed,
    "RateLimitError": RateLimited,
    "RejectedRequestError": ContentRefused,
    "RouterRateLimitError": RateLimited,
    "RouterRateLimitErrorBasic": RateLimited,
    "SensitiveDataRouteException": ContentRefused,
    "ServiceUnavailableError": Unavailable,
    "Timeout": TimedOut,
    "ToolLoopMaxRoundsExceeded": BadReply,
    "UnprocessableEntityError": BadRequest,
    "UnsupportedParamsError": UnsupportedParameter,
    "VectorStoreSearchError": BadRequest,
}
"""Every exception class of LiteLLM, and the class of ours that it becomes. A test finds a class that is missing."""


_PREFIX = re.compile(r"\s*(?:litellm\.\w+|\w+(?:Error|Exception)(?: \w+Error)?)(?::| -)\s+")


_REQUEST = re.compile(r"(?:Received Messages=)?\[?\{'(?!error'\b)")
"""Where LiteLLM begins to quote the request: as Python writes it, while providers' words are JSON."""

_STUMBLES = (AttributeError, LookupError, TypeError, ValueError)


def failure_from(error: Exception) -> CallFailed:
    """What an exception of LiteLLM means, where nothing of the answer was seen on the wire."""
    kind = next((FAILURES[cls.__name__] for cls in type(error).__mro__ if _is_litellms(cls)), None)
    said = _said(error)
    if kind is None:  # not an exception of LiteLLM's own: it failed inside
        return BadReply(f"LiteLLM could not carry this call: {type(error).__name__}: {said}", kind="decode")
    status = getattr(error, "status_code", None)
    return kind(said, status=status if isinstance(status, int) else None)


def failure_before_the_wire(error: Exception) -> CallFailed:
    """The same where nothing was sent yet. What LiteLLM stumbles over there is the request, whatever it calls it."""
    failure, cause = failure_from(error), error
    while cause.__context__ is not None and isinstance(cause.__context__, Exception):
        cause = cause.__context__
    if isinstance(cause, _STUMBLES) and not isinstance(failure, BadRequest):
        return BadRequest(f"LiteLLM cannot write this request: {type(cause).__name__}: {_said(cause)}")
    return failure


def _is_litellms(cls: type) -> bool:
    return cls.__module__.startswith("litellm.") and cls.__name__ in FAILURES


def _said(error: Exception) -> str:
    """The provider's words without LiteLLM's prefix, and without the traceback or request that it puts into some."""
    words = str(getattr(error, "message", None) or error).partition("Traceback (most recent call last)")[0]
    words = _REQUEST.split(words, maxsplit=1)[0]
    while match := _PREFIX.match(words):
        words = words[match.end() :]
    return safe_text(words).strip() or "no reason was given"
