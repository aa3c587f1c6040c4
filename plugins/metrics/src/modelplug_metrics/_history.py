"""What was counted in each ten seconds of the last hour, of all calls together: what a chart over time shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelplug_metrics._tally import Tally, add

if TYPE_CHECKING:
    from modelplug_metrics.figures import Figures

STEP = 10.0
"""Seconds of one point; whole slices of the shortest window fit into it."""

POINTS = 360


class History:
    """A ring of tallies by the time at which calls ended."""

    def __init__(self) -> None:
        self._tallies: dict[int, Tally] = {}

    def add(self, moment: float, tally: Tally) -> None:
        """What was counted in a slice of time that began at `moment` (Unix time)."""
        place = int(moment // STEP)
        if place in self._tallies:
            add(self._tallies[place], tally.items())
            return
        self._tallies[place] = dict(tally)
        newest = max(self._tallies)
        for old in [old for old in self._tallies if old <= newest - POINTS]:
            del self._tallies[old]

    def points(self, seconds: float, *, now: float, since: float) -> Iterator[tuple[float, Figures]]:
        """The beginning of each ten seconds and its figures, the oldest first; also of those without a call."""
        from modelplug_metrics.figures import Figures

        newest = int(now // STEP)
        first = max(newest - min(POINTS, round(seconds / STEP)) + 1, int(since // STEP))
        for place in range(first, newest + 1):
            span = min(now, (place + 1) * STEP) - max(since, place * STEP)
            yield place * STEP, Figures.of(self._tallies.get(place, {}), span=max(0.0, span))
