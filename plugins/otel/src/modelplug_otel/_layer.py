"""The layer that makes a call's span the current one while the provider is asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from time import perf_counter
from typing import Any, TypeVar

from modelplug import Chunk, Embeddings, Layer, Reply, Request, Strategy
from modelplug.strategy import Bursts, bursts_of, embedding
from opentelemetry.context import attach, detach

from modelplug_otel._recording import Recording
from modelplug_otel._under_way import Traced

A = TypeVar("A")
T = TypeVar("T", Chunk, Sequence[Chunk])


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
        return self._streamed(request, self.inner.stream, _alone)

    @property
    def bursts(self) -> Bursts | None:
        """The inner bursts, where there are any."""
        inner = bursts_of(self.inner)
        return None if inner is None else lambda request: self._streamed(request, inner, _together)

    def _streamed(
        self,
        request: Request,
        stream: Callable[[Request], AsyncGenerator[T, None]],
        within: Callable[[T], Sequence[Chunk]],
    ) -> AsyncGenerator[T, None]:
        pieces = stream(request)
        traced = self._recording.begin(request, content=self._content)
        return pieces if traced is None else _timed(pieces, within, traced)

    async def _complete(self, request: Request, traced: Traced) -> Reply:
        reply = await _within(traced, self.inner.complete(request))
        if traced.request is not None:
            traced.reply = reply
        return reply


async def _timed(
    pieces: AsyncGenerator[T, None], within: Callable[[T], Sequence[Chunk]], traced: Traced
) -> AsyncGenerator[T, None]:
    """The pieces, noting the times between chunks. The request is sent while the first one is waited for."""
    before = None
    try:
        while True:
            try:
                piece = await (_within(traced, anext(pieces)) if before is None else anext(pieces))
            except StopAsyncIteration:
                return
            now = perf_counter()
            chunks = within(piece)
            if before is not None:
                traced.gaps.append(now - before)
            traced.gaps.extend((0.0,) * (len(chunks) - 1))  # they came together
            before = now
            if traced.request is not None:
                traced.chunks.extend(chunks)
            yield piece
    finally:
        await pieces.aclose()


def _alone(chunk: Chunk) -> Sequence[Chunk]:
    return (chunk,)


def _together(burst: Sequence[Chunk]) -> Sequence[Chunk]:
    return burst


async def _within(traced: Traced, answer: Awaitable[A]) -> A:
    """Await an answer with the call's span as the current one."""
    token = attach(traced.context)
    try:
        return await answer
    finally:
        detach(token)
