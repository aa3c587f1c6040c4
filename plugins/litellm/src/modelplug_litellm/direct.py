"""Direct: LiteLLM without its Router.

LiteLLM translates the request. Where the provider speaks OpenAI's dialect, our wire carries it and our readers read the
answer, so that what is reported is what came. Where it does not, LiteLLM carries the call itself, listened to.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from modelplug import Chunk, Embeddings, Reply, Request
from modelplug.strategy import one_by_one, singly
from modelplug_http.options import Options
from modelplug_http.strategy import Http
from modelplug_http.wire import Wire

from modelplug_litellm._discretion import discretion
from modelplug_litellm._importing import litellm, load
from modelplug_litellm._providers import dialect
from modelplug_litellm._translation import Translation
from modelplug_litellm._whole import WholePath


class Direct:
    """The strategy `direct`. Strategies may share the Wire; closing one closes it."""

    name = "direct"

    def __init__(self, wire: Wire | None = None, options: Options | None = None, *, content: bool = False) -> None:
        self.content = content
        self._http = Http(wire, options)
        self._whole = WholePath(options, content=content)
        self._translations: dict[tuple[str, str], Translation | None] = {}

    async def complete(self, request: Request) -> Reply:
        """The whole answer."""
        translated = await self._translated(request)
        return await (self._whole.complete(request) if translated is None else self._http.complete(translated))

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The answer in chunks."""
        return one_by_one(self.bursts(request))

    async def bursts(self, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        """The same chunks, in lists as they arrive."""
        translated = await self._translated(request)
        carried = singly(self._whole.stream(request)) if translated is None else self._http.bursts(translated)
        try:
            async for burst in carried:
                yield burst
        finally:
            await carried.aclose()

    async def embed(self, request: Request) -> Embeddings:
        """Vectors."""
        translated = await self._translated(request)
        return await (self._whole.embed(request) if translated is None else self._http.embed(translated))

    def warm(self) -> None:
        """Imports LiteLLM and the HTTP client."""
        load()
        self._http.warm()

    async def aclose(self) -> None:
        """Closes all connections; they are made anew when they are needed."""
        await self._http.aclose()
        await self._whole.aclose()

    async def _translated(self, request: Request) -> Request | None:
        """The request as our wire sends it; None where only LiteLLM's own client can speak to the provider."""
        key = (request.model.provider, request.wire_name)
        with discretion(request, content=self.content):
            if key not in self._translations:
                llm = await litellm()
                self._translations[key] = Translation.of(llm, dialect(llm, request.model.provider), request.wire_name)
            translation = self._translations[key]
            return None if translation is None else translation.translated(request)
