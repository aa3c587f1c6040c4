"""Sliding windows: what was counted in the last minutes, by the clock and not by the number of calls."""

from __future__ import annotations

from collections.abc import Iterable

from modelplug_metrics._tally import Tally, add, merged

MINUTES = (1, 5, 60)
ALL_TIME = 0
"""Stands among the minutes for everything since the beginning."""

SLICES = 12
"""A window moves by a twelfth of itself: it holds all of its minutes, and at most a twelfth more."""


class Window:
    """The calls of the last `seconds`, in slices. A slice that falls out of the window is forgotten as a whole."""

    __slots__ = ("_slice", "_slices", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._slice = seconds / SLICES
        self._slices: dict[int, Tally] = {}

    def add(self, moment: float, counts: Iterable[tuple[str, int]], *, now: float) -> None:
        """Count what happened at `moment`. Both times are Unix time; the future counts as now."""
        newest = int(now // self._slice)
        place = min(int(moment // self._slice), newest)
        if place < newest - SLICES:
            return
        tally = self._slices.get(place)
        if tally is None:
            for old in [old for old in self._slices if not newest - SLICES <= old <= newest]:
                del self._slices[old]
            tally = self._slices[place] = {}
        add(tally, counts)

    def tally(self, *, now: float) -> Tally:
        """The sum of what is in the window. Changes nothing."""
        newest = int(now // self._slice)
        return merged(self._slices[place] for place in sorted(self._slices) if newest - SLICES <= place <= newest)

    def span(self, *, now: float) -> float:
        """The seconds that the window covers now, counted from the beginning of its oldest slice."""
        return now - (int(now // self._slice) - SLICES) * self._slice
