"""Why hooks are synchronous, in figures: what a wrapper sees of a coroutine, and what other ways of telling cost."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any

import pluggy
from modelplug import Call, Chunk, Hooks, Layer, Reply, Request, Switchboard, hookimpl
from modelplug.testing import FakePlugin, reply_of
from shapes import MESSAGES

CALLS = 2_000
LISTENERS = 3
NAP = 0.02

spec, impl = pluggy.HookspecMarker("bench"), pluggy.HookimplMarker("bench")


class AsyncHooks:
    """Hooks as they might have been: coroutines."""

    @spec(firstresult=True)
    async def carry(self) -> str:
        """Carries a call."""
        raise NotImplementedError

    @spec
    async def told(self) -> None:
        """Tells of a call."""


class Napping:
    """Carries a call in twenty milliseconds."""

    @impl
    async def carry(self) -> str:
        """Answers late."""
        await asyncio.sleep(NAP)
        return "answer"


class Stopwatch:
    """Wraps the hook and measures what it can see."""

    seen = 0.0

    @impl(wrapper=True)
    def carry(self) -> Generator[None, Any, Any]:
        """From before the inner hook to after it."""
        clock = time.perf_counter()
        answer = yield
        self.seen = time.perf_counter() - clock
        return answer


class Awaited:
    """A listener that is awaited."""

    @impl
    async def told(self) -> None:
        """Takes no time at all."""


class AtOnce:
    """A strategy without a wire."""

    reply = reply_of()

    async def complete(self, request: Request) -> Reply:
        """The same answer every time."""
        return self.reply

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Nothing."""
        for nothing in ():
            yield nothing


class Quiet(Hooks):
    """A listener of ours, which takes no time either."""

    @hookimpl
    def call_finished(self, call: Call) -> None:
        """Told by a thread of its own."""


async def measure(rounds: int) -> dict[str, float]:
    """Seconds, medians over the rounds."""
    manager = pluggy.PluginManager("bench")
    manager.add_hookspecs(AsyncHooks)
    manager.register(Napping())
    watch = Stopwatch()
    manager.register(watch)
    for _ in range(LISTENERS):
        manager.register(Awaited())

    async def await_all() -> None:
        await asyncio.gather(*manager.hook.told())

    seen = []
    for _ in range(rounds):
        await manager.hook.carry()
        seen.append(watch.seen)
    plain, told, layered = _board(0), _board(LISTENERS), _board(0, layers=10)
    timed: dict[str, list[float]] = {"awaited": [], "plain": [], "told": [], "layered": []}
    for _ in range(rounds):
        timed["awaited"].append(await _seconds(await_all))
        for name, board in (("plain", plain), ("told", told), ("layered", layered)):
            timed[name].append(await _seconds(lambda board=board: board.complete("one", MESSAGES)))
            board.flush()
    medians = {name: statistics.median(values) for name, values in timed.items()}
    return {
        "wrapper_saw": statistics.median(seen),
        "call_took": NAP,
        "awaiting": medians["awaited"],
        "telling": max(0.0, medians["told"] - medians["plain"]),
        "layer": max(0.0, medians["layered"] - medians["plain"]) / 10,
    }


def _board(listeners: int, *, layers: int = 0) -> Switchboard:
    strategy: Any = AtOnce()
    for _ in range(layers):
        strategy = Layer(strategy)
    board = Switchboard(settings={})
    board.add(FakePlugin(strategy=strategy))
    for number in range(listeners):
        board.add(Quiet(), name=f"quiet-{number}")
    return board


async def _seconds(work: Callable[[], Awaitable[Any]]) -> float:
    """CPU of this thread for one."""
    clock = time.thread_time()
    for _ in range(CALLS):
        await work()
    return (time.thread_time() - clock) / CALLS


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(int(sys.argv[1])))))
