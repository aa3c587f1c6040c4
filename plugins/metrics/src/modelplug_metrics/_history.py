"""What was counted in each ten seconds of the last hour, of all calls together: what a chart over time shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modelplug_metrics._tally import Tally, add

STEP = 10
"""Seconds of one point; whole slices of the shortest window fit into it."""

POINTS = 360

RECENT = 6
"""Points that are told to other processes each time; the others, which seldom change, more seldom."""

Points = Mapping[int, Mapping[str, int]]
"""Tallies by the number of the ten seconds, counted from the beginning of Unix time."""


class History:
    """A ring of tallies by the time at which calls ended."""

    def __init__(self) -> None:
        self._tallies: dict[int, Tally] = {}

    def add(self, moment: float, tally: Tally, now: float) -> None:
        """What was counted in a slice of time that began at `moment`, not later than `now` (Unix time)."""
        place = int(moment // STEP)
        if place in self._tallies:
            add(self._tallies[place], tally.items())
            return
        self._tallies[place] = dict(tally)
        newest = int(now // STEP)  # where the clock was set back, there are later ones
        for old in [old for old in self._tallies if not newest - POINTS < old <= newest]:
            del self._tallies[old]

    def points(self) -> Points:
        """A copy."""
        return {place: dict(tally) for place, tally in self._tallies.items()}


def together(histories: Iterable[Points]) -> Points:
    """The sum of several."""
    total: dict[int, Tally] = {}
    for history in histories:
        for place, tally in history.items():
            add(total.setdefault(place, {}), tally.items())
    newest = max(total, default=0)
    return {place: total[place] for place in sorted(total) if place > newest - POINTS}


def recent(history: Points, now: float) -> Points:
    """The last minute of it."""
    return {place: tally for place, tally in history.items() if place > now // STEP - RECENT}


def history_json(history: Points) -> dict[str, dict[str, int]]:
    """Plain JSON that `history_of` reads."""
    return {str(place): dict(tally) for place, tally in history.items()}


def history_of(sent: Mapping[str, Mapping[str, int]]) -> Points:
    """What `history_json` wrote. Raises ValueError, TypeError or AttributeError for anything else."""
    return {int(place): dict(tally) for place, tally in sent.items()}
