"""A transport for httpx that asks a board: every library that takes an `openai.AsyncOpenAI` calls through it.

The library sees HTTP, answered in this process; nothing listens. Its key and its base are made up: the board's settings
say where calls go.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import httpx
from modelplug import CallFailed, Chunks, ModelplugError, Switchboard, UnknownModel

if TYPE_CHECKING:
    import openai

BASE = "http://board.invalid/v1"
"""An address that leads nowhere (RFC 2606)."""

STATUS: Mapping[str, int] = {
    "auth": 401,
    "quota": 429,
    "rate_limit": 429,
    "saturated": 429,
    "not_found": 404,
    "client": 400,
    "context": 400,
    "content": 400,
    "parameter": 400,
    "config": 400,
    "timeout": 504,
    "stall": 504,
    "upstream": 503,
}
"""The status that a kind of failure has for the library; every other is 502."""

CODE: Mapping[str, str] = {"context": "context_length_exceeded", "quota": "insufficient_quota"}


def openai_client(board: Switchboard, **options: Any) -> openai.AsyncOpenAI:
    """OpenAI's own client, whose requests this board answers. `options` are the client's, such as `timeout`.

    The board retries, so the client does not.
    """
    import openai

    http_client = httpx.AsyncClient(transport=BoardTransport(board))
    settings: dict[str, Any] = {"api_key": "none", "base_url": BASE, "max_retries": 0, **options}
    return openai.AsyncOpenAI(http_client=http_client, **settings)


class BoardTransport(httpx.AsyncBaseTransport):
    """Answers `/chat/completions`, `/embeddings` and `/models`. Headers of the request are not passed on."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The board's answer to one request, an error in OpenAI's shape included."""
        try:
            return await self._answer(request)
        except ModelplugError as error:
            return _failed(error)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "GET" and path.endswith("/models"):
            rows = [{"id": m.id, "object": "model", "owned_by": m.provider, "created": 0} for m in self._board.models]
            return httpx.Response(200, json={"object": "list", "data": rows})
        if request.method != "POST" or not path.endswith(("/chat/completions", "/embeddings")):
            return httpx.Response(404, json=_error(f"{request.method} {path} is not answered here", "not_found"))
        body = json.loads(await request.aread())
        model = body.pop("model", "")
        if path.endswith("/embeddings"):
            return httpx.Response(200, json=(await self._board.embed(model, body.pop("input", ""), **body)).data)
        messages = body.pop("messages", [])
        if not body.pop("stream", False):
            return httpx.Response(200, json=(await self._board.complete(model, messages, **body)).data)
        chunks = self._board.stream(model, messages, **body)
        await chunks.__aenter__()
        events = _Events(chunks)
        await events.begin()
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=events)


class _Events(httpx.AsyncByteStream):
    """The chunks as server-sent events. What fails before the first of them is an answer with an error status."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._first: bytes | None = None

    async def begin(self) -> None:
        self._first = await self._next()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        event = self._first
        while event is not None:
            yield event
            try:
                event = await self._next()
            except ModelplugError as error:
                yield _event(_error(str(error), getattr(error, "kind", "failed")))
                return
        yield b"data: [DONE]\n\n"

    async def aclose(self) -> None:
        """The library has read all, or hangs up."""
        await self._chunks.__aexit__(None, None, None)

    async def _next(self) -> bytes | None:
        try:
            return _event((await anext(self._chunks)).data)
        except StopAsyncIteration:
            return None


def _event(data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def _failed(error: ModelplugError) -> httpx.Response:
    kind = getattr(error, "kind", "not_found" if isinstance(error, UnknownModel) else "config")
    headers = {"x-should-retry": "false"}
    if isinstance(error, CallFailed):
        if error.retry_after is not None:
            headers["retry-after"] = f"{error.retry_after:g}"
        if error.request_id is not None:
            headers["x-request-id"] = error.request_id
    message = error.message if isinstance(error, CallFailed) else str(error)
    return httpx.Response(STATUS.get(kind, 502), headers=headers, json=_error(message, kind))


def _error(message: str, kind: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "code": CODE.get(kind, kind), "param": None}}
