"""One deadline over all that a call waits for."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


class Deadline:
    """Ends a wait with TimeoutError once a moment has passed: `with deadline: await ...`, as often as need be.

    One timer serves a whole stream, where `asyncio.timeout` round each chunk would cost more than reading it. Time
    that the host spends between two waits is not interrupted; the next wait then ends at once.
    """

    __slots__ = ("_cancelling", "_current_task", "_loop", "_passed", "_task", "_timer", "_when")

    def __init__(self, when: float | None) -> None:
        """`when` is in seconds of `time.monotonic()`; None is never."""
        self._when = when
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._current_task: Callable[..., asyncio.Task[Any] | None] | None = None
        self._cancelling = 0
        self._passed = False

    def __enter__(self) -> None:
        current_task = self._current_task
        if current_task is None:
            if self._when is None:
                return
            current_task = self._begin(self._when)
        if self._passed:
            raise TimeoutError
        self._task = task = current_task(self._loop)
        if task is not None:
            self._cancelling = task.cancelling()

    def _begin(self, when: float) -> Callable[..., asyncio.Task[Any] | None]:
        import asyncio  # imported by the first call: loading and listing need no event loop

        left = when - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(left, self._pass)
        self._current_task = asyncio.current_task
        return asyncio.current_task

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if self._passed and task is not None:
            ours_alone = task.uncancel() <= self._cancelling
            if ours_alone and is_cancelled(error):
                raise TimeoutError from None

    def come(self) -> None:
        """Let the moment be now. May be called by any thread."""
        if self._loop is None or self._loop.is_closed():
            self._passed = True
        else:
            self._loop.call_soon_threadsafe(self._pass)

    def close(self) -> None:
        """The call is over."""
        if self._timer is not None:
            self._timer.cancel()

    def _pass(self) -> None:
        self._passed = True
        if self._task is not None:
            self._task.cancel()


def is_cancelled(error: BaseException | None) -> bool:
    """Whether this is asyncio's cancellation. Imports it late: loading and listing need no event loop."""
    from asyncio import CancelledError

    return isinstance(error, CancelledError)
