"""What one process has counted, and what it makes of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen
from modelplug import Call, Failure, Request

from modelplug_metrics._blame import REST, ErrorNames
from modelplug_metrics._history import History
from modelplug_metrics._in_flight import InFlight
from modelplug_metrics._series import Labels, Series, spans
from modelplug_metrics._tally import Tally, counts_of

if TYPE_CHECKING:  # what is not needed at load is imported when it is: a start stays quick
    from modelplug_metrics._watch import ProviderWatch
    from modelplug_metrics.failures import FailedCall
    from modelplug_metrics.snapshot import Snapshot


@frozen(kw_only=True)
class Limits:
    """How much is told apart and kept: combinations of labels, failures, and the seconds that health is judged by."""

    most_series: int
    most_failures: int
    recent: float


class Counting:
    """Counts calls. May be told by several threads, and read from any."""

    def __init__(self, limits: Limits, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._limits, self._clock = limits, clock
        self._lock = threading.Lock()
        self._since = clock()
        self._series: dict[Labels, Series] = {}
        self._providers: dict[str, ProviderWatch] = {}
        self._failures: deque[FailedCall] = deque(maxlen=limits.most_failures)
        self._error_names = ErrorNames()
        self._in_flight = InFlight(monotonic)
        self._history = History()

    def limit(self, limits: Limits) -> None:
        """Keep to these from now on; how health is judged changes for providers that are called from now on."""
        self._limits = limits
        self._failures = deque(self._failures, maxlen=limits.most_failures)

    def started(self, request: Request) -> None:
        """One more call is under way."""
        with self._lock:
            self._in_flight.started(request)

    def finished(self, call: Call) -> None:
        """Count the call."""
        now = self._clock()
        moment = min(call.started + call.seconds, now)
        with self._lock:
            self._in_flight.finished(call)
            if call.error is None:
                counts = counts_of(call)
            else:
                self._failed(call, call.error, moment)
                counts = counts_of(call, self._error_names.of(call))
            series = self._series.get((call.provider, call.model_id, call.strategy)) or self._new_series(call)
            if series.add(counts, moment=moment, now=now):
                provider, model, _ = series.labels
                if provider != REST:
                    self._providers[provider].decide(model, now=now)

    def snapshot(self) -> Snapshot:
        """All figures at this moment. Reading changes no figure and creates no entry."""
        from modelplug_metrics.snapshot import Snapshot

        now = self._clock()
        with self._lock:
            every, flying, failures = list(self._series.values()), self._in_flight.counts(), tuple(self._failures)
        covered = spans(now, self._since)
        rows = []
        for series in every:
            with self._lock:  # taken anew for each: a long reading never holds up the listener
                series.settle()
                rows.append(series.row(now=now, spans=covered))
        rows.sort(key=lambda row: (row.provider, row.model, row.strategy))
        health = []
        for watch in sorted(self._providers.values(), key=lambda watch: watch.provider):
            with self._lock:
                health.append(watch.health(now=now))
                health += [watch.models[model].health(now=now) for model in sorted(watch.models)]
        with self._lock:
            history = self._history.points()
        return Snapshot(
            taken=now,
            since=self._since,
            spans=covered,
            rows=tuple(rows),
            in_flight=flying,
            health=tuple(health),
            failures=failures[::-1],
            history=history,
        )

    def _new_series(self, call: Call) -> Series:
        labels = (call.provider, call.model_id, call.strategy)
        if len(self._series) >= self._limits.most_series:
            labels = (REST, REST, REST)
            if labels in self._series:
                return self._series[labels]
        provider, model, _ = labels
        judged = partial(self._watch(provider).take, model=model) if provider != REST else _nobody

        def told(moment: float, tally: Tally, now: float) -> None:
            self._history.add(moment, tally, now)
            judged(moment, tally)

        series = self._series[labels] = Series(labels, told=told)
        return series

    def _watch(self, provider: str) -> ProviderWatch:
        watch = self._providers.get(provider)
        if watch is None:
            from modelplug_metrics._watch import ProviderWatch

            watch = self._providers[provider] = ProviderWatch(provider, seconds=self._limits.recent)
        return watch

    def _failed(self, call: Call, error: Failure, moment: float) -> None:
        from modelplug_metrics.failures import FailedCall

        self._failures.append(FailedCall.of(call, error, at=moment))


def _nobody(moment: float, tally: Tally) -> None:
    """Nobody judges the health of what has no name."""
