"""The recent calls of one provider or model: those of the last minute, or more where there were few."""

from __future__ import annotations

from modelplug_metrics._tally import Tally, add, merged

ENOUGH = 20
"""Recent calls are those of the last minute, and at least so many,"""

OLDEST = 3600.0
"""but none older than these seconds."""

SLICES = 12


class Recent:
    """The newest slices of time in which there were calls. `seconds` is the minute; tests and demos may shorten it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._slices: list[tuple[float, int, Tally]] = []

    def take(self, moment: float, tally: Tally, *, calls: int) -> None:
        """One more slice, with the number of its calls that are judged. A late one counts as now."""
        if self._slices and moment - self._slices[-1][0] < self._seconds / SLICES / 2:
            last, before, both = self._slices.pop()
            moment, calls = last, before + calls
            add(both, tally.items())
        else:
            both = dict(tally)
        self._slices.append((moment, calls, both))

    def tally(self, *, now: float) -> Tally:
        """The sum of the recent slices. Changes nothing."""
        return merged(tally for _, _, tally in self._slices[self._first(now) :])

    def leaving(self, *, now: float) -> list[Tally]:
        """Takes out the slices that are not recent any more, and returns them."""
        first = self._first(now)
        left, self._slices = self._slices[:first], self._slices[first:]
        return [tally for _, _, tally in left]

    def _first(self, now: float) -> int:
        """The place of the first slice that is recent."""
        enough, first = 0, len(self._slices)
        while first:
            moment, calls, _ = self._slices[first - 1]
            age = now - moment
            if age > OLDEST or (enough >= ENOUGH and age > self._seconds * (1 + 1 / SLICES)):
                break
            first -= 1
            enough += calls
        return first
