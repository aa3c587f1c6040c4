"""The stream of live updates: one event a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from threading import Event, Lock

from modelplug_metrics.failures import FailedCall
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from modelplug_status.envelope import Parameters
from modelplug_status.events import EventStream, event
from modelplug_status.view import Json, View, failure, figures

SECONDS = 1.0
"""Between two updates."""

FIRST = 3600.0
"""Seconds of failures in the first update."""

MOST_NEW = 100
"""Failures in one update; the newest."""


class Live:
    """`/api/llm/live`: an event `update` each second, until the client leaves or `closing` is set.

    An update is worked out once for all who watch, in a thread: it may take 20 ms, and reads files where workers share
    a folder.
    """

    def __init__(self, view: View, closing: Event) -> None:
        self._view, self._closing = view, closing
        self._lock = Lock()
        self._made = float("-inf")
        self._last: tuple[Json, tuple[FailedCall, ...]] = {}, ()

    async def stream(self, request: Request) -> EventStream:
        """A stream of its own for each who watches."""
        Parameters(request.query_params).done()
        return EventStream(self._updates())

    async def _updates(self) -> AsyncGenerator[bytes, None]:
        seen: frozenset[str] | None = None
        while not self._closing.is_set():
            common, failures = await run_in_threadpool(self._update)
            if seen is None:
                since = time.time() - FIRST
                seen = frozenset(failed.id for failed in failures if failed.at < since)
            new = [failed for failed in failures if failed.id not in seen]
            seen = frozenset(failed.id for failed in failures)
            yield event("update", {**common, "failures": [failure(failed) for failed in new[:MOST_NEW]]})
            for _ in range(10):
                if self._closing.is_set():
                    return
                await asyncio.sleep(SECONDS / 10)

    def _update(self) -> tuple[Json, tuple[FailedCall, ...]]:
        """What is the same for all, and all failures that are kept."""
        with self._lock:
            if time.monotonic() - self._made > SECONDS / 2:
                self._last = self._new()
                self._made = time.monotonic()
            return self._last

    def _new(self) -> tuple[Json, tuple[FailedCall, ...]]:
        view, snapshot = self._view, self._view.snapshot()
        points = view.history(snapshot, 1)["points"]
        common = {
            "health": view.health(snapshot),
            "providers": view.rows(snapshot.providers, "5m", "provider"),
            "models": view.rows(snapshot.models, "5m", "provider", "model"),
            "totals": figures(snapshot.total.all_time),
            "last_minute": figures(snapshot.total.last_minute),
            "point": points[-1],
            "alerts": view.metrics.alerts.as_json()["firing"],
        }
        return common, snapshot.failures
