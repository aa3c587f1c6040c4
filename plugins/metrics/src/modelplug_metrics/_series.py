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

    Calls of one slice of time (`slice` is seconds) are counted in one open tally, which is spread over the windows
    when it is settled: that makes a call four times cheaper. `settled` is told of each such tally, and when it was.
    """

    __slots__ = ("_all_time", "_now", "_open", "_place", "_settled", "_slice", "_windows", "labels")

    def __init__(self, labels: Labels, *, slice: float, settled: Callable[[float, Tally], None]) -> None:
        self.labels = labels
        self._all_time: Tally = {}
        self._windows = tuple(Window(minutes * 60) for minutes in MINUTES)
        self._open: Tally = {}
        self._place = 0
        self._now = 0.0
        self._slice = slice
        self._settled = settled

    def add(self, counts: Counts, *, moment: float, now: float) -> bool:
        """Count one call that ended at `moment`. True when it is the first of a new slice of time."""
        place = int(moment // self._slice)
        if place == self._place:
            add(self._open, counts)
            return False
        if place < self._place and now >= self._now:  # late: its slice is settled. Else the clock was set back
            self._spread(moment, dict(counts), now)
            return False
        self.settle()
        self._place, self._now = place, now
        add(self._open, counts)
        return True

    def settle(self) -> None:
        """Spread the open slice."""
        if self._open:
            self._spread(self._place * self._slice, self._open, self._now)
            self._open = {}

    def row(self, *, now: float, spans: dict[int, float]) -> Row:
        """What was counted until the last slice was settled."""
        from modelplug_metrics.snapshot import Row

        provider, model, strategy = self.labels
        tallies = {minutes: window.tally(now=now) for minutes, window in zip(MINUTES, self._windows, strict=True)}
        tallies[ALL_TIME] = dict(self._all_time)
        return Row(provider=provider, model=model, strategy=strategy, tallies=tallies, spans=spans)

    def _spread(self, moment: float, tally: Tally, now: float) -> None:
        add(self._all_time, tally.items())
        for window in self._windows:
            window.add(moment, tally.items(), now=now)
        self._settled(moment, tally)


def spans(now: float, since: float) -> dict[int, float]:
    """The seconds that each window covers now; no window is older than the counting itself."""
    age = max(0.0, now - since)
    return {ALL_TIME: age, **{minutes: min(Window(minutes * 60).span(now=now), age) for minutes in MINUTES}}
