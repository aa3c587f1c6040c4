"""The layer that bounds how many calls go to a provider at once: a plugin of the core's own (block `limit`).

Nothing is bounded unless a setting says so:

    [providers.v98store]
    max_concurrency = 100  # calls under way at once, a stream until its end
    max_waiting = 1000     # calls that may wait for a place; ten times max_concurrency unless set
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from modelplug.answers import Chunk, Embeddings, Reply
from modelplug.errors import RateLimited
from modelplug.hooks import Hooks, hookimpl
from modelplug.models import Model
from modelplug.settings import Settings
from modelplug.strategy import Layer, Request, Strategy

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Semaphore


class Limit(Hooks):
    """Puts a Limited layer round the strategies of providers whose settings say `max_concurrency`.

    It is nearer to the strategy than layers of other plugins, so that what a cache answers needs no place, and farther
    than `retry`, so that a call keeps its place while it waits for its next try.
    """

    def __init__(self) -> None:
        self._places: dict[str, Places] = {}

    @hookimpl(wrapper=True, trylast=True)
    def select_strategy(self, model: Model, settings: Settings) -> Generator[None, Strategy | None, Strategy | None]:
        """The selected strategy, with as many places as the settings say. Models of a provider share them."""
        inner = yield
        own = settings.provider(model.provider)
        most = own.number("max_concurrency", least=1)
        if inner is None or most is None:
            return inner
        waiting = own.number("max_waiting", 10 * most, least=0)
        places = Places(provider=model.provider, most=int(most), waiting=int(waiting or 0))
        known = self._places.setdefault(model.provider, places)
        if (known.most, known.waiting) != (places.most, places.waiting):  # after a refresh
            self._places[model.provider] = known = places
        return Limited(inner, known)


class Places:
    """The places of one provider, counted apart in each event loop. First come, first served."""

    def __init__(self, *, provider: str, most: int, waiting: int) -> None:
        self.provider = provider
        self.most = most
        self.waiting = waiting
        self._loops: WeakKeyDictionary[AbstractEventLoop, _Line] = WeakKeyDictionary()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """One place. Raises RateLimited of kind `saturated` where too many wait already."""
        from asyncio import Semaphore, get_running_loop  # late: loading needs no asyncio

        loop = get_running_loop()
        line = self._loops.get(loop)
        if line is None:
            self._loops[loop] = line = _Line(Semaphore(self.most))
        if line.free.locked() and line.waiting >= self.waiting:
            raise RateLimited(
                f"{self.most} calls to provider {self.provider!r} are under way and {self.waiting} wait for a place "
                "(max_concurrency, max_waiting): call again when some are done",
                kind="saturated",
                retryable=False,
            )
        line.waiting += 1
        try:
            await line.free.acquire()
        finally:
            line.waiting -= 1
        try:
            yield
        finally:
            line.free.release()


class _Line:
    """The free places of one event loop, and how many calls wait for one."""

    __slots__ = ("free", "waiting")

    def __init__(self, free: Semaphore) -> None:
        self.free = free
        self.waiting = 0


class Limited(Layer):
    """Has each call wait for its place, within the deadline of the call."""

    def __init__(self, inner: Strategy, places: Places) -> None:
        super().__init__(inner)
        self.places = places

    async def complete(self, request: Request) -> Reply:
        """The inner answer."""
        async with self.places.place():
            return await super().complete(request)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The inner chunks. The place is kept until the end."""
        async with self.places.place():
            chunks = self.inner.stream(request)
            try:
                async for chunk in chunks:
                    yield chunk
            finally:
                await chunks.aclose()

    async def embed(self, request: Request) -> Embeddings:
        """The inner vectors."""
        async with self.places.place():
            return await super().embed(request)
