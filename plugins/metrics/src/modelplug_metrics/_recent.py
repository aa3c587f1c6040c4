"""The recent calls of one provider or model: those of the last minute, or more where there were few."""

from __future__ import annotations

from collections import Counter, deque

from modelplug_metrics._tally import Tally, add

ENOUGH = 20
"""Recent calls are those of the last minute, and at least so many that are judged,"""

OLDEST = 3600.0
"""but none older than these seconds."""

SLICES = 12

Sketches = dict[str, dict[int, int]]
"""By measure, the number of values in each bucket."""

JUDGED = "judged"
"""The name under which a slice says how many of its calls are judged."""


class Recent:
    """The newest slices of time in which there were calls.

    Of each slice a short tally is kept, whose running sum is at hand, and the sketches of its calls. `seconds` is the
    minute.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._slices: deque[tuple[float, Tally, list[Sketches]]] = deque()
        self._total: Tally = {}

    def take(self, moment: float, short: Tally, sketches: Sketches | None = None) -> None:
        """One more slice. What is late, or follows at once, counts with the one before."""
        add(self._total, short.items())
        whole = [] if sketches is None else [sketches]
        if self._slices and moment - self._slices[-1][0] < self._seconds / SLICES / 2:
            _, last, parts = self._slices[-1]
            add(last, short.items())
            parts += whole
        else:
            self._slices.append((moment, short, whole))

    def trim(self, *, now: float) -> list[Sketches]:
        """Takes out the slices that are not recent any more, and returns their sketches.

        Slices that are later than `now`, because the clock was set back, are of now: they leave in their turn.
        """
        if self._slices and self._slices[-1][0] > now:
            self._slices = deque((min(moment, now), short, parts) for moment, short, parts in self._slices)
        left = [self._slices.popleft() for _ in range(self._leaving(now))]
        for _, short, _ in left:
            _subtract(self._total, short)
        return [sketches for _, _, parts in left for sketches in parts]

    def short(self, *, now: float) -> Tally:
        """The sum of the short tallies that are recent. Changes nothing."""
        count = self._leaving(now)
        if not count:
            return self._total
        total = dict(self._total)
        for place in range(count):
            _subtract(total, self._slices[place][1])
        return total

    def sketch(self, measure: str, *, now: float) -> Counter[int]:
        """The sum of the sketches of a measure that are recent. Changes nothing."""
        total = Counter[int]()
        for _, _, parts in list(self._slices)[self._leaving(now) :]:
            for sketches in parts:
                total.update(sketches.get(measure, {}))
        return total

    def _leaving(self, now: float) -> int:
        """How many of the oldest slices are not recent any more."""
        calls, count = self._total.get(JUDGED, 0), 0
        for moment, short, _ in self._slices:
            age, rest = now - moment, calls - short.get(JUDGED, 0)
            if age <= OLDEST and (rest < ENOUGH or age <= self._seconds * (1 + 1 / SLICES)):
                break
            count, calls = count + 1, rest
        return count


def _subtract(total: Tally, tally: Tally) -> None:
    for name, n in tally.items():
        if left := total.get(name, 0) - n:
            total[name] = left
        else:
            total.pop(name, None)
