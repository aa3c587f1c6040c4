"""Server-sent events: an answer that goes on until it is done or its reader leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.types import Message, Receive, Scope, Send

PULSE = 15.0
"""Seconds between two comments that keep proxies from taking a slow answer for a dead one."""

_HEAD: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ],
}


def event(name: str, data: Any) -> bytes:
    """One event."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'), allow_nan=False)}\n\n".encode()


class EventStream:
    """An answer that sends what a generator brings.

    When the client leaves, the generator is cancelled at once where it waits, and closed before the answer is over.
    Starlette's own response waits for the next event on servers of ASGI 2.4, and leaves the closing to the collector.
    """

    def __init__(self, events: AsyncGenerator[bytes, None], *, pulse: float = PULSE) -> None:
        self._events, self._pulse = events, pulse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the events; only the head where only that was asked for."""
        await send(_HEAD)
        if scope["method"] == "HEAD":
            await self._events.aclose()
            await send(_part(b"", more=False))
            return
        sending = asyncio.ensure_future(self._sent(send))
        others = [asyncio.ensure_future(_left(receive)), asyncio.ensure_future(self._kept_open(send))]
        try:
            await asyncio.wait([sending, *others], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, *others):
                task.cancel()
            await asyncio.gather(sending, *others, return_exceptions=True)
        if not sending.cancelled() and not isinstance(sending.exception(), OSError):  # OSError: the client is gone
            sending.result()

    async def _sent(self, send: Send) -> None:
        async with aclosing(self._events) as events:
            async for data in events:
                await send(_part(data))
        await send(_part(b"", more=False))

    async def _kept_open(self, send: Send) -> None:
        while True:
            await asyncio.sleep(self._pulse)
            await send(_part(b":\n\n"))


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _part(data: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}
