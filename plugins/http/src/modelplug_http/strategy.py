"""The strategy `http`: OpenAI-compatible chat, streams and embeddings, without a provider's library in between."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from importlib import import_module
from typing import Any

from modelplug.answers import Chunk, Embeddings, Reply
from modelplug.credentials import Credentials
from modelplug.errors import CallFailed, ConfigError
from modelplug.reading import Assembly, ChunkReader, read_embeddings, read_reply
from modelplug.strategy import Request, one_by_one

from modelplug_http.endpoint import CHAT, EMBEDDINGS, endpoint
from modelplug_http.options import Options
from modelplug_http.repeats import Repeats
from modelplug_http.wire import Wire


class Http:
    """Carries calls to one provider over a Wire, which other strategies may share. Closing it closes the Wire."""

    name = "http"

    def __init__(self, wire: Wire | None = None, options: Options | None = None) -> None:
        self._options = options or Options()
        self._wire = wire or Wire()

    async def complete(self, request: Request) -> Reply:
        """The whole answer, also where the provider streams it unasked."""
        answer = await self._wire.post(*_addressed(request, CHAT), **self._terms(request))
        return read_reply(answer.data) if answer.events is None else _assembled(answer.events)

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The answer in chunks. What follows the finish reason, such as usage, is waited for only briefly."""
        return one_by_one(self.bursts(request))

    async def bursts(self, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        """The same chunks, in lists as they arrive."""
        reader = ChunkReader(choices=_choices(request))
        settled = False
        carried = self._wire.events(*_addressed(request, CHAT), **self._terms(request), repeats=Repeats())
        async with carried as events:
            while values := await events.read():
                chunks, failure = _chunks(reader, values)
                if chunks:
                    yield chunks
                if failure is not None:
                    raise failure
                if reader.finished and not settled:
                    settled = True
                    events.settle()
        reader.end()

    async def embed(self, request: Request) -> Embeddings:
        """One vector for each input."""
        answer = await self._wire.post(*_addressed(request, EMBEDDINGS), **self._terms(request))
        return read_embeddings(answer.data, asked=request.input)

    def warm(self) -> None:
        """Imports the HTTP client."""
        import_module("aiohttp")

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._wire.aclose()

    def _terms(self, request: Request) -> dict[str, Any]:
        return {"pool": request.credentials, "deadline": request.deadline, "options": self._options, "call": request}


def _addressed(request: Request, path: str) -> tuple[str, dict[str, str], dict[str, Any]]:
    """URL, headers and body of a request. Raises ConfigError without a base."""
    credentials = request.credentials
    if credentials.api_base is None:
        raise ConfigError(
            f"api_base of {request.model.provider}",
            "is not set",
            "The strategy http needs it; set it beside the key.",
        )
    headers = {**request.headers, **_authorized(credentials)}
    return endpoint(credentials.api_base, path), headers, request.body()


def _authorized(credentials: Credentials) -> dict[str, str]:
    """The headers that carry the credentials, after the caller's own: a caller never changes them."""
    key = {} if credentials.api_key is None else {"authorization": f"Bearer {credentials.api_key.reveal()}"}
    return {**key, **{name.lower(): value for name, value in credentials.headers}}


def _choices(request: Request) -> object:
    """How many answers are asked for in one stream."""
    params = request.params
    return (params.get("extra_body") or params).get("n", params.get("n"))


def _chunks(reader: ChunkReader, values: list[Any]) -> tuple[list[Chunk], CallFailed | None]:
    """The chunks of these values, and the error that is behind them where there is one."""
    chunks: list[Chunk] = []
    try:
        for value in values:
            if type(value) is tuple:  # of Chunks; JSON has none
                reader.take(value)
                chunks += value
                continue
            chunk = reader.read(value)
            if chunk is not None:
                chunks.append(chunk)
    except CallFailed as error:
        return chunks, error
    return chunks, None


def _assembled(events: tuple[Any, ...]) -> Reply:
    reader, assembly = ChunkReader(), Assembly()
    for event in events:
        chunk = reader.read(event)
        if chunk is not None:
            assembly.add(chunk)
    reader.end()
    return assembly.reply()
