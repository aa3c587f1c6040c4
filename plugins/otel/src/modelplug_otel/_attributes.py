"""What spans and metrics say, in the words of OpenTelemetry's GenAI conventions (of November 2026, in development).

Server names are those of model servers, so there are none here: `server.address` may be a secret of the host's.
Attributes that begin with `modelplug.` are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from modelplug import Attempt, Call, Request

Attributes = dict[str, Any]

PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "azure": "azure.ai.openai",
        "azure_ai": "azure.ai.inference",
        "bedrock": "aws.bedrock",
        "cohere_chat": "cohere",
        "gemini": "gcp.gemini",
        "mistral": "mistral_ai",
        "moonshot": "moonshot_ai",
        "vertex_ai": "gcp.vertex_ai",
        "watsonx": "ibm.watsonx.ai",
        "xai": "x_ai",
    }
)
"""Providers whose well-known name is not the one that we and LiteLLM use."""

_NUMBERS: Mapping[str, str] = MappingProxyType(
    {
        "frequency_penalty": "gen_ai.request.frequency_penalty",
        "max_completion_tokens": "gen_ai.request.max_tokens",
        "max_tokens": "gen_ai.request.max_tokens",
        "presence_penalty": "gen_ai.request.presence_penalty",
        "seed": "gen_ai.request.seed",
        "temperature": "gen_ai.request.temperature",
        "top_k": "gen_ai.request.top_k",
        "top_p": "gen_ai.request.top_p",
    }
)
"""Parameters that are told where they are numbers."""


def asked(request: Request) -> Attributes:
    """What is known of a call when its span begins."""
    told = _of(request.operation, request.model.provider, request.wire_name)
    if request.stream:
        told["gen_ai.request.stream"] = True
    params = request.params
    for name, attribute in _NUMBERS.items():
        if name in params and _is_number(params[name]):
            told[attribute] = params[name]
    if _is_number(params.get("n")) and params["n"] != 1:
        told["gen_ai.request.choice.count"] = params["n"]
    wanted = params.get("response_format")
    if isinstance(wanted, Mapping) and str(wanted.get("type", "")).startswith("json"):
        told["gen_ai.output.type"] = "json"
    return told


def recorded(call: Call) -> Attributes:
    """What its record says of a call, `asked` aside."""
    usage = call.usage
    told = {
        "error.type": error_type(call),
        "gen_ai.response.finish_reasons": None if call.finish_reason is None else (call.finish_reason,),
        "gen_ai.response.id": call.response_id,
        "gen_ai.response.model": call.response_model,
        "gen_ai.response.time_to_first_chunk": call.first_chunk if call.stream else None,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
        "modelplug.attempts": len(call.attempts),
        "modelplug.call.id": call.id,
        "modelplug.cost": None if call.cost is None else float(call.cost),
        "modelplug.model": call.model_id,
        "modelplug.outcome": call.outcome,
        "modelplug.request.id": call.request_id,
        "modelplug.strategy": call.strategy,
    }
    return {name: value for name, value in told.items() if value is not None}


def of_attempt(attempt: Attempt, number: int) -> Attributes:
    """What is told of one try of several."""
    told: Attributes = {"modelplug.attempt.number": number, "modelplug.outcome": attempt.outcome}
    if attempt.error is not None:
        told["error.type"] = attempt.error.kind
        if attempt.error.status is not None:
            told["http.response.status_code"] = attempt.error.status
        if attempt.error.request_id is not None:
            told["modelplug.request.id"] = attempt.error.request_id
    return told


def named(call: Call) -> Attributes:
    """What spans and metrics share. A name that is no model is `other`, whatever it was."""
    return _of(call.operation, call.provider, call.wire_model or call.model_id)


def error_type(call: Call) -> str | None:
    """The kind of a failure (`rate_limit`, `cut`, ...), `cancelled`, or None. A stream that was left is no error."""
    if call.error is not None:
        return call.error.kind
    return "cancelled" if call.outcome == "cancelled" else None


def span_name(told: Attributes) -> str:
    """The name of a call's span."""
    return f"{told['gen_ai.operation.name']} {told['gen_ai.request.model']}"


def _of(operation: str, provider: str, wire_model: str) -> Attributes:
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": PROVIDERS.get(provider, provider),
        "gen_ai.request.model": wire_model,
    }


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
