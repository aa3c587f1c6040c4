"""Holds the rules against the figures every few seconds, and has the sinks told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from modelplug import Settings

from modelplug_metrics._delivery import Delivery
from modelplug_metrics._rules import duration, rules_in
from modelplug_metrics._sinks import deliveries_in
from modelplug_metrics._ticking import Ticking
from modelplug_metrics.alerts import Alert, Alerts, Sink

if TYPE_CHECKING:
    from modelplug_metrics.snapshot import Snapshot

LONGEST = 3900.0
"""Seconds after the last call when every window is empty."""


class Alarm:
    """The alerts of one listener. `look` gives the figures; a thread looks at them from the first call on.

    Of several processes that look at the same figures, each keeps its alerts, and the one that `leads` has sinks told.
    """

    def __init__(
        self, settings: Settings, sinks: Mapping[str, Sink], look: Callable[[], Snapshot], leads: Callable[[], bool]
    ) -> None:
        self.alerts = Alerts()
        self._look, self._leads = look, leads
        self._sinks = sinks
        self._lock = threading.Lock()
        self._called = False
        self._now = self._last_call = 0.0
        self._ticking = Ticking(self._tick, name="modelplug-alerts")
        self.follow(settings)

    def follow(self, settings: Settings) -> None:
        """Take rules and sinks from these settings; what fires goes on. Raises ConfigError for what is none."""
        rules, deliveries = rules_in(settings), deliveries_in(settings)
        self._ticking.every = max(0.05, duration(settings.table("alerts"), "every", 5.0))
        self.alerts.rules = rules
        self._deliveries = (*deliveries, *(Delivery(name, sink) for name, sink in self._sinks.items()))

    def called(self) -> None:
        """There was a call."""
        self._called = True
        if self.alerts.rules:
            self._ticking.start()

    def judge(self) -> tuple[Alert, ...]:
        """Hold the rules against the figures now. What fired or was resolved by it; the sinks are told of the same."""
        with self._lock:  # one after the other, so that every sink hears of them in their order
            snapshot = self._look()
            self._now = snapshot.taken
            changed = self.alerts.judge(snapshot)
            for delivery in self._deliveries if changed and self._leads() else ():
                delivery.tell(changed)
            return changed

    def flush(self, seconds: float) -> bool:
        """Wait until every sink was told of everything so far, each at most so long."""
        reached = [delivery.flush(seconds) for delivery in self._deliveries]
        return all(reached)

    def _tick(self) -> bool:
        """Look; whether there may be more to see without another call."""
        called, self._called = self._called, False
        self.judge()
        if called:
            self._last_call = self._now
        return not self.alerts.calm or self._now - self._last_call < LONGEST
