"""Pools of connections: one for each event loop and each credentials, bounded, closed with the loop or the board."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections import OrderedDict
from collections.abc import AsyncGenerator, Hashable
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import define, field
from modelplug.deadlines import Deadlines

from modelplug_http.posting import HEADER_LIMIT, Posting

if TYPE_CHECKING:
    import aiohttp

_KEEP_ALIVE = 30.0


@define(eq=False)
class Pool:
    """The connections for one key. `busy` counts the calls that use it: a busy pool is never closed for room."""

    session: aiohttp.ClientSession
    posting: Posting
    busy: int = 0


@define(eq=False)
class _LoopPools:
    pools: OrderedDict[Hashable, Pool] = field(factory=OrderedDict)
    guard: AsyncGenerator[None, None] | None = None
    process: int = field(factory=os.getpid)


class Pools:
    """Pools by event loop and key, the longest unused closed beyond `limit` in each loop.

    A pool belongs to the loop that made it and is closed when that loop ends as `asyncio.run` ends it.
    """

    def __init__(self, *, limit: int = 64) -> None:
        self._limit = limit
        self._loops: dict[asyncio.AbstractEventLoop, _LoopPools] = {}
        self.deadlines = Deadlines()

    async def get(self, key: Hashable, *, proxy: str | None) -> Pool:
        """The pool for this key, counted as busy: take one off `busy` when the call is over."""
        loop = asyncio.get_running_loop()
        mine = self._loops.get(loop)
        if mine is None:
            mine = await self._begin(loop)
        pool = mine.pools.get((key, proxy))
        if pool is None:
            await self._make_room(mine)
            pool = mine.pools.get((key, proxy))  # another task may have made it in the meantime
            if pool is None:
                pool = mine.pools[key, proxy] = _pool(proxy)
        mine.pools.move_to_end((key, proxy))
        pool.busy += 1
        return pool

    async def aclose(self) -> None:
        """Closes the pools of every loop. They are made anew when they are used again."""
        here = asyncio.get_running_loop()
        for loop in list(self._loops):
            if loop is here:
                await self._end(loop)
            elif loop.is_running() and self._loops[loop].process == os.getpid():
                elsewhere = asyncio.run_coroutine_threadsafe(self._end(loop), loop)
                await asyncio.wrap_future(elsewhere)
            else:  # closed already, or left behind by a fork
                self._loops.pop(loop, None)

    async def _begin(self, loop: asyncio.AbstractEventLoop) -> _LoopPools:
        if "aiohttp" not in sys.modules:
            # It takes long: not before the first call, and not on the loop's own thread.
            await asyncio.to_thread(importlib.import_module, "aiohttp")
        for other in [known for known in self._loops if known.is_closed()]:
            del self._loops[other]
        if loop in self._loops:  # another task was quicker
            return self._loops[loop]
        mine = self._loops[loop] = _LoopPools()
        # asyncio.run closes a loop's open async generators before it closes the loop: the documented moment in which
        # connections can still be closed in order.
        mine.guard = self._until_the_loop_ends(loop)
        await anext(mine.guard)
        return mine

    async def _until_the_loop_ends(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self._close_pools(loop)

    async def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        mine = self._loops.get(loop)
        if mine is not None and mine.guard is not None:
            with suppress(RuntimeError):  # the loop is closing it at this moment
                await mine.guard.aclose()

    async def _close_pools(self, loop: asyncio.AbstractEventLoop) -> None:
        mine = self._loops.pop(loop, None)
        while mine is not None and mine.pools:
            _, pool = mine.pools.popitem()
            await pool.session.close()

    async def _make_room(self, mine: _LoopPools) -> None:
        over = len(mine.pools) + 1 - self._limit
        if over > 0:
            idle = [key for key, pool in mine.pools.items() if not pool.busy]
            for pool in [mine.pools.pop(key) for key in idle[:over]]:
                await pool.session.close()


def _pool(proxy: str | None) -> Pool:
    import aiohttp

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE),
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=proxy,
        trust_env=False,  # it would read proxies and passwords from the environment
        skip_auto_headers=("Accept-Encoding", "Accept", "User-Agent"),
        max_line_size=HEADER_LIMIT,
        max_field_size=HEADER_LIMIT,
    )
    return Pool(session, Posting(session, proxied=proxy is not None))
