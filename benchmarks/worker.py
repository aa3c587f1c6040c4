"""One candidate in a process of its own: makes calls when it is told to, and says what they cost.

Runs in the candidate's environment with the standard library, the candidate, and `clients/`. Reads a JSON line, answers
with one.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

LAG_EVERY = 0.005
"""Seconds between two looks at the event loop."""


def measure_import(needs: str) -> dict[str, float]:
    """CPU seconds and bytes that importing the candidate's library costs."""
    before, clock = resident(), time.process_time()
    importlib.import_module(needs)
    return {"import_cpu": time.process_time() - clock, "import_rss": resident() - before}


def resident() -> int:
    """Bytes of memory that this process holds."""
    with Path("/proc/self/statm").open() as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Worker:
    """A candidate's open calls, by shape, and the loop that they run in."""

    def __init__(self, module: str, base: str, options: dict[str, Any]) -> None:
        self._open = importlib.import_module(f"clients.{module}").opened
        self._base = base
        self._options = options
        self._calls: dict[str, Any] = {}

    async def run(self, name: str, calls: int, concurrency: int) -> dict[str, Any]:
        """So many calls, so many at a time, each answer checked. Seconds, bytes, and the quantiles of waiting."""
        from shapes import shape

        wanted = shape(name)
        call = self._calls.get(name)
        if call is None:
            call = self._calls[name] = await self._open(self._base + wanted.path, wanted, **self._options)
        waits: list[float] = []
        left = iter(range(calls))

        async def caller() -> None:
            for _ in left:
                begun = time.perf_counter()
                text, tokens = await call()
                waits.append(time.perf_counter() - begun)
                if text != wanted.text or tokens not in (None, wanted.words):
                    raise AssertionError(f"a wrong answer: {len(text)} characters, {tokens} tokens")

        lags: list[float] = []
        watching = asyncio.ensure_future(_watch(lags)) if concurrency > 1 else None
        begun, clock = time.perf_counter(), time.process_time()
        await asyncio.gather(*(caller() for _ in range(concurrency)))
        cpu, wall = time.process_time() - clock, time.perf_counter() - begun
        if watching is not None:
            watching.cancel()
        waits.sort()
        return {
            "calls": calls,
            "cpu": cpu / calls,
            "rate": calls / wall,
            "p50": waits[len(waits) // 2],
            "p99": waits[min(len(waits) - 1, len(waits) * 99 // 100)],
            "lag": max(lags, default=None),
            "rss": resident(),
        }


async def _watch(lags: list[float]) -> None:
    while True:
        due = time.perf_counter() + LAG_EVERY
        await asyncio.sleep(LAG_EVERY)
        lags.append(time.perf_counter() - due)


async def _obey(worker: Worker) -> None:
    for line in sys.stdin:  # blocks the loop, on purpose: between two orders nothing runs
        order = json.loads(line)
        try:
            answer = await worker.run(**order)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        gc.collect()
        _say(answer)


def _say(answer: dict[str, Any]) -> None:
    os.write(_OUT, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    _OUT = os.dup(1)
    os.dup2(2, 1)  # a candidate that prints is not to be read as an answer
    told = json.loads(sys.argv[1])
    _say(measure_import(told["needs"]))
    if told["base"]:
        asyncio.run(_obey(Worker(told["module"], told["base"], told["options"])))
