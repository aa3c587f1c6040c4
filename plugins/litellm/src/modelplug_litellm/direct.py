"""Direct: LiteLLM without its Router.

LiteLLM translates the request. Where the provider speaks OpenAI's dialect, our wire carries it and our readers read the
answer, so that what is reported is what came. Where it does not, LiteLLM carries the call itself, listened to.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from modelplug import Chunk, Embeddings, Reply, Request
from modelplug_http.options import Options
from modelplug_http.strategy import Http
from modelplug_http.wire import Wire

from modelplug_litellm._importing import litellm
from modelplug_litellm._providers import dialect
from modelplug_litellm._translation import Translation
from modelplug_litellm._whole import WholePath


class Direct:
    """The strategy `direct`. Strategies may share the Wire; closing one closes it."""

    name = "direct"

    def __init__(self, wire: Wire | None = None, options: Options | None = None) -> None:
        self._http = Http(wire, options)
        self._whole = WholePath(options)
        self._translations: dict[tuple[str, str], Translation | None] = {}

    async def complete(self, request: Request) -> Reply:
        """The whole answer."""
        translation = await self._translation(request)
        if translation is None:
            return await self._whole.complete(request)
        return await self._http.complete(translation.translated(request))

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The answer in chunks."""
        translation = await self._translation(request)
        carried = (
            self._whole.stream(request) if translation is None else self._http.stream(translation.translated(request))
        )
        try:
            async for chunk in carried:
                yield chunk
        finally:
            await carried.aclose()

    async def embed(self, request: Request) -> Embeddings:
        """Vectors."""
        translation = await self._translation(request)
        if translation is None:
            return await self._whole.embed(request)
        return await self._http.embed(translation.translated(request))

    async def aclose(self) -> None:
        """Closes all connections; they are made anew when they are needed."""
        await self._http.aclose()
        await self._whole.aclose()

    async def _translation(self, request: Request) -> Translation | None:
        """None where only LiteLLM's own client can speak to the provider."""
        key = (request.model.provider, request.wire_name)
        if key not in self._translations:
            llm = await litellm()
            self._translations[key] = Translation.of(llm, dialect(llm, request.model.provider), request.wire_name)
        return self._translations[key]
