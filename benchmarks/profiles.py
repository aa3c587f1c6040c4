"""Where the time of our calls goes: cProfile's top functions, as text. Run in .venv with the upstream's address."""

from __future__ import annotations

import asyncio
import cProfile
import io
import pstats
import re
import sys
from collections.abc import Awaitable, Callable

import engine
from clients import ours
from shapes import shape

TOP = 22


async def main(base: str) -> None:
    """Prints a table for each hot path."""
    loaded = engine.board(engine.AtOnce())
    await _profiled("engine, 3,000 calls", lambda: engine.calls(loaded, 3_000))
    await _profiled(f"engine, 10 streams of {engine.CHUNKS:,} chunks", lambda: engine.streams(loaded, 10))
    await loaded.aclose()
    for strategy in ("http", "direct"):
        for name, number in (("json", 1_000), ("stream64", 300)):
            wanted = shape(name)
            call = await ours.opened(base + wanted.path, wanted, strategy=strategy)

            async def several(call: Callable[[], Awaitable[object]] = call, number: int = number) -> None:
                for _ in range(number):
                    await call()

            await _profiled(f"{strategy}, {name}, {number:,} calls", several)


async def _profiled(title: str, work: Callable[[], Awaitable[object]]) -> None:
    await work()  # everything is imported and cached
    profile = cProfile.Profile()
    profile.enable()
    await work()
    profile.disable()
    text = io.StringIO()
    pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(TOP)
    lines = [
        re.sub(r"/\S*/(?:site-packages/|src/|lib/python[\d.]+/|(?=benchmarks/))", "", line.rstrip())
        for line in text.getvalue().splitlines()
    ]
    start = next(place for place, line in enumerate(lines) if line.lstrip().startswith("ncalls"))
    total = next(line.strip() for line in lines if "function calls" in line)
    print("\n".join([f"== {title}: {total}", *lines[start:]]).rstrip(), end="\n\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
