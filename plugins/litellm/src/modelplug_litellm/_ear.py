"""An ear on the wire under LiteLLM's own client: what really came back, whatever LiteLLM makes of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import httpx

# OpenAI, Gemini, Anthropic, Bedrock, Ollama. Inside a text the quotes would be escaped.
_ENDING = re.compile(rb'"(?:finish_reason|finishReason|stop_reason|stopReason|done_reason)"\s*:\s*"[^"]')
_USAGE = re.compile(rb'"(?:usage|usageMetadata|prompt_eval_count)"\s*:\s*[{\d]')
_LONGEST_MARK = 64
_ERROR_BODY = 64_000


class Heard:
    """What the answer to one call said on the wire.

    `status` is None until an answer began; the `body` of an answer that is no success is kept. `ended` says that a
    finish reason was heard, `usage` that the provider reported its count of tokens, `broken` that the connection was
    lost or never made.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = b""
        self.ended = False
        self.usage = False
        self.broken = False
        self._tail = b""

    @property
    def refused(self) -> bool:
        """Whether the answer has a status without success."""
        return self.status is not None and not 200 <= self.status < 300

    def begin(self, response: httpx.Response) -> None:
        """The head of an answer."""
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    def add(self, data: bytes) -> None:
        """Some more bytes of the answer."""
        if self.refused and len(self.body) < _ERROR_BODY:
            self.body += data
        window = self._tail + data
        self.ended = self.ended or _ENDING.search(window) is not None
        self.usage = self.usage or _USAGE.search(window) is not None
        self._tail = window[-_LONGEST_MARK:]


class Ear(httpx.AsyncBaseTransport):
    """A transport that passes everything on and remembers what it heard; `client` is what LiteLLM is given.

    It listens to one call at a time. The connections are shared.
    """

    def __init__(self, llm: ModuleType, connections: httpx.AsyncBaseTransport) -> None:
        self._connections = connections
        self.heard = Heard()
        self._answer: _Listening | None = None
        self.client: Any = llm.llms.custom_httpx.http_handler.AsyncHTTPHandler()
        self.client.client = httpx.AsyncClient(transport=self, follow_redirects=False, trust_env=False, timeout=None)  # noqa: S113  # said in each call

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["accept-encoding"] = "identity"
        heard = self.heard
        try:
            response = await self._connections.handle_async_request(request)
        except httpx.TransportError:
            heard.broken = True
            raise
        heard.begin(response)
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101  # what an async transport gives
        response.stream = self._answer = _Listening(response.stream, heard)
        return response

    async def hang_up(self) -> None:
        """Closes the answer of the call that is over, whether LiteLLM did or not."""
        answer, self._answer = self._answer, None
        if answer is not None:
            await answer.aclose()

    async def aclose(self) -> None:
        """Nothing: LiteLLM closes clients when it likes, and the connections are not its own."""


class _Listening(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, heard: Heard) -> None:
        self._inner = inner
        self._heard = heard

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for data in self._inner:
                self._heard.add(data)
                yield data
        except httpx.TransportError:
            self._heard.broken = True
            raise

    async def aclose(self) -> None:
        await self._inner.aclose()


class Ears:
    """The ears and connections of each event loop; they end with the loop as `asyncio.run` ends it."""

    def __init__(self) -> None:
        self._loops: dict[asyncio.AbstractEventLoop, _Loop] = {}

    @contextmanager
    def one(self, llm: ModuleType) -> Iterator[Ear]:
        """An ear for one call."""
        mine = self._loops[asyncio.get_running_loop()]
        ear = mine.free.pop() if mine.free else Ear(llm, mine.connections)
        ear.heard = Heard()
        try:
            yield ear
        finally:
            mine.free.append(ear)

    async def begin(self) -> None:
        """To be called before `one`, in every event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            for other in [known for known in self._loops if known.is_closed()]:
                del self._loops[other]
            self._loops[loop] = mine = _Loop()
            await anext(mine.guard)

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        mine = self._loops.pop(asyncio.get_running_loop(), None)
        if mine is not None:
            await mine.guard.aclose()


class _Loop:
    """One event loop's share. asyncio.run closes `guard`, a generator left open, before it closes the loop."""

    def __init__(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        self.connections = httpx.AsyncHTTPTransport(trust_env=False, limits=limits)
        self.free: list[Ear] = []
        self.guard = self._until_the_loop_ends()

    async def _until_the_loop_ends(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self.connections.aclose()
