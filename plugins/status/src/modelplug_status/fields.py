"""The fields of everything that is sent, as JSON schemas: one table, beside which the code that fills it is held."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from modelplug_metrics.alerts import Per, What

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
WHOLE: Schema = {"type": "integer", "minimum": 0}
MAYBE_WHOLE: Schema = {"type": ["integer", "null"]}
NUMBER: Schema = {"type": "number"}
MAYBE_NUMBER: Schema = {"type": ["number", "null"]}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
MAYBE_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
STATUS: Schema = {"type": "string", "enum": ["no_data", "healthy", "degraded", "unhealthy"]}
TEXTS: Schema = {"type": "array", "items": TEXT}


def object_of(**fields: Schema) -> Schema:
    return {"type": "object", "properties": fields, "required": list(fields)}


def list_of(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


SECONDS = object_of(count=WHOLE, **dict.fromkeys(("mean", "p50", "p90", "p95", "p99"), MAYBE_NUMBER))
FIGURES: Mapping[str, Schema] = {
    **dict.fromkeys(("calls", "ok", "failed", "cancelled", "abandoned", "cut"), WHOLE),
    "success_rate": MAYBE_NUMBER,
    "errors": {"type": "object", "additionalProperties": WHOLE},
    **dict.fromkeys(("attempts", "retries"), WHOLE),
    "tokens": object_of(**dict.fromkeys(("input", "cached", "cache_write", "output", "reasoning"), WHOLE)),
    **dict.fromkeys(("tokens_unknown", "tokens_estimated"), WHOLE),
    "cost_usd": NUMBER,
    "cost_unknown": WHOLE,
    **dict.fromkeys(("seconds", "first_chunk", "seconds_per_output_token"), SECONDS),
    "calls_per_second": NUMBER,
}
HEALTH: Mapping[str, Schema] = {"status": STATUS, "reason": TEXT, "next_step": MAYBE_TEXT, "since": MAYBE_TIME}
ROWS: Mapping[str, Schema] = {"window": TEXT}
ALERT = object_of(
    rule=TEXT,
    provider=MAYBE_TEXT,
    model=MAYBE_TEXT,
    state={"type": "string", "enum": ["firing", "resolved"]},
    value={"type": ["number", "string", "null"]},
    threshold={"type": ["number", "string"]},
    unit=TEXT,
    reason=TEXT,
    next_step=MAYBE_TEXT,
    since=TIME,
    resolved_at=MAYBE_TIME,
)
RULE = object_of(
    name=TEXT,
    what={"type": "string", "enum": list(get_args(What))},
    threshold={"type": ["number", "string"]},
    until={"type": ["number", "string"]},
    window={"type": "string", "enum": ["1m", "5m", "60m"]},
    per={"type": "string", "enum": list(get_args(Per))},
    provider=MAYBE_TEXT,
    model=MAYBE_TEXT,
    least_calls=WHOLE,
    unit=TEXT,
    **{"for": NUMBER},
)
DATA: Mapping[str, Schema] = {
    "health": object_of(
        status=STATUS,
        reason=TEXT,
        total_calls=WHOLE,
        success_rate=MAYBE_NUMBER,
        recent_failures_1h=WHOLE,
        provider_count=WHOLE,
        model_count=WHOLE,
        in_flight=WHOLE,
        uptime_seconds=NUMBER,
        providers=list_of(
            object_of(provider=TEXT, in_flight=WHOLE, **HEALTH, models=list_of(object_of(model=TEXT, **HEALTH)))
        ),
    ),
    "metrics/providers": object_of(**ROWS, rows=list_of(object_of(provider=TEXT, in_flight=MAYBE_WHOLE, **FIGURES))),
    "metrics/models": object_of(
        **ROWS, rows=list_of(object_of(provider=TEXT, model=TEXT, in_flight=MAYBE_WHOLE, **FIGURES))
    ),
    "metrics/strategies": object_of(**ROWS, rows=list_of(object_of(strategy=TEXT, in_flight=MAYBE_WHOLE, **FIGURES))),
    "metrics/failures": object_of(
        hours=WHOLE,
        total=WHOLE,
        rows=list_of(
            object_of(
                **dict.fromkeys(("model", "provider", "strategy", "operation", "kind", "type", "message"), TEXT),
                status=MAYBE_WHOLE,
                code=MAYBE_TEXT,
                retryable=FLAG,
                request_id=MAYBE_TEXT,
                advice=TEXT,
                call_id=TEXT,
                timestamp=TIME,
                milliseconds=WHOLE,
                stream=FLAG,
                attempts=WHOLE,
            )
        ),
    ),
    "metrics/history": object_of(
        step_seconds=NUMBER,
        points=list_of(
            object_of(
                time=TIME,
                **dict.fromkeys(("calls", "ok", "failed", "cancelled", "abandoned"), WHOLE),
                **dict.fromkeys(("p50", "p95", "first_p50", "first_p95"), MAYBE_NUMBER),
                **dict.fromkeys(("tokens_input", "tokens_output"), WHOLE),
                cost_usd=NUMBER,
            )
        ),
    ),
    "alerts": object_of(rules=list_of(RULE), firing=list_of(ALERT), recent=list_of(ALERT)),
    "models": object_of(
        models=list_of(
            object_of(
                id=TEXT,
                name=TEXT,
                provider=TEXT,
                aliases=TEXTS,
                allowed=FLAG,
                ready=FLAG,
                context_window=MAYBE_WHOLE,
                max_output=MAYBE_WHOLE,
                capabilities=TEXTS,
                priority=NUMBER,
                recommended=FLAG,
                prices=object_of(**dict.fromkeys(("input", "output", "cached_input", "cache_write"), MAYBE_NUMBER)),
                status=STATUS,
            )
        )
    ),
}
"""What is under `data` in the answer of each endpoint. Times are UTC, prices and costs US dollars."""

ERROR = object_of(success={"const": False}, error=object_of(message=TEXT, parameter=MAYBE_TEXT), timestamp=TIME)

FAILURE = object_of(
    **dict.fromkeys(("type", "kind", "message"), TEXT),
    retryable=FLAG,
    status=MAYBE_WHOLE,
    code=MAYBE_TEXT,
    retry_after=MAYBE_NUMBER,
    request_id=MAYBE_TEXT,
)
USAGE = object_of(
    **dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), MAYBE_WHOLE),
    **dict.fromkeys(("cached_tokens", "cache_write_tokens", "reasoning_tokens"), MAYBE_WHOLE),
    source={"type": "string", "enum": ["reported", "estimated", "absent"]},
    problem=MAYBE_TEXT,
)
OUTCOME: Schema = {"type": "string", "enum": ["ok", "failed", "cancelled", "abandoned"]}
CALL = object_of(
    **dict.fromkeys(("id", "requested", "model_id", "provider", "strategy", "operation", "wire_model"), TEXT),
    stream=FLAG,
    outcome=OUTCOME,
    started=TIME,
    seconds=NUMBER,
    usage=USAGE,
    **dict.fromkeys(("response_model", "response_id", "finish_reason", "request_id", "tenant"), MAYBE_TEXT),
    first_chunk=MAYBE_NUMBER,
    error=maybe(FAILURE),
    attempts=list_of(
        object_of(outcome=OUTCOME, seconds=NUMBER, waited=NUMBER, error=maybe(FAILURE), usage=maybe(USAGE))
    ),
    cost_usd=MAYBE_NUMBER,
)
EVENTS: Mapping[str, Mapping[str, Schema]] = {
    "live": {
        "update": object_of(
            health=DATA["health"],
            providers=DATA["metrics/providers"]["properties"]["rows"],
            models=DATA["metrics/models"]["properties"]["rows"],
            totals=object_of(**FIGURES),
            last_minute=object_of(**FIGURES),
            point=DATA["metrics/history"]["properties"]["points"]["items"],
            failures=DATA["metrics/failures"]["properties"]["rows"],
            alerts=list_of(ALERT),
        )
    },
    "playground": {
        "chunk": object_of(text=TEXT, reasoning=TEXT),
        "call": CALL,
        "error": object_of(type=TEXT, kind=MAYBE_TEXT, message=TEXT, next_step=MAYBE_TEXT, call=maybe(CALL)),
    },
}
"""What the events of each stream hold."""
