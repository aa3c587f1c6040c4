"""The events of a streamed answer, as JSON values."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

from modelplug.errors import BadReply, CallFailed, EmptyReply, ModelplugError
from modelplug.failures import failure_in_answer

from modelplug_http import body as bodies
from modelplug_http.exchange import Exchange
from modelplug_http.options import Options
from modelplug_http.repeats import Repeats
from modelplug_http.sse import Event, EventReader

_EVENT_END = b"\n\n"
_PIECE = 64 * 1024
"""So many bytes are read into events at once: short lines take long, and other tasks of the loop get their turn."""


class Events:
    """JSON values of an answer, one for each event, `[DONE]` left out. Leaving the block closes the socket.

    A provider that sends one JSON answer in place of a stream gives that as its only event.
    """

    def __init__(
        self, send: Callable[[], Awaitable[Exchange]], options: Options, *, repeats: Repeats | None = None
    ) -> None:
        """With `repeats`, the events that it finds one after another are given as one tuple of Chunks."""
        self._send = send
        self._options = options
        self._repeats = repeats
        self._exchange: Exchange | None = None
        self._reader = EventReader(limit=options.line_limit)
        self._start: bytes | None = b""  # what has come while its shape is not known; None when it is
        self._ended = False
        self._error: CallFailed | None = None

    async def __aenter__(self) -> Self:
        self._exchange = await self._send()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended = True
        self._entered.close()

    @property
    def status(self) -> int:
        """The HTTP status, 200 to 299."""
        return self._entered.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The response's headers, found by name in any case."""
        return self._entered.headers

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        while values := await self.read():
            for value in values:
                yield value

    def settle(self) -> None:
        """Say that the answer is complete: what may still follow is waited for only briefly."""
        if not self._ended:
            self._entered.settle(self._options.grace)

    async def read(self) -> list[Any]:
        """The values of the events that have arrived, at least one; none at the end of the stream.

        Raises kinds of CallFailed, after all values that came before what went wrong.
        """
        exchange = self._entered
        since = exchange.now
        while not self._ended:
            data = await exchange.next(since)
            values = await self._values(data) if data else self._last()
            if values:
                return values
            if self._reader.within_data:
                since = exchange.now
        if self._error is not None:
            raise self._error
        return []

    async def _values(self, data: bytes) -> list[Any]:
        if self._start is not None:
            data = self._start + data
            shape = bodies.shape_of(data)
            if shape is None and len(data) <= self._options.line_limit:
                self._start = data
                return []
            self._start = None
            if shape != "events":
                return await self._unstreamed(data)
        values: list[Any] = []
        for start in range(0, len(data), _PIECE):
            if start:
                await asyncio.sleep(0)
            values += self._read(data[start : start + _PIECE])
            if self._ended:
                break
        if self._ended and self._error is None:
            await self._entered.drain()
        return values

    def _read(self, data: bytes) -> list[Any]:
        repeats, reader = self._repeats, self._reader
        hopeful = repeats is not None and repeats.hopeful()
        values: list[Any] = []
        at = 0
        try:
            while at < len(data) and not self._ended:
                end = len(data)
                if repeats is not None and hopeful:
                    if reader.between_events:
                        chunks, at = repeats.run(data, at)
                        if chunks:
                            values.append(chunks)
                    end = data.find(_EVENT_END, at) + len(_EVENT_END)
                    if end < len(_EVENT_END):
                        end = len(data)
                values += self._decoded(reader.feed(data[at:end]), repeats if hopeful else None)
                at = end
        except BadReply as error:
            return values + self._broken(error)
        return values

    def _decoded(self, events: list[Event], repeats: Repeats | None) -> list[Any]:
        values: list[Any] = []
        for name, data in events:
            if data == bodies.DONE:
                self._ended = True
                break
            try:
                value = bodies.decoded(data)
            except BadReply as error:
                return values + self._broken(error)
            if name == b"error":
                return values + self._broken(_reported(value))
            values.append(value)
            if repeats is not None and not name:
                repeats.look(data, value)
        return values

    def _broken(self, error: CallFailed) -> list[Any]:
        """End here with this error, once the values before it are read."""
        self._ended, self._error = True, error
        return []

    def _last(self) -> list[Any]:
        """The end of the body: perhaps an event that lacks its blank line. One that was cut short is no event."""
        self._ended = True
        if self._start is not None:
            return self._whole(self._start)
        values: list[Any] = []
        for name, data in self._reader.end():
            try:
                value = bodies.decoded(data)
            except BadReply:
                break
            if name == b"error":
                return values + self._broken(_reported(value))
            values.append(value)
        return values

    async def _unstreamed(self, start: bytes) -> list[Any]:
        """A body that is no stream of events is read whole."""
        pieces, size = [start], len(start)
        while data := await self._entered.next(self._entered.now):
            pieces.append(data)
            size += len(data)
            if size > self._options.answer_limit:
                raise bodies.too_large(self._options.answer_limit)
        self._ended = True
        return self._whole(b"".join(pieces))

    def _whole(self, body: bytes) -> list[Any]:
        try:
            answer = bodies.read(body)
        except EmptyReply as error:
            return self._broken(error)
        return [answer.data] if answer.events is None else list(answer.events)

    @property
    def _entered(self) -> Exchange:
        if self._exchange is None:
            raise ModelplugError("events are read inside `async with wire.events(...) as events`")
        return self._exchange


def _reported(value: Any) -> CallFailed:
    """The error that an event named `error` reports."""
    failure = failure_in_answer(value, streamed=True, certain=True)
    return failure or BadReply("the provider reported an error within the stream", kind="stream_error")
