"""The OpenAPI document, made from the tables of fields and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from modelplug_status.endpoints import MOST_FAILURES
from modelplug_status.fields import DATA, ERROR, EVENTS, TIME, Schema, object_of
from modelplug_status.playground import LONGEST_NAME, PARAMS
from modelplug_status.view import WINDOWS

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
            "responses": {"200": _events("live"), **_errors(401, 422)},
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
    answer = object_of(success={"const": True}, data=DATA[path], timestamp=TIME)
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
        "responses": {"200": _events("playground"), **_errors(401, 413, 415, 422)},
    }


def _events(stream: str) -> dict[str, Any]:
    """Of server-sent events the schema is that of each one, as OpenAPI 3.2 has it under `itemSchema`."""
    events = [
        object_of(
            event={"const": name},
            data={"type": "string", "contentMediaType": "application/json", "contentSchema": dict(schema)},
        )
        for name, schema in EVENTS[stream].items()
    ]
    return {"description": "Server-sent events", "content": {"text/event-stream": {"schema": {"oneOf": events}}}}


def _text(kind: str) -> dict[str, Any]:
    return {kind: {"schema": {"type": "string"}}}


def _errors(*statuses: int) -> dict[str, Any]:
    content = {"application/json": {"schema": dict(ERROR)}}
    return {str(status): {"description": "What is wrong", "content": content} for status in statuses}
