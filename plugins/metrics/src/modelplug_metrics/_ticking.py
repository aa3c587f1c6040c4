"""A thread that looks at something every few seconds, as long as there is anything to see."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable


class Ticking:
    """Calls a method every so many seconds, from a thread of its own, until it answers False; `start` begins anew.

    The thread keeps nothing alive: it ends when the method's object is gone. When the process ends, so does the thread,
    before the interpreter is taken down: a thread that is stopped in the middle of an import keeps the import lock, and
    whatever then imports in a finalizer (LiteLLM's clients do) waits for ever.
    """

    def __init__(self, tick: Callable[[], bool], *, name: str) -> None:
        self._tick = weakref.WeakMethod(tick)
        self._name = name
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        self._known = False
        self.every = 5.0

    def start(self) -> None:
        """Begin, unless it has begun. Costs next to nothing when it has.

        Nothing begins any more once the process ends: records of the last calls are told then.
        """
        if self._thread is None and not self._over.is_set() and threading.main_thread().is_alive():
            with self._lock:
                if not self._known:
                    self._known = True
                    atexit.register(_end, weakref.ref(self))
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                    self._thread.start()

    def end(self, seconds: float) -> None:
        """Tick no more; wait for a tick that is under way, at most so long."""
        self._over.set()
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _run(self) -> None:
        try:
            while self._again() and not self._over.wait(self.every):
                pass
        finally:
            self._thread = None
        if not self._over.is_set() and self._again():  # something began between the last look and the line above
            self.start()

    def _again(self) -> bool:
        tick = self._tick()
        return tick is not None and tick()


def _end(ticking: weakref.ref[Ticking]) -> None:
    """The process ends."""
    alive = ticking()
    if alive is not None:
        alive.end(5.0)
