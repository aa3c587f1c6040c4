"""The playground: one call through the board, streamed to whoever asked, with its record at the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from attrs import asdict, frozen
from modelplug import Call, CallFailed, Chunks, ModelplugError, Switchboard
from modelplug_metrics.failures import next_step
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from modelplug_status.envelope import BadParameter, iso
from modelplug_status.events import EventStream, event

LONGEST = 1024 * 1024
"""Bytes that a request may have."""

PATIENCE = 30.0
"""Seconds in which a request must have come."""

LONGEST_NAME = 300
"""Characters of a model's name."""


@frozen
class Kind:
    """What a parameter can be: in words, as a JSON schema, and as a question."""

    words: str
    schema: Mapping[str, Any]
    fits: Callable[[Any], bool]


NUMBER = Kind("a number", {"type": "number"}, lambda value: type(value) in (int, float))
WHOLE = Kind("a whole number", {"type": "integer"}, lambda value: type(value) is int)
WORD = Kind("a word", {"type": "string", "maxLength": 100}, lambda value: type(value) is str and len(value) <= 100)
TEXTS = Kind(
    "a text or a list of texts",
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    lambda value: all(isinstance(one, str) for one in (value if isinstance(value, list) else [value])),
)
PARAMS: Mapping[str, Kind] = {
    "max_completion_tokens": WHOLE,
    "max_tokens": WHOLE,
    "reasoning_effort": WORD,
    "seed": WHOLE,
    "stop": TEXTS,
    "temperature": NUMBER,
    "top_p": NUMBER,
}
"""What may be said beside the model and the messages. Null is not said."""


async def play(board: Switchboard, request: Request) -> EventStream:
    """`POST /api/llm/playground`: events `chunk`, then one `call` or one `error`.

    The call is cancelled when the client leaves. Only JSON is taken, which no form of another page can send.
    """
    model, messages, params = _asked(await _body(request))
    return EventStream(_events(board.stream(model, messages, **params)))


async def _events(stream: Chunks) -> AsyncGenerator[bytes, None]:
    try:
        async with stream as chunks:
            async for chunk in chunks:
                if chunk.text or chunk.reasoning:
                    yield event("chunk", {"text": chunk.text, "reasoning": chunk.reasoning})
    except ModelplugError as error:
        kind = getattr(error, "kind", None) or (stream.call and stream.call.error and stream.call.error.kind)
        yield event(
            "error",
            {
                "type": type(error).__name__,
                "kind": kind,
                "message": error.message if isinstance(error, CallFailed) else str(error),
                "next_step": next_step(kind) if kind else None,
                "call": stream.call and record(stream.call),
            },
        )
    else:
        if stream.call is not None:
            yield event("call", record(stream.call))


def record(call: Call) -> dict[str, Any]:
    """A Call as JSON. The cost is in US dollars, or null where it is not known."""
    fields = asdict(call)
    usage = fields.pop("usage")
    usage.pop("raw")
    for attempt in fields["attempts"]:
        if attempt["usage"] is not None:
            attempt["usage"].pop("raw")
    cost = fields.pop("cost")
    return {
        **fields,
        "attempts": list(fields["attempts"]),
        "started": iso(call.started),
        "usage": usage,
        "cost_usd": None if cost is None else float(cost),
    }


async def _body(request: Request) -> Mapping[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "send application/json")
    body = await _received(request)
    try:
        sent = json.loads(body, parse_constant=_refused)
        json.dumps(sent, ensure_ascii=False, allow_nan=False).encode()  # half a character, or 1e999, goes nowhere
    except (ValueError, RecursionError):
        raise BadParameter("body", "is not JSON") from None
    if not isinstance(sent, dict):
        raise BadParameter("body", "is no JSON object")
    return sent


async def _received(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in request.stream():
                body += part
                if len(body) > LONGEST:
                    raise HTTPException(413, f"the request has more than {LONGEST} bytes")
    except ClientDisconnect:
        raise HTTPException(400, "the request was broken off") from None  # nobody reads this, and nothing is logged
    except TimeoutError:
        raise HTTPException(408, f"the request did not come within {PATIENCE:.0f} s") from None
    return bytes(body)


def _refused(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _asked(sent: Mapping[str, Any]) -> tuple[str, list[Mapping[str, Any]], dict[str, Any]]:
    """The model, the messages and the parameters. Raises BadParameter."""
    model, messages = sent.get("model"), sent.get("messages")
    if not isinstance(model, str) or not 0 < len(model) <= LONGEST_NAME:
        raise BadParameter("model", "is no name of a model")
    if not isinstance(messages, list) or not messages or not all(map(_is_message, messages)):
        raise BadParameter("messages", "is no list of messages, each with a role and a content")
    for name in sent.keys() - PARAMS.keys() - {"model", "messages"}:
        raise BadParameter(name[:100], f"cannot be said here; what can is {', '.join(PARAMS)}")
    params = {name: sent[name] for name in PARAMS if sent.get(name) is not None}
    for name, value in params.items():
        if not PARAMS[name].fits(value):
            raise BadParameter(name, f"is not {PARAMS[name].words}")
    return model, messages, params


def _is_message(message: Any) -> bool:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str) or not message["role"]:
        return False
    content = message.get("content")
    return isinstance(content, str) or (isinstance(content, list) and all(isinstance(part, dict) for part in content))
