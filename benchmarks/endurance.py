"""What must hold for hours: memory over a million calls, and of thousands of open streams.

Run in .venv. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import statistics
import sys
import time
from typing import Any

import upstream
from clients import ours
from progress import Bar
from shapes import MESSAGES, shape
from worker import resident

IDLE = 5_000
AT_ONCE = 64
SAMPLES = 100


async def run(calls: int, streams: int, idle: int) -> dict[str, Any]:
    """All measures, in a process that has made no call before."""
    with upstream.running("patient.py") as base:
        results = {"idle": await _idle(base, idle)}
    with upstream.running() as base:
        results["calls"] = await _growth(base, "json", calls)
        results["streams"] = await _growth(base, "stream8", streams)
    return results


async def _idle(base: str, number: int) -> dict[str, Any]:
    """Bytes for each stream that is open and silent, and the CPU seconds that opening and holding them took."""
    board, model = ours.board(f"{base}/held/v1", "http")
    bar = Bar("idle streams", total=number)
    opened = 0
    all_open, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        nonlocal opened
        async with board.stream(model, MESSAGES) as chunks:
            await anext(chunks)
            opened += 1
            bar.step()
            if opened in (1, number):
                all_open.set()
            await done.wait()

    first = asyncio.ensure_future(hold())  # imports and makes all that there is one of
    await all_open.wait()
    all_open.clear()
    gc.collect()
    before, clock = resident(), time.process_time()
    holding = []
    for place in range(1, number):
        holding.append(asyncio.ensure_future(hold()))
        if place % AT_ONCE == 0:
            await asyncio.sleep(0.01)
    await all_open.wait()
    cpu = time.process_time() - clock
    gc.collect()
    held, clock = resident(), time.process_time()
    await asyncio.sleep(1)
    still = time.process_time() - clock
    done.set()
    await asyncio.gather(first, *holding)
    board.flush()
    gc.collect()
    after = resident()
    await board.aclose()
    return {
        "streams": number,
        "bytes": (held - before) / (number - 1),
        "opening": cpu / (number - 1),
        "cpu_while_silent": still,
        "left": after - before,
    }


async def _growth(base: str, name: str, number: int) -> dict[str, Any]:
    """Bytes of memory for each 1,000 calls, by least squares over all but the first fifth."""
    wanted = shape(name)
    call = await ours.opened(base + wanted.path, wanted, strategy="http")
    numbers = iter(range(number))
    samples: list[tuple[int, int]] = []
    every = max(1, number // SAMPLES)
    bar = Bar(f"{name}, {number:,}", total=SAMPLES)

    async def caller() -> None:
        for place in numbers:
            await call()
            if place % every == 0:
                samples.append((place, resident()))
                bar.step()

    begun, clock = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(8)))
    late = samples[len(samples) // 5 :]
    slope = statistics.linear_regression(*zip(*late, strict=True)).slope if len(late) > 2 else 0.0
    return {
        "calls": number,
        "growth": slope * 1_000,
        "resident": resident(),
        "cpu": (time.process_time() - clock) / number,
        "seconds": time.perf_counter() - begun,
        "samples": samples,
    }


if __name__ == "__main__":
    logging.getLogger("asyncio").disabled = True  # clients are left open at the end, and would be told of
    print(json.dumps(asyncio.run(run(*map(int, sys.argv[1:4])))))
