"""The stream of live updates: one event a second, as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from threading import Event
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from modelplug_status.endpoints import HOUR
from modelplug_status.envelope import Parameters
from modelplug_status.view import View, failure, figures

SECONDS = 1.0
"""Between two updates."""

MOST_NEW = 100
"""Failures in one update; the newest."""


async def live(view: View, closing: Event, request: Request) -> Response:
    """`/api/llm/live`: an event `update` each second, until the client leaves."""
    Parameters(request.query_params).done()
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_updates(view, closing), media_type="text/event-stream", headers=headers)


def event(name: str, data: Any) -> bytes:
    """One event."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'), allow_nan=False)}\n\n".encode()


async def _updates(view: View, closing: Event) -> AsyncIterator[bytes]:
    seen: float | None = None
    while not closing.is_set():
        snapshot = view.snapshot()
        seen = snapshot.taken - HOUR if seen is None else seen
        new = [failed for failed in snapshot.failures if failed.at > seen]
        seen = max((failed.at for failed in new), default=seen)
        points = view.history(1)["points"]
        yield event(
            "update",
            {
                "health": view.health(snapshot),
                "providers": view.rows(snapshot.providers, "5m", "provider"),
                "models": view.rows(snapshot.models, "5m", "provider", "model"),
                "totals": figures(snapshot.total.all_time),
                "last_minute": figures(snapshot.total.last_minute),
                "point": points[-1] if points else None,
                "failures": [failure(failed) for failed in new[:MOST_NEW]],
                "alerts": view.metrics.alerts.as_json()["firing"],
            },
        )
        for _ in range(10):
            if closing.is_set():
                return
            await asyncio.sleep(SECONDS / 10)
