"""The counts of calls that share provider, model and strategy, and how many such series there may be."""

from __future__ import annotations

from modelplug import Call

from modelplug_metrics._tally import Counts, Tally, add
from modelplug_metrics._windows import MINUTES, Window
from modelplug_metrics.snapshot import ALL_TIME, Row

Labels = tuple[str, str, str]
"""Provider, model id and strategy, as the call's record says."""

REST = "other"
KINDS = 100
"""Kinds of errors that are told apart; a plugin that invents more has them counted as `other`."""


class Series:
    """The counts of one combination of labels: since the beginning, and over each window."""

    __slots__ = ("_all_time", "_windows", "labels")

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self._all_time: Tally = {}
        self._windows = tuple(Window(minutes * 60) for minutes in MINUTES)

    def add(self, counts: Counts, *, moment: float, now: float) -> None:
        """Count one call that ended at `moment`."""
        add(self._all_time, counts)
        for window in self._windows:
            window.add(moment, counts, now=now)

    def row(self, *, now: float, spans: dict[int, float]) -> Row:
        """What was counted so far."""
        provider, model, strategy = self.labels
        tallies = {minutes: window.tally(now=now) for minutes, window in zip(MINUTES, self._windows, strict=True)}
        tallies[ALL_TIME] = dict(self._all_time)
        return Row(provider=provider, model=model, strategy=strategy, tallies=tallies, spans=spans)


class LabelLimit:
    """Keeps the number of series and of error kinds bounded, whatever plugins say."""

    def __init__(self, series: int) -> None:
        self.series = series
        self._kinds: set[str] = set()

    def labels(self, call: Call, known: dict[Labels, Series]) -> Labels:
        """The labels under which this call is counted."""
        labels = (call.provider, call.model_id, call.strategy)
        if labels in known or len(known) < self.series:
            return labels
        return (REST, REST, REST)

    def kind(self, call: Call) -> str | None:
        """The kind under which this call's error is counted."""
        if call.error is None:
            return None
        kind = call.error.kind
        if kind not in self._kinds:
            if len(self._kinds) >= KINDS:
                return REST
            self._kinds.add(kind)
        return kind


def spans(now: float, since: float) -> dict[int, float]:
    """The seconds that each window covers now; no window is older than the counting itself."""
    covered = {minutes: min(Window(minutes * 60).span(now=now), max(0.0, now - since)) for minutes in MINUTES}
    return {ALL_TIME: max(0.0, now - since), **covered}
