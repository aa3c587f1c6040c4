"""Deadlines over all that a call waits for, under one timer in each event loop."""

from __future__ import annotations

from time import monotonic
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

    def timer(self) -> _Timer:
        """The timer of the event loop that runs."""
        timer = self._last
        if timer is None or timer.running_loop() is not timer.loop:
            import asyncio  # imported by the first call: loading and listing need no event loop

            for closed in [known for known in tuple(self._timers) if known.is_closed()]:
                self._timers.pop(closed, None)
            loop = asyncio.get_running_loop()
            timer = self._last = self._timers.setdefault(loop, _Timer(loop))
        return timer


class Deadline:
    """Ends a wait with TimeoutError once a moment has passed: `with deadline: await ...`, as often as need be.

    One serves a whole stream, where `asyncio.timeout` round each chunk would cost more than reading it. Time that the
    host spends between two waits is not interrupted; the next wait then ends at once. Close it when the call is over.
    """

    __slots__ = ("_cancelling", "_deadlines", "_task", "_timer", "passed", "when")

    def __init__(self, when: float | None, deadlines: Deadlines) -> None:
        self.when = _NEVER if when is None else when
        self.passed = False
        """Whether the moment has come: what is waited for from now on ends at once."""
        self._deadlines = deadlines
        self._timer: _Timer | None = None
        self._task: asyncio.Task[Any] | None = None

    def __enter__(self) -> None:
        timer = self._timer or self._begin()
        if self.passed:
            raise TimeoutError
        self._task = task = timer.current_task(timer.loop)
        if task is not None:
            self._cancelling = task.cancelling()

    def _begin(self) -> _Timer:
        if self.when <= monotonic():
            self.passed = True
            raise TimeoutError
        self._timer = timer = self._deadlines.timer()
        timer.waiting.add(self)
        if self.when < timer.rings:
            timer.set(self.when)
        return timer

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
        if self._timer is None or self._timer.loop.is_closed():
            self.passed = True
        else:
            self._timer.loop.call_soon_threadsafe(self.let_pass)

    def close(self) -> None:
        """What it was for is over. The timer stays as it is: setting it anew costs more than one vain ring."""
        if self._timer is not None:
            self._timer.waiting.discard(self)

    def let_pass(self) -> None:
        """The moment has come: end what is waited for. Called in the event loop."""
        self.passed = True
        if self._task is not None:
            self._task.cancel()


class _Timer:
    """One event loop's timer, for the deadlines that are waited for in it."""

    __slots__ = ("_handle", "current_task", "loop", "rings", "running_loop", "waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        import asyncio

        self.loop = loop
        self.current_task = asyncio.current_task
        self.running_loop = asyncio.get_running_loop
        self.waiting: set[Deadline] = set()
        self.rings = _NEVER
        self._handle: asyncio.TimerHandle | None = None

    def set(self, when: float) -> None:
        """Ring at this moment, which is before the one that it was set for."""
        if self._handle is not None:
            self._handle.cancel()
        self.rings = when
        self._handle = self.loop.call_later(when - monotonic(), self._ring)

    def _ring(self) -> None:
        self.rings, self._handle = _NEVER, None
        now = monotonic() + _EARLY
        for deadline in [deadline for deadline in self.waiting if deadline.when <= now]:
            self.waiting.discard(deadline)
            deadline.let_pass()
        first = min((deadline.when for deadline in self.waiting), default=_NEVER)
        if first != _NEVER:
            self.set(first)


def is_cancelled(error: BaseException | None) -> bool:
    """Whether this is asyncio's cancellation. Imports it late: loading and listing need no event loop."""
    from asyncio import CancelledError

    return isinstance(error, CancelledError)
