"""The playground: one call through the board, streamed to whoever asked, with its record at the end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from attrs import asdict
from modelplug import Call, CallFailed, Chunks, ModelplugError, Switchboard
from modelplug_metrics.failures import next_step
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from modelplug_status.envelope import BadParameter, iso
from modelplug_status.live import event

LONGEST = 1024 * 1024
"""Bytes that a request may have."""

PARAMS = frozenset({"temperature", "top_p", "max_tokens", "max_completion_tokens", "reasoning_effort", "seed", "stop"})
"""What may be said beside the model and the messages."""


async def play(board: Switchboard, request: Request) -> Response:
    """`POST /api/llm/playground`: events `chunk`, then one `call` or one `error`.

    The call is cancelled when the client leaves. Only JSON is taken, which no form of another page can send.
    """
    model, messages, params = _asked(await _body(request))
    chunks = board.stream(model, messages, **params)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_events(chunks), media_type="text/event-stream", headers=headers)


async def _events(stream: Chunks) -> AsyncIterator[bytes]:
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
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LONGEST:
            raise HTTPException(413, f"the request has more than {LONGEST} bytes")
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise BadParameter("body", "is not JSON") from None
    if not isinstance(sent, dict):
        raise BadParameter("body", "is no JSON object")
    return sent


def _asked(sent: Mapping[str, Any]) -> tuple[str, list[Mapping[str, Any]], dict[str, Any]]:
    """The model, the messages and the parameters. Raises BadParameter."""
    model, messages = sent.get("model"), sent.get("messages")
    if not isinstance(model, str) or not model:
        raise BadParameter("model", "is no name of a model")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        raise BadParameter("messages", "is no list of messages")
    for name in sent.keys() - PARAMS - {"model", "messages"}:
        raise BadParameter(name[:100], f"cannot be said here; what can is {', '.join(sorted(PARAMS))}")
    return model, messages, {name: sent[name] for name in PARAMS & sent.keys() if sent[name] is not None}
