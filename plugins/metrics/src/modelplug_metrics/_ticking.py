"""A thread that looks at something every few seconds, as long as there is anything to see."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable


class Ticking:
    """Calls a method every so many seconds, from a thread of its own, until it answers False; `start` begins anew.

    The thread keeps nothing alive: it ends when the method's object is gone.
    """

    def __init__(self, tick: Callable[[], bool], *, name: str) -> None:
        self._tick = weakref.WeakMethod(tick)
        self._name = name
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.every = 5.0

    def start(self) -> None:
        """Begin, unless it has begun. Costs next to nothing when it has."""
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        try:
            while self._again():
                time.sleep(self.every)
        finally:
            self._thread = None
        if self._again():  # something began between the last look and the line above
            self.start()

    def _again(self) -> bool:
        tick = self._tick()
        return tick is not None and tick()
