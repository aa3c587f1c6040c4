"""Telling listeners of calls, away from the calls: a listener that is slow, hangs or raises costs them nothing.

An event is told in the context of its call: context variables of the host (a trace, a request's id) are there.
Each listening plugin has a bounded queue and a thread of its own, so that none waits for another. A thread starts with
the first event. It looks into its queue every NAP seconds while there is traffic, which spares every call the price of
waking it, and sleeps soundly when there is none.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from modelplug._entry_points import said

log = logging.getLogger("modelplug.plugins")

QUEUE = 10_000
"""Events that wait for one listener at most; beyond it the oldest are dropped, and counted."""

NAP = 0.02
_NAPS_BEFORE_SLEEP = 50

_AT_EXIT = 2.0
"""Seconds that a process waits at its end for a listener to hear of the last calls."""

_PRESSURE = 2_000
_A_LITTLE = 0.0001
_HANGS = 0.05
"""With so many events waiting a call waits so many seconds, unless the listener has sat over one event for so long."""


class Listener:
    """The queue and the thread of one listening plugin."""

    def __init__(self, plugin: str) -> None:
        self.plugin = plugin
        self.dropped = 0
        self._queue: deque[tuple[Context, Callable[[Any], object], str, Any]] = deque()
        self._awake = self._busy = False
        self._since = 0.0
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def tell(self, function: Callable[[Any], object], hook: str, event: Any) -> None:
        """Note an event for the listener. Never waits."""
        if len(self._queue) >= _PRESSURE:
            self._wait_a_little()
        self._queue.append((copy_context(), function, hook, event))
        if not self._awake:
            self._rouse()

    def forked(self) -> None:
        """Begin anew in a forked process: no thread has come along, and what was waiting is told by the parent."""
        self._queue.clear()
        self._awake = self._busy = False
        self._wake, self._lock, self._thread = threading.Event(), threading.Lock(), None

    def flush(self, deadline: float) -> bool:
        """Wait until everything told so far is done. False when it is not by `deadline` (`time.monotonic()`)."""
        if not self._queue and not self._busy:
            return True
        reached = threading.Event()
        self._queue.append((copy_context(), lambda _: reached.set(), "flush", None))
        self._rouse()
        return reached.wait(max(0.0, deadline - time.monotonic()))

    def _wait_a_little(self) -> None:
        """Let the listener catch up: a host that never waits for anything gives no thread a turn.

        One that hangs is not waited for; beyond the limit the oldest event is dropped.
        """
        if time.monotonic() - self._since < _HANGS:
            time.sleep(_A_LITTLE)
        if len(self._queue) >= QUEUE:
            self._drop()

    def _drop(self) -> None:
        try:
            self._queue.popleft()
        except IndexError:  # the thread was quicker
            return
        self.dropped += 1
        if self.dropped == 1:
            log.warning("plugin %r does not keep up with calls; records for it are dropped", self.plugin)

    def _rouse(self) -> None:
        with self._lock:
            if self._thread is None:
                name = f"modelplug-{self.plugin}"
                self._thread = threading.Thread(target=self._run, args=(self._wake,), name=name, daemon=True)
                self._thread.start()
                # Its thread keeps it alive, also when nobody has the board any more.
                atexit.register(_flush_at_exit, weakref.ref(self))
        self._wake.set()

    def _run(self, wake: threading.Event) -> None:
        naps = 0
        self._awake = True
        while True:
            if self._queue:
                naps = 0
                self._work()
            naps += 1
            if naps < _NAPS_BEFORE_SLEEP:
                wake.wait(NAP)
            else:
                self._awake = False
                if not self._queue:  # an event told before this line is seen here, one after it sets `wake`
                    wake.wait()
                self._awake = True
                naps = 0
            wake.clear()

    def _work(self) -> None:
        self._busy = True
        while self._queue:
            self._since = time.monotonic()
            try:
                context, function, hook, event = self._queue.popleft()
            except IndexError:  # dropped in between
                break
            try:
                context.run(function, event)
            except BaseException as error:  # the border to foreign code: SystemExit of a listener ends nothing
                log.warning(
                    "plugin %r failed in %s; the call is not affected: %s", self.plugin, hook, _shown(error, event)
                )
            del context, event
        self._busy = False


def _shown(error: BaseException, event: object) -> str:
    """A listener's exception without the credentials of the request that it was told of."""
    credentials = getattr(event, "credentials", None)
    return said(error) if credentials is None else str(credentials.masked(said(error)))


class Listeners:
    """All listeners of one board."""

    def __init__(self) -> None:
        self._listeners: dict[str, Listener] = {}
        self._started: tuple[tuple[Listener, Callable[[Any], object]], ...] = ()
        self._finished: tuple[tuple[Listener, Callable[[Any], object]], ...] = ()

    def listen(self, hook: Any) -> None:
        """Take the listeners from pluggy's hooks, in their order. Called when plugins come and go."""
        self._started = self._of(hook.call_started)
        self._finished = self._of(hook.call_finished)

    def started(self, request: object) -> None:
        """Tell of a call that begins."""
        for listener, function in self._started:
            listener.tell(function, "call_started", request)

    def finished(self, call: object) -> None:
        """Tell of a call that is over."""
        for listener, function in self._finished:
            listener.tell(function, "call_finished", call)

    def flush(self, seconds: float) -> bool:
        """Wait until every listener has been told of everything so far; at most this long."""
        deadline = time.monotonic() + seconds
        reached = [listener.flush(deadline) for listener in self._listeners.values()]
        return all(reached)

    def forked(self) -> None:
        """Begin anew in a forked process."""
        for listener in self._listeners.values():
            listener.forked()

    @property
    def dropped(self) -> dict[str, int]:
        """For each listening plugin the number of events that it was too slow for."""
        return {name: listener.dropped for name, listener in self._listeners.items()}

    def _of(self, caller: Any) -> tuple[tuple[Listener, Callable[[Any], object]], ...]:
        return tuple(
            (
                self._listeners.setdefault(impl.plugin_name, Listener(impl.plugin_name)),
                impl.function if impl.argnames else _without_argument(impl.function),
            )
            for impl in reversed(caller.get_hookimpls())
        )


def _without_argument(function: Callable[[], object]) -> Callable[[Any], object]:
    return lambda event: function()


def _flush_at_exit(listener: weakref.ref[Listener]) -> None:
    """The process ends: records of its last calls are not lost, and a listener that hangs does not hold it for long."""
    alive = listener()
    if alive is not None:
        alive.flush(time.monotonic() + _AT_EXIT)
