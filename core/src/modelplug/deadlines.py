"""Deadlines over all that a call waits for, under one timer in each event loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

_NEVER = float("inf")
_EARLY = 0.001
"""Seconds by which a timer of asyncio may ring too soon, with its clock's resolution."""


class Deadlines:
    """Makes deadlines. Each event loop has one timer for all of them, which is set for the first that comes.

    Nearly every call ends long before its deadline. A timer for each would cost a third of what the engine costs.
    """

    def __init__(self) -> None:
        self._timers: dict[asyncio.AbstractEventLoop, _Timer] = {}
        self._last: _Timer | None = None

    def until(self, when: float | None) -> Deadline:
        """A deadline at this moment in seconds of `time.monotonic()`; None is never."""
        return Deadline(when, self)

    def timer(self, loop: asyncio.AbstractEventLoop) -> _Timer:
        """The timer of this loop."""
        timer = self._last
        if timer is None or timer.loop is not loop:
            for closed in [known for known in tuple(self._timers) if known.is_closed()]:
                self._timers.pop(closed, None)
            timer = self._last = self._timers.setdefault(loop, _Timer(loop))
        return timer


class Deadline:
    """Ends a wait with TimeoutError once a moment has passed: `with deadline: await ...`, as often as need be.

    One serves a whole stream, where `asyncio.timeout` round each chunk would cost more than reading it. Time that the
    host spends between two waits is not interrupted; the next wait then ends at once. Close it when the call is over.
    """

    __slots__ = ("_cancelling", "_current_task", "_deadlines", "_loop", "_task", "passed", "when")

    def __init__(self, when: float | None, deadlines: Deadlines) -> None:
        self.when = _NEVER if when is None else when
        self.passed = False
        """Whether the moment has come: what is waited for from now on ends at once."""
        self._deadlines = deadlines
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._current_task: Callable[..., asyncio.Task[Any] | None] | None = None
        self._cancelling = 0

    def __enter__(self) -> None:
        current_task = self._current_task or self._begin()
        if self.passed:
            raise TimeoutError
        self._task = task = current_task(self._loop)
        if task is not None:
            self._cancelling = task.cancelling()

    def _begin(self) -> Callable[..., asyncio.Task[Any] | None]:
        import asyncio  # imported by the first call: loading and listing need no event loop

        if self.when <= time.monotonic():
            raise TimeoutError
        self._loop = loop = asyncio.get_running_loop()
        self._current_task = asyncio.current_task
        self._deadlines.timer(loop).add(self)
        return asyncio.current_task

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if self.passed and task is not None:
            ours_alone = task.uncancel() <= self._cancelling
            if ours_alone and is_cancelled(error):
                raise TimeoutError from None

    def come(self) -> None:
        """Let the moment be now. May be called by any thread."""
        if self._loop is None or self._loop.is_closed():
            self.passed = True
        else:
            self._loop.call_soon_threadsafe(self.let_pass)

    def close(self) -> None:
        """What it was for is over."""
        if self._loop is not None:
            self._deadlines.timer(self._loop).discard(self)

    def let_pass(self) -> None:
        """The moment has come: end what is waited for. Called in the event loop."""
        self.passed = True
        if self._task is not None:
            self._task.cancel()


class _Timer:
    """One event loop's timer, for the deadlines that are waited for in it."""

    __slots__ = ("_handle", "_rings", "_waiting", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiting: set[Deadline] = set()
        self._rings = _NEVER
        self._handle: asyncio.TimerHandle | None = None

    def add(self, deadline: Deadline) -> None:
        """Ring for this deadline too."""
        self._waiting.add(deadline)
        if deadline.when < self._rings:
            self._set(deadline.when)

    def discard(self, deadline: Deadline) -> None:
        """It need not be rung for any more. The timer stays as it is: setting it anew costs more than one vain ring."""
        self._waiting.discard(deadline)

    def _set(self, when: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._rings = when
        self._handle = self.loop.call_later(when - time.monotonic(), self._ring)

    def _ring(self) -> None:
        self._rings, self._handle = _NEVER, None
        now = time.monotonic() + _EARLY
        for deadline in [deadline for deadline in self._waiting if deadline.when <= now]:
            self._waiting.discard(deadline)
            deadline.let_pass()
        first = min((deadline.when for deadline in self._waiting), default=_NEVER)
        if first != _NEVER:
            self._set(first)


def is_cancelled(error: BaseException | None) -> bool:
    """Whether this is asyncio's cancellation. Imports it late: loading and listing need no event loop."""
    from asyncio import CancelledError

    return isinstance(error, CancelledError)
