"""The counts of calls that share provider, model and strategy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from modelplug_metrics._tally import Counts, Tally, add
from modelplug_metrics._windows import ALL_TIME, MINUTES, Window

if TYPE_CHECKING:
    from modelplug_metrics.snapshot import Row

Labels = tuple[str, str, str]
"""Provider, model id and strategy, as the call's record says."""


class Series:
    """The counts of one combination of labels: since the beginning, and over each window.

    `told` is told of each slice of the first window that is over: when it began, its tally, and what time it is.
    """

    __slots__ = ("_all_time", "_told", "_windows", "labels")

    def __init__(self, labels: Labels, *, told: Callable[[float, Tally, float], None]) -> None:
        self.labels = labels
        self._told = told
        self._all_time: Tally = {}
        hour = Window(3600, self._for_ever)
        five = Window(300, lambda moment, tally, now: hour.add(moment, tally.items(), now))
        self._windows = (Window(60, self._first), five, hour)

    def add(self, counts: Counts, *, moment: float, now: float) -> bool:
        """Count one call that ended at `moment`. True when it is the first of a new slice of time."""
        return self._windows[0].add(moment, counts, now)

    def settle(self) -> None:
        """Hand on what is in open slices so far."""
        for window in self._windows:
            window.settle()

    def row(self, *, now: float, spans: dict[int, float]) -> Row:
        """What was counted so far."""
        from modelplug_metrics.snapshot import Row

        self.settle()
        provider, model, strategy = self.labels
        tallies = {minutes: window.tally(now=now) for minutes, window in zip(MINUTES, self._windows, strict=True)}
        tallies[ALL_TIME] = dict(self._all_time)
        return Row(provider=provider, model=model, strategy=strategy, tallies=tallies, spans=spans)

    def _first(self, moment: float, tally: Tally, now: float) -> None:
        self._told(moment, tally, now)
        self._windows[1].add(moment, tally.items(), now)

    def _for_ever(self, moment: float, tally: Tally, now: float) -> None:
        add(self._all_time, tally.items())


def spans(now: float, since: float) -> dict[int, float]:
    """The seconds that each window covers now; no window is older than the counting itself."""
    age = max(0.0, now - since)
    covered = {minutes: Window(minutes * 60, lambda *_: None).span(now=now) for minutes in MINUTES}
    return {ALL_TIME: age, **{minutes: min(span, age) for minutes, span in covered.items()}}
