"""The layer that makes a call's span the current one while the provider is asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Coroutine
from time import perf_counter
from typing import Any, TypeVar

from modelplug import Chunk, Embeddings, Layer, Reply, Request, Strategy
from modelplug.strategy import embedding
from opentelemetry.context import attach, detach

from modelplug_otel._recording import Recording
from modelplug_otel._under_way import Traced

A = TypeVar("A")


class Tracing(Layer):
    """Begins a span for each call. Where nobody collects spans it hands the call on and is out of the way."""

    def __init__(self, inner: Strategy, recording: Recording, *, content: bool) -> None:
        super().__init__(inner)
        self._recording = recording
        self._content = content

    def complete(self, request: Request) -> Coroutine[Any, Any, Reply]:
        """The inner answer."""
        traced = self._recording.begin(request, content=self._content)
        return self.inner.complete(request) if traced is None else self._complete(request, traced)

    def embed(self, request: Request) -> Coroutine[Any, Any, Embeddings]:
        """The inner vectors."""
        traced = self._recording.begin(request)
        vectors = embedding(self.inner, request)
        return vectors if traced is None else _within(traced, vectors)

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The inner chunks."""
        chunks = self.inner.stream(request)
        traced = self._recording.begin(request, content=self._content)
        return chunks if traced is None else self._timed(chunks, traced)

    async def _complete(self, request: Request, traced: Traced) -> Reply:
        reply = await _within(traced, self.inner.complete(request))
        if traced.request is not None:
            traced.reply = reply
        return reply

    async def _timed(self, chunks: AsyncGenerator[Chunk, None], traced: Traced) -> AsyncGenerator[Chunk, None]:
        """The chunks, with the times between them. The request is sent while the first one is waited for."""
        gaps, kept = traced.gaps, None if traced.request is None else traced.chunks
        try:
            try:
                chunk = await _within(traced, anext(chunks))
            except StopAsyncIteration:
                return
            before = perf_counter()
            if kept is not None:
                kept.append(chunk)
            yield chunk
            async for chunk in chunks:
                now = perf_counter()
                gaps.append(now - before)
                before = now
                if kept is not None:
                    kept.append(chunk)
                yield chunk
        finally:
            await chunks.aclose()


async def _within(traced: Traced, answer: Awaitable[A]) -> A:
    """Await an answer with the call's span as the current one."""
    token = attach(traced.context)
    try:
        return await answer
    finally:
        detach(token)
