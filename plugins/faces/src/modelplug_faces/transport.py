"""A transport for httpx that asks a board: every library that takes a client of OpenAI's calls through it.

The library sees HTTP, answered in this process; nothing listens. Its key and its base are made up: the board's settings
say where calls go.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import httpx
from modelplug import BadRequest, CallFailed, ModelplugError, Switchboard, UnknownModel

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

    return openai.AsyncOpenAI(http_client=httpx.AsyncClient(transport=BoardTransport(board)), **{**_CLIENT, **options})


def sync_openai_client(board: Switchboard, **options: Any) -> openai.OpenAI:
    """The same for code that is not async: an `openai.OpenAI` over `board.sync`."""
    import openai

    return openai.OpenAI(http_client=httpx.Client(transport=BoardTransport(board)), **{**_CLIENT, **options})


_CLIENT: Mapping[str, Any] = {"api_key": "none", "base_url": BASE, "max_retries": 0}


class BoardTransport(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """Answers `/chat/completions`, `/embeddings` and `/models`. Headers of the request are not passed on.

    It serves an `httpx.AsyncClient`, and through `board.sync` an `httpx.Client`.
    """

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The board's answer to one request, an error in OpenAI's shape included."""
        board, raw = self._board, await request.aread()
        try:
            path, body = _asked(request, raw)
            if path == "/embeddings":
                return httpx.Response(200, json=(await board.embed(**body)).data)
            if path != "/chat/completions":
                return self._other(request)
            if not body.pop("stream", False):
                return httpx.Response(200, json=(await board.complete(**body)).data)
            events = _events(board, body)
            return httpx.Response(200, headers=_EVENTS, stream=_Streamed(events, await anext(events)))
        except ModelplugError as error:
            return _failed(error)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The same for code that is not async."""
        board, raw = self._board.sync, request.read()
        try:
            path, body = _asked(request, raw)
            if path == "/embeddings":
                return httpx.Response(200, json=board.embed(**body).data)
            if path != "/chat/completions":
                return self._other(request)
            if not body.pop("stream", False):
                return httpx.Response(200, json=board.complete(**body).data)
            events = _sync_events(self._board, body)
            return httpx.Response(200, headers=_EVENTS, stream=_SyncStreamed(events, next(events)))
        except ModelplugError as error:
            return _failed(error)
        except RuntimeError as error:  # called inside an event loop; the client would say "Connection error."
            return httpx.Response(400, json=_error(str(error), "config"))

    def _other(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and request.url.path.endswith("/models"):
            rows = [{"id": m.id, "object": "model", "owned_by": m.provider, "created": 0} for m in self._board.models]
            return httpx.Response(200, json={"object": "list", "data": rows})
        told = f"{request.method} {request.url.path} is not answered here"
        return httpx.Response(404, json=_error(told, "not_found"))


_CLIENTS_OWN_TIMEOUT = 600
"""Seconds that OpenAI's client waits unless it is told; the board's settings know better."""

_EVENTS: Mapping[str, str] = {"content-type": "text/event-stream"}


def _asked(request: httpx.Request, raw: bytes) -> tuple[str, dict[str, Any]]:
    """Which of the two is asked, and the arguments for the board."""
    for path, content in (("/chat/completions", "messages"), ("/embeddings", "input")):
        if request.method == "POST" and request.url.path.endswith(path):
            body: dict[str, Any] = json.loads(raw)
            body["name"], body[content] = body.pop("model", ""), body.get(content, "")
            if "credentials" in body:
                raise BadRequest(
                    "a request holds no credentials; extra_body={'tenant': ...} has the board look them up"
                )
            if (seconds := request.extensions.get("timeout", {}).get("read")) not in (None, _CLIENTS_OWN_TIMEOUT):
                body.setdefault("timeout", seconds)
            return path, body
    return "", {}


# What fails before the first event is an answer with an error status; what fails later is an event.


async def _events(board: Switchboard, body: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
    async with board.stream(**body) as chunks:
        async for chunk in chunks:
            yield _event(chunk.data)


def _sync_events(board: Switchboard, body: Mapping[str, Any]) -> Generator[bytes, None, None]:
    with board.sync.stream(**body) as chunks:
        for chunk in chunks:
            yield _event(chunk.data)


class _Streamed(httpx.AsyncByteStream):
    """Server-sent events. Closing it, when the library has read all or hangs up, ends the call."""

    def __init__(self, events: AsyncGenerator[bytes, None], first: bytes) -> None:
        self._events = events
        self._first = first

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._first
        try:
            async for event in self._events:
                yield event
        except ModelplugError as error:
            yield _broken(error)
        else:
            yield _DONE

    async def aclose(self) -> None:
        await self._events.aclose()


class _SyncStreamed(httpx.SyncByteStream):
    """The same for code that is not async."""

    def __init__(self, events: Generator[bytes, None, None], first: bytes) -> None:
        self._events = events
        self._first = first

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        try:
            yield from self._events
        except ModelplugError as error:
            yield _broken(error)
        else:
            yield _DONE

    def close(self) -> None:
        self._events.close()


_DONE = b"data: [DONE]\n\n"


def _broken(error: ModelplugError) -> bytes:
    return _event(_error(str(error), getattr(error, "kind", "failed")))


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
