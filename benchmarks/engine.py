"""What the engine alone costs: a strategy that answers at once, metrics listening; names; the catalog. Run in .venv."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from modelplug import Catalog, Chunk, Model, Reply, Request, Switchboard
from modelplug.testing import FakePlugin, chunks_of, reply_of
from shapes import MESSAGES

CHUNKS = 1_000
MODELS = 10_000


class AtOnce:
    """A strategy without a wire: the same answer every time."""

    name = "at-once"

    def __init__(self) -> None:
        self.reply = reply_of()
        self.chunks = chunks_of("word " * CHUNKS)

    async def complete(self, request: Request) -> Reply:
        return self.reply

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        for chunk in self.chunks:
            yield chunk


def board(strategy: AtOnce) -> Switchboard:
    """All installed plugins, retries and metrics among them, and a provider whose strategy answers at once."""
    loaded = Switchboard.load(strict=True)
    loaded.add(FakePlugin(strategy=strategy), name="at-once")
    return loaded


async def calls(loaded: Switchboard, number: int) -> None:
    """So many whole answers."""
    for _ in range(number):
        await loaded.complete("one", MESSAGES)


async def streams(loaded: Switchboard, number: int) -> int:
    """So many streams; the characters that came."""
    characters = 0
    for _ in range(number):
        async with loaded.stream("one", MESSAGES) as chunks:
            async for chunk in chunks:
                characters += len(chunk.text)
    return characters


def measure(rounds: int) -> dict[str, float]:
    """Medians, in seconds of CPU. `call` is of all threads, `call_here` of the caller's alone."""
    return {**asyncio.run(_engine(rounds)), **_names(rounds)}


async def _engine(rounds: int) -> dict[str, float]:
    loaded = board(AtOnce())
    await calls(loaded, 200)
    await streams(loaded, 2)
    loaded.flush()
    taken: dict[str, list[float]] = {"call": [], "call_here": [], "chunk": []}
    for _ in range(rounds):
        clock, here = time.process_time(), time.thread_time()
        await calls(loaded, 2_000)
        taken["call_here"].append((time.thread_time() - here) / 2_000)
        loaded.flush()
        taken["call"].append((time.process_time() - clock) / 2_000)
        clock = time.process_time()
        await streams(loaded, 5)
        taken["chunk"].append((time.process_time() - clock) / 5 / CHUNKS)
    await loaded.aclose()
    return {name: statistics.median(values) for name, values in taken.items()}


def _names(rounds: int) -> dict[str, float]:
    models = tuple(
        Model(id=f"provider-{n % 50}/model-{n}", provider=f"provider-{n % 50}", aliases=(f"model-{n}", f"m{n}"))
        for n in range(MODELS)
    )
    brought = {f"plugin-{p}": tuple(model for model in models if model.provider == f"provider-{p}") for p in range(50)}
    built = [_timed(lambda: Catalog(brought)) for _ in range(rounds)]
    catalog = Catalog(brought)
    ids, aliases = [model.id for model in models], [model.aliases[0] for model in models]

    def resolve(names: list[str]) -> None:
        for name in names:
            catalog.resolve(name)

    return {
        "catalog": statistics.median(built),
        "resolve_id": statistics.median(_timed(lambda: resolve(ids)) for _ in range(rounds)) / MODELS,
        "resolve_alias": statistics.median(_timed(lambda: resolve(aliases)) for _ in range(rounds)) / MODELS,
    }


def _timed(work: Callable[[], Any]) -> float:
    clock = time.process_time()
    work()
    return time.process_time() - clock


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
