"""A stream as the host sees it: `async with board.stream(...) as chunks`."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from modelplug._assembly import Assembly
from modelplug._routes import Route
from modelplug._running import Running
from modelplug.answers import Chunk, Reply
from modelplug.calls import Call
from modelplug.deadlines import is_cancelled
from modelplug.errors import ModelplugError


class Chunks:
    """The chunks of one answer, in order. Leaving the block closes the provider and finishes the record.

    Iterating raises the kinds of CallFailed; what had arrived is then in `error.partial`. Nothing is sent before the
    block is entered.
    """

    def __init__(self, begin: Callable[[], tuple[Running, Route]]) -> None:
        self._begin = begin
        self._running: Running | None = None
        self._source: AsyncGenerator[Any, None] | None = None
        self._in_bursts = False
        self._ready: deque[Chunk] = deque()  # has arrived with a burst, and the host has not asked for it yet
        self._assembly = Assembly()
        self._ended = False
        self._reply: Reply | None = None

    @property
    def reply(self) -> Reply:
        """The Reply that `complete` would have given; after a stream that was left early, what had arrived.

        Raises ModelplugError while the stream is still open.
        """
        if self._reply is None:
            raise ModelplugError("the stream has not ended; read `reply` after its last chunk")
        return self._reply

    @property
    def call(self) -> Call | None:
        """The record of the call, None until the stream has ended."""
        return None if self._running is None else self._running.call

    async def __aenter__(self) -> Self:
        if self._running is not None:
            raise ModelplugError("a stream is entered once; ask the board for a new one")
        self._running, route = self._begin()
        try:
            self._in_bursts = route.bursts is not None
            self._source = (route.bursts or route.strategy.stream)(self._running.request)
        except BaseException as error:  # the border to foreign code: a stream that is no async generator function
            failure = self._fail(self._running, error)
        else:
            return self
        raise failure

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Chunk:
        running, source, ready = self._running, self._source, self._ready
        if running is None or source is None:
            raise ModelplugError("a stream is used with `async with board.stream(...) as chunks`")
        if self._ended:
            raise StopAsyncIteration
        failure: BaseException | None
        try:
            if ready and not running.deadline.passed:
                chunk = ready.popleft()
            else:
                with running.deadline:
                    chunk = await self._first_of_burst(source) if self._in_bursts else await anext(source)
                if running.first_chunk is None:
                    running.chunk_arrived()
            self._assembly.add(chunk)
            return chunk
        except StopAsyncIteration:
            failure = self._end(running)
        except BaseException as error:  # everything that can end a call ends in its record
            failure = self._fail(running, error)
            with suppress(Exception):
                await source.aclose()
        if failure is not None:
            raise failure
        raise StopAsyncIteration

    async def _first_of_burst(self, source: AsyncGenerator[Sequence[Chunk], None]) -> Chunk:
        while not self._ready:
            self._ready.extend(await anext(source))
        return self._ready.popleft()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        running = self._running
        if not self._ended and running is not None:
            if error is not None and is_cancelled(error):
                self._fail(running, error)
            else:
                self._ended = True
                self._ready.clear()
                self._reply = self._so_far()
                self._reply.call = running.left(self._reply)
        if self._source is not None:
            with suppress(Exception):  # the record is made; what a provider says while it is hung up on is no news
                await self._source.aclose()

    def __del__(self) -> None:
        """Record a stream that was entered by hand and forgotten; its event loop closes the generator."""
        running = self._running
        if running is not None and not self._ended:
            self._ended = True
            with suppress(Exception):  # at the end of the process half of what this needs may be gone
                running.left(self._assembly.reply())

    def _end(self, running: Running) -> BaseException | None:
        """The strategy has no more chunks: the outcome is judged from what was seen."""
        try:
            reply = self._assembly.end()
            reply.call = running.succeeded(reply)
        except BaseException as error:  # StreamCut, EmptyReply, or what chunks of no good shape lead to
            return self._fail(running, error)
        self._ended, self._reply = True, reply
        return None

    def _fail(self, running: Running, error: BaseException) -> BaseException:
        self._ended = True
        self._ready.clear()
        self._reply = self._so_far()
        failure = running.failed(error, partial=self._reply)
        self._reply.call = running.call
        return failure

    def _so_far(self) -> Reply:
        """What had arrived; nothing where the chunks of a plugin cannot be put together."""
        try:
            return self._assembly.reply()
        except Exception:  # the border to foreign code
            return Reply({"choices": []})
