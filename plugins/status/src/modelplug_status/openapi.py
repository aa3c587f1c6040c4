"""The OpenAPI document, made from one table of endpoints, parameters and fields."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from modelplug_status.endpoints import MOST_FAILURES
from modelplug_status.playground import LONGEST_NAME, PARAMS
from modelplug_status.view import WINDOWS

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


def _object(**fields: Schema) -> Schema:
    return {"type": "object", "properties": fields, "required": list(fields)}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


SECONDS = _object(count=WHOLE, **dict.fromkeys(("mean", "p50", "p90", "p95", "p99"), MAYBE_NUMBER))
FIGURES: Mapping[str, Schema] = {
    **dict.fromkeys(("calls", "ok", "failed", "cancelled", "abandoned", "cut"), WHOLE),
    "success_rate": MAYBE_NUMBER,
    "errors": {"type": "object", "additionalProperties": WHOLE},
    **dict.fromkeys(("attempts", "retries"), WHOLE),
    "tokens": _object(**dict.fromkeys(("input", "cached", "cache_write", "output", "reasoning"), WHOLE)),
    **dict.fromkeys(("tokens_unknown", "tokens_estimated"), WHOLE),
    "cost_usd": NUMBER,
    "cost_unknown": WHOLE,
    **dict.fromkeys(("seconds", "first_chunk", "seconds_per_output_token"), SECONDS),
    "calls_per_second": NUMBER,
}
HEALTH: Mapping[str, Schema] = {"status": STATUS, "reason": TEXT, "next_step": MAYBE_TEXT, "since": MAYBE_TIME}
ROWS: Mapping[str, Schema] = {"window": TEXT}
ALERT = _object(
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
DATA: Mapping[str, Schema] = {
    "health": _object(
        status=STATUS,
        reason=TEXT,
        total_calls=WHOLE,
        success_rate=MAYBE_NUMBER,
        recent_failures_1h=WHOLE,
        provider_count=WHOLE,
        model_count=WHOLE,
        in_flight=WHOLE,
        uptime_seconds=NUMBER,
        providers=_list(_object(provider=TEXT, in_flight=WHOLE, **HEALTH, models=_list(_object(model=TEXT, **HEALTH)))),
    ),
    "metrics/providers": _object(**ROWS, rows=_list(_object(provider=TEXT, in_flight=MAYBE_WHOLE, **FIGURES))),
    "metrics/models": _object(**ROWS, rows=_list(_object(provider=TEXT, model=TEXT, in_flight=MAYBE_WHOLE, **FIGURES))),
    "metrics/strategies": _object(**ROWS, rows=_list(_object(strategy=TEXT, in_flight=MAYBE_WHOLE, **FIGURES))),
    "metrics/failures": _object(
        hours=WHOLE,
        total=WHOLE,
        rows=_list(
            _object(
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
    "metrics/history": _object(
        step_seconds=NUMBER,
        points=_list(
            _object(
                time=TIME,
                **dict.fromkeys(("calls", "ok", "failed", "cancelled", "abandoned"), WHOLE),
                **dict.fromkeys(("p50", "p95", "first_p50", "first_p95"), MAYBE_NUMBER),
                **dict.fromkeys(("tokens_input", "tokens_output"), WHOLE),
                cost_usd=NUMBER,
            )
        ),
    ),
    "alerts": _object(rules=_list({"type": "object"}), firing=_list(ALERT), recent=_list(ALERT)),
    "models": _object(
        models=_list(
            _object(
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
                prices=_object(**dict.fromkeys(("input", "output", "cached_input", "cache_write"), MAYBE_NUMBER)),
                status=STATUS,
            )
        )
    ),
}
"""What is under `data` in the answer of each endpoint. Times are UTC, prices and costs US dollars."""

SUMMARIES: Mapping[str, str] = {
    "health": "Whether all is well, and each provider and model",
    "metrics/providers": "Figures by provider",
    "metrics/models": "Figures by model",
    "metrics/strategies": "Figures by strategy",
    "metrics/failures": "The latest failed calls, the newest first",
    "metrics/history": "Figures of each ten seconds of the last hour, the oldest first",
    "alerts": "The rules, what fires, and what was resolved lately",
    "models": "The models for a selector: allowed ones first, then by priority, then by name",
}

_WINDOW = ("window", {"type": "string", "enum": list(WINDOWS), "default": "all"})
_PROVIDER = ("provider", {"type": "string", "maxLength": 300})
PARAMETERS: Mapping[str, tuple[tuple[str, Schema], ...]] = {
    "metrics/providers": (_WINDOW,),
    "metrics/models": (_WINDOW, _PROVIDER),
    "metrics/strategies": (_WINDOW,),
    "metrics/failures": (
        ("hours", {"type": "integer", "minimum": 1, "maximum": 168, "default": 24}),
        _PROVIDER,
        ("kind", {"type": "string", "maxLength": 300}),
        ("limit", {"type": "integer", "minimum": 1, "maximum": MOST_FAILURES, "default": 100}),
    ),
    "metrics/history": (("minutes", {"type": "integer", "minimum": 1, "maximum": 60, "default": 60}),),
    "models": (
        ("search", {"type": "string", "maxLength": 300}),
        _PROVIDER,
        ("capability", {"type": "string", "maxLength": 300}),
        ("all", {"type": "string", "enum": ["true", "false"], "default": "false"}),
    ),
}
ERROR = _object(success={"const": False}, error=_object(message=TEXT, parameter=MAYBE_TEXT), timestamp=TIME)


def document(root: str = "", *, token: bool = False, playground: bool = False) -> dict[str, Any]:
    """The document of an app that is mounted at this path; `token`: whether one is asked for."""
    paths: dict[str, Any] = {f"/api/llm/{path}": {"get": _get(path)} for path in DATA}
    paths["/metrics"] = {
        "get": {
            "summary": "The figures for Prometheus",
            "operationId": "metrics",
            "responses": {"200": {"description": "Samples", "content": _text("text/plain")}, **_errors(401)},
        }
    }
    paths["/api/llm/live"] = {
        "get": {
            "summary": "An event `update` each second, until the client leaves",
            "operationId": "live",
            "responses": {"200": _events(), **_errors(401, 422)},
        }
    }
    if playground:
        paths["/api/llm/playground"] = {"post": _playground()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "modelplug status", "version": version("modelplug-status")},
        "servers": [{"url": root or "/"}],
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}] if token else [],
    }


def _get(path: str) -> dict[str, Any]:
    answer = _object(success={"const": True}, data=DATA[path], timestamp=TIME)
    return {
        "summary": SUMMARIES[path],
        "operationId": path.replace("/", "_"),
        "parameters": [{"name": name, "in": "query", "schema": dict(s)} for name, s in PARAMETERS.get(path, ())],
        "responses": {
            "200": {"description": "As asked", "content": {"application/json": {"schema": dict(answer)}}},
            **_errors(401, 422),
        },
    }


def _playground() -> dict[str, Any]:
    content = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]}
    role = {"type": "string", "minLength": 1}
    message = {"type": "object", "properties": {"role": role, "content": content}, "required": ["role", "content"]}
    body = {
        "type": "object",
        "properties": {
            "model": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
            "messages": {"type": "array", "minItems": 1, "items": message},
            **{name: {"anyOf": [dict(kind.schema), {"type": "null"}]} for name, kind in PARAMS.items()},
        },
        "required": ["model", "messages"],
        "additionalProperties": False,
    }
    return {
        "summary": "One call: events `chunk`, then one `call` with its record, or one `error`",
        "operationId": "playground",
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _events(), **_errors(401, 413, 415, 422)},
    }


def _events() -> dict[str, Any]:
    return {"description": "Server-sent events", "content": _text("text/event-stream")}


def _text(kind: str) -> dict[str, Any]:
    return {kind: {"schema": {"type": "string"}}}


def _errors(*statuses: int) -> dict[str, Any]:
    content = {"application/json": {"schema": dict(ERROR)}}
    return {str(status): {"description": "What is wrong", "content": content} for status in statuses}
