"""Alerts: rules over the figures, and what broke them.

A rule fires once, when its value has been over the threshold for as long as the rule says, and resolves once, when it
has been back for as long. Between `until` and `threshold` nothing changes, so that nothing flutters. How rules and
sinks are set is in docs/how-to/alerts.md.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from attrs import asdict, evolve, frozen

from modelplug_metrics.health import WORSE, Status

if TYPE_CHECKING:
    from modelplug_metrics._readings import Reading
    from modelplug_metrics.snapshot import Snapshot

What = Literal["error_rate", "seconds", "first_chunk", "cost_per_hour", "health"]
"""What a rule looks at; `seconds` and `first_chunk` are 95th percentiles."""

Per = Literal["provider", "model", "all"]
Value = float | Status
Sink = Callable[[Sequence["Alert"]], object]
"""Told of alerts that fired or were resolved, by a thread of its own. What it raises is logged and changes nothing."""

MOST_RECENT = 100
"""Resolved alerts that are remembered, the latest."""


@frozen(kw_only=True)
class Rule:
    """What may not be, and for how long.

    `threshold` and `until` are in `unit`; of health they are a status, and that status or a worse one breaks the rule.
    `window` is minutes (1, 5 or 60), `lasting` seconds. `per` says whether each provider, each model or all together
    are looked at; `provider` and `model` (an id) leave the others out. Fewer than `least_calls` calls fire nothing.
    """

    name: str
    what: What
    threshold: Value
    until: Value
    window: int = 5
    lasting: float = 60.0
    per: Per = "provider"
    provider: str | None = None
    model: str | None = None
    least_calls: int = 10

    @property
    def unit(self) -> str:
        """Of the value: ratio (0 to 1), seconds, usd_per_hour, status."""
        return {"error_rate": "ratio", "cost_per_hour": "usd_per_hour", "health": "status"}.get(self.what, "seconds")

    def broken_by(self, reading: Reading) -> bool:
        """Whether the value is over the threshold."""
        if reading.value is None or reading.calls < self.least_calls:
            return False
        size, limit = _size(reading.value), _size(self.threshold)
        return size >= limit if self.what == "health" else size > limit

    def kept_by(self, reading: Reading) -> bool:
        """Whether the value is back where it may be. No value is: nothing is known to be wrong."""
        if reading.value is None:
            return True
        size, limit = _size(reading.value), _size(self.until)
        return size < limit if self.what == "health" else size <= limit

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, with the names of the settings."""
        fields = asdict(self)
        lasting = fields.pop("lasting")
        return {**fields, "unit": self.unit, "window": f"{self.window}m", "for": lasting}


@frozen(kw_only=True)
class Alert:
    """A rule that is broken, or was: `since` this Unix time, until `resolved_at`.

    `value` is the newest (None when there were no calls), `reason` the same in words, `next_step` what to do about it.
    `provider` and `model` are None where the rule looks at all of them together.
    """

    rule: str
    provider: str | None
    model: str | None
    state: Literal["firing", "resolved"]
    value: Value | None
    threshold: Value
    unit: str
    reason: str
    next_step: str | None = None
    since: float
    resolved_at: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON. Times are ISO 8601, in UTC."""
        return {**asdict(self), "since": _iso(self.since), "resolved_at": _iso(self.resolved_at)}


Key = tuple[str, str | None, str | None]
"""The names of a rule, a provider and a model."""


class Alerts:
    """The rules, and what breaks them. `judge` moves on; everything else only reads. Any thread may do either."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.rules = tuple(rules)
        self._lock = threading.Lock()
        self._over_since: dict[Key, float] = {}
        self._well_since: dict[Key, float] = {}
        self._firing: dict[Key, Alert] = {}
        self._recent: deque[Alert] = deque(maxlen=MOST_RECENT)

    @property
    def firing(self) -> tuple[Alert, ...]:
        """What fires now, the oldest first."""
        with self._lock:
            return tuple(sorted(self._firing.values(), key=lambda alert: alert.since))

    @property
    def recent(self) -> tuple[Alert, ...]:
        """What was resolved, the newest first."""
        with self._lock:
            return tuple(self._recent)

    @property
    def calm(self) -> bool:
        """Whether nothing fires or is about to."""
        return not self._firing and not self._over_since

    def as_json(self) -> dict[str, Any]:
        """Plain JSON: `rules`, `firing` and `recent`."""
        return {
            "rules": [rule.as_json() for rule in self.rules],
            "firing": [alert.as_json() for alert in self.firing],
            "recent": [alert.as_json() for alert in self.recent],
        }

    def judge(self, snapshot: Snapshot) -> tuple[Alert, ...]:
        """Hold the rules against these figures: what fired or was resolved by it, in the order of the rules.

        The time is that of the snapshot, which may be one of several workers, merged.
        """
        from modelplug_metrics._readings import NO_FIGURES, NO_RULE, readings

        now, changed, seen = snapshot.taken, list[Alert](), set[Key]()
        with self._lock:
            for rule in self.rules:
                for reading in readings(rule, snapshot):
                    key = (rule.name, reading.provider, reading.model)
                    seen.add(key)
                    changed += self._moved(rule, key, reading, now)
            for key in [key for key in self._over_since if key not in seen]:
                del self._over_since[key]
            rules = {rule.name for rule in self.rules}
            for key in [key for key in self._firing if key not in seen]:
                changed.append(self._resolved(key, NO_FIGURES if key[0] in rules else NO_RULE, now))
        return tuple(changed)

    def _moved(self, rule: Rule, key: Key, reading: Reading, now: float) -> list[Alert]:
        firing = self._firing.get(key)
        if firing is None:
            if not rule.broken_by(reading):
                self._over_since.pop(key, None)
                return []
            since = self._over_since[key] = min(now, self._over_since.get(key, now))
            return [self._fired(rule, key, reading)] if now - since >= rule.lasting else []
        self._firing[key] = evolve(firing, value=reading.value, reason=reading.reason, next_step=reading.next_step)
        if not rule.kept_by(reading):
            self._well_since.pop(key, None)
            return []
        since = self._well_since[key] = min(now, self._well_since.get(key, now))
        return [self._resolved(key, reading, now)] if now - since >= rule.lasting else []

    def _fired(self, rule: Rule, key: Key, reading: Reading) -> Alert:
        alert = self._firing[key] = Alert(
            rule=rule.name,
            provider=reading.provider,
            model=reading.model,
            state="firing",
            value=reading.value,
            threshold=rule.threshold,
            unit=rule.unit,
            reason=reading.reason,
            next_step=reading.next_step,
            since=self._over_since.pop(key),
        )
        return alert

    def _resolved(self, key: Key, reading: Reading, now: float) -> Alert:
        self._well_since.pop(key, None)
        over = evolve(
            self._firing.pop(key),
            state="resolved",
            value=reading.value,
            reason=reading.reason,
            next_step=None,
            resolved_at=now,
        )
        self._recent.appendleft(over)
        return over


def _size(value: Value) -> float:
    return WORSE[value] if isinstance(value, str) else value


def _iso(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
