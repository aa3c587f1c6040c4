"""What a call waits beyond its provider, 64 at once, beside aiohttp bare, in turn. Run in .venv; prints JSON."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import upstream
from clients import ours, over_aiohttp
from patient import LATE
from progress import Bar
from shapes import shape
from worker import LAG_EVERY

AT_ONCE = 64
ROUNDS = 8
ATTEMPTS = 20
"""Calls that each of the callers makes in a round."""

Call = Callable[[], Awaitable[object]]


async def run(base: str) -> dict[str, Any]:
    """Quantiles in seconds of what calls wait beyond LATE, and how late the event loop was: ours and aiohttp bare."""
    wanted = shape("json")
    clients = {
        "aiohttp": await over_aiohttp.opened(f"{base}/late/v1", wanted),
        "ours": await ours.opened(f"{base}/late/v1", wanted, strategy="http"),
    }
    waits: dict[str, list[float]] = {name: [] for name in clients}
    lags: dict[str, list[float]] = {name: [] for name in clients}
    bar = Bar("latency", total=(ROUNDS + 1) * len(clients))
    for round_ in range(-1, ROUNDS):
        for name, call in clients.items():
            gc.collect()
            taken, late = await _round(call)
            if round_ >= 0:  # the first opens the connections
                waits[name] += taken
                lags[name] += late
            bar.step(name)
    return {
        name: {
            **{f"p{q}": _quantile(waits[name], q) for q in (50, 90, 99)},
            "lag_p99": _quantile(lags[name], 99),
            "lag": max(lags[name]),
        }
        for name in clients
    }


async def _round(call: Call) -> tuple[list[float], list[float]]:
    waits: list[float] = []
    lags: list[float] = []

    async def caller(place: int) -> None:
        await asyncio.sleep(LATE * place / AT_ONCE)  # as requests come to a server: not all in one moment
        for _ in range(ATTEMPTS):
            begun = time.perf_counter()
            await call()
            waits.append(time.perf_counter() - begun - LATE)

    async def watch() -> None:
        while True:
            due = time.perf_counter() + LAG_EVERY
            await asyncio.sleep(LAG_EVERY)
            lags.append(time.perf_counter() - due)

    watching = asyncio.ensure_future(watch())
    await asyncio.gather(*(caller(place) for place in range(AT_ONCE)))
    watching.cancel()
    return waits, lags


def _quantile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


if __name__ == "__main__":
    logging.getLogger("asyncio").disabled = True  # clients are left open at the end, and would be told of
    with upstream.running("patient.py") as address:
        print(json.dumps(asyncio.run(run(address))))
