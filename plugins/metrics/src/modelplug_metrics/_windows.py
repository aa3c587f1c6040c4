"""Sliding windows: what was counted in the last minutes, by the clock and not by the number of calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from modelplug_metrics._tally import Tally, add, merged

MINUTES = (1, 5, 60)
ALL_TIME = 0
"""Stands among the minutes for everything since the beginning."""

SLICES = 12
"""A window moves by a twelfth of itself: it holds all of its minutes, and at most a twelfth more."""


class Window:
    """The calls of the last `seconds`, in slices. A slice that falls out of the window is forgotten as a whole.

    Calls are counted in the open slice; when its time is over, it is handed on as one tally, with the moment at which
    it began, to `over`: the next longer window. So most calls are counted once, whatever the number of windows.
    """

    __slots__ = ("_now", "_open", "_over", "_place", "_slice", "_slices")

    def __init__(self, seconds: float, over: Callable[[float, Tally, float], object]) -> None:
        self._slice = seconds / SLICES
        self._slices: dict[int, Tally] = {}
        self._over = over
        self._open: Tally = {}
        self._place = 0
        self._now = 0.0

    def add(self, moment: float, counts: Iterable[tuple[str, int]], now: float) -> bool:
        """Count what happened at `moment`, not later than `now` (Unix time). True when it begins a new slice."""
        place = int(moment // self._slice)
        if place == self._place:
            add(self._open, counts)
            return False
        if place < self._place and now >= self._now:  # late: its slice is over. Else the clock was set back
            self._hand_on(place, dict(counts), now)
            return False
        self.settle()
        self._place, self._now, self._open = place, now, dict(counts)
        return True

    def settle(self) -> None:
        """Hand on what is in the open slice so far."""
        if self._open:
            tally, self._open = self._open, {}
            self._hand_on(self._place, tally, self._now)

    def tally(self, *, now: float) -> Tally:
        """The sum of what was handed on and is in the window. Changes nothing."""
        newest = int(now // self._slice)
        return merged(tally for place, tally in self._slices.items() if newest - SLICES <= place <= newest)

    def span(self, *, now: float) -> float:
        """The seconds that the window covers now, counted from the beginning of its oldest slice."""
        return now - (int(now // self._slice) - SLICES) * self._slice

    def _hand_on(self, place: int, tally: Tally, now: float) -> None:
        newest = int(now // self._slice)
        if place >= newest - SLICES:
            before = self._slices.get(place)
            if before is None and len(self._slices) > SLICES:
                for old in [old for old in self._slices if not newest - SLICES <= old <= newest]:
                    del self._slices[old]
            self._slices[place] = tally if before is None else merged((before, tally))
        self._over(place * self._slice, tally, now)
