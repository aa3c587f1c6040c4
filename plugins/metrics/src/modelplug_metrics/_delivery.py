"""Bringing alerts to a sink, by a thread of the sink's own: one that is slow or fails holds up nothing."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence

from modelplug.failures import safe_text

from modelplug_metrics.alerts import Alert, Sink

log = logging.getLogger("modelplug.alerts")

QUEUE = 1_000
"""Alerts that wait for one sink at most; beyond, the oldest are dropped."""

AT_ONCE = 100
"""Alerts that a sink is told of together at most."""


class Delivery:
    """The way to one sink. Alerts arrive in order, several together where it was slow."""

    def __init__(self, name: str, sink: Sink) -> None:
        self.name, self._sink = name, sink
        self._queue: deque[Alert] = deque()
        self._some = threading.Condition()
        self._busy = False
        self._thread: threading.Thread | None = None

    def tell(self, alerts: Sequence[Alert]) -> None:
        """Note these alerts. Never waits for the sink."""
        with self._some:
            self._queue.extend(alerts)
            dropped = max(0, len(self._queue) - QUEUE)
            for _ in range(dropped):
                self._queue.popleft()
            if self._thread is None:
                name = f"modelplug-alerts-{self.name}"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()
            self._some.notify_all()
        if dropped:
            log.warning("the sink %r is too slow: %d alerts were dropped", self.name, dropped)

    def flush(self, seconds: float) -> bool:
        """Wait until the sink was told of everything so far; False when `seconds` were not enough."""
        with self._some:
            return self._some.wait_for(lambda: not self._queue and not self._busy, seconds)

    def _run(self) -> None:
        while True:
            with self._some:
                self._busy = False
                self._some.notify_all()
                if not self._some.wait_for(lambda: self._queue, 60.0):
                    self._thread = None
                    return
                self._busy = True
                alerts = tuple(self._queue.popleft() for _ in range(min(AT_ONCE, len(self._queue))))
            try:
                self._sink(alerts)
            except Exception as error:  # the border to foreign code: a sink may fail in any way
                log.warning("the sink %r failed: %s", self.name, safe_text(f"{type(error).__name__}: {error}"))
