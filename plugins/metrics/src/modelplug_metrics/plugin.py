"""The listener that counts calls."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable

from modelplug import Call, Hooks, Model, Request, Settings, hookimpl

from modelplug_metrics._in_flight import InFlight
from modelplug_metrics._series import LabelLimit, Labels, Series, spans
from modelplug_metrics._tally import counts_of
from modelplug_metrics.snapshot import Snapshot

MOST_SERIES = 5_000
"""Combinations of provider, model and strategy that are told apart; the rest is counted under `other`."""


class Metrics(Hooks):
    """Counts every call of the boards that it is plugged into: `board.plugin("metrics").snapshot()`.

    May be told by several threads, and read from any. A forked child starts from zero: what its parent counted is its
    parent's. The setting `[metrics] most_series` overrides `most_series`. `clock` gives Unix time, `monotonic` the time
    of deadlines.
    """

    def __init__(
        self,
        *,
        most_series: int = MOST_SERIES,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_series = most_series
        self._clock = clock
        self._monotonic = monotonic
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._since = self._clock()
        self._limit = LabelLimit(self._most_series)
        self._series: dict[Labels, Series] = {}
        self._in_flight = InFlight(self._monotonic)

    @hookimpl
    def provide_models(self, settings: Settings) -> Iterable[Model]:
        """No models; reads the settings of this plugin."""
        most = settings.table("metrics").number("most_series")
        if most is not None:
            self._most_series = self._limit.series = int(most)
        return ()

    @hookimpl
    def call_started(self, request: Request) -> None:
        """One more call is under way."""
        self._own()
        with self._lock:
            self._in_flight.started(request)

    @hookimpl
    def call_finished(self, call: Call) -> None:
        """Count the call."""
        self._own()
        now = self._clock()
        moment = min(call.started + call.seconds, now)
        with self._lock:
            self._in_flight.finished(call)
            counts = counts_of(call, self._limit.kind(call))
            labels = self._limit.labels(call, self._series)
            series = self._series.get(labels)
            if series is None:
                series = self._series[labels] = Series(labels)
            series.add(counts, moment=moment, now=now)

    def snapshot(self) -> Snapshot:
        """All figures at this moment. Reading changes nothing and creates no entry."""
        self._own()
        now = self._clock()
        with self._lock:
            every, flying = list(self._series.values()), self._in_flight.counts()
        covered = spans(now, self._since)
        rows = []
        for series in every:
            with self._lock:  # taken anew for each: a long reading never holds up the listener
                rows.append(series.row(now=now, spans=covered))
        rows.sort(key=lambda row: (row.provider, row.model, row.strategy))
        return Snapshot(taken=now, since=self._since, spans=covered, rows=tuple(rows), in_flight=flying)

    def _own(self) -> None:
        if os.getpid() != self._process:
            self._begin()
