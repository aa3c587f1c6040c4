"""The listener that counts calls."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve
from modelplug import Call, Hooks, Model, Request, Settings, hookimpl

from modelplug_metrics._counting import Counting, Limits

if TYPE_CHECKING:  # what is not needed at load is imported when it is: a start stays quick
    from pathlib import Path

    from modelplug_metrics._alarm import Alarm
    from modelplug_metrics._probing import Probing
    from modelplug_metrics._sharing import Sharing
    from modelplug_metrics.alerts import Alert, Alerts, Sink
    from modelplug_metrics.snapshot import Snapshot

MOST_SERIES = 5_000
"""Combinations of provider, model and strategy that are told apart; the rest is counted under `other`."""

MOST_FAILURES = 1_000
"""Failures that are kept, the latest."""

RECENT = 60.0
"""Seconds of calls that health is judged by."""


class Metrics(Hooks):
    """Counts every call of the boards that it is plugged into: `board.plugin("metrics").snapshot()`.

    Boards tell of a call within some hundredths of a second; `board.flush()` waits for all so far. May be told by
    several threads, and read from any. A forked child starts from zero: what its parent counted is its parent's.

    `most_series`, `most_failures` and `recent` (seconds by which health is judged) are settings too, under `[metrics]`.
    `clock` gives Unix time, `monotonic` the time of deadlines. The rules of alerts are in `[alerts]`; on a board there
    are two unless its settings say otherwise: a provider that is degraded, or unhealthy, for a minute.
    """

    defaults: ClassVar[Mapping[str, Any]] = {
        "alerts": {
            "rules": {
                "degraded": {"what": "health", "threshold": "degraded"},
                "unhealthy": {"what": "health", "threshold": "unhealthy"},
            }
        }
    }

    def __init__(
        self,
        *,
        most_series: int = MOST_SERIES,
        most_failures: int = MOST_FAILURES,
        recent: float = RECENT,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = Limits(most_series=most_series, most_failures=most_failures, recent=recent)
        self._clock, self._monotonic = clock, monotonic
        self._settings = Settings(environment={})
        self._sinks: dict[str, Sink] = {}
        self._folder: Path | None = None
        self._probing: Probing | None = None
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._counting = Counting(self._limits, self._clock, self._monotonic)
        self._alarm: Alarm | None = None
        self._sharing: Sharing | None = None
        if self._folder is not None:
            self._share(self._folder)
        if self._probing is not None:
            self._probe(self._settings)

    @hookimpl
    def provide_models(self, settings: Settings) -> Iterable[Model]:
        """No models. Reads the settings of this plugin; `recent` holds for providers that are called from now on."""
        table = settings.table("metrics")
        given = self._limits
        self._limits = Limits(
            most_series=int(table.number("most_series", least=1) or given.most_series),
            most_failures=int(table.number("most_failures", least=1) or given.most_failures),
            recent=table.number("recent", least=1) or given.recent,
        )
        self._counting.limit(self._limits)
        shared = table.find("shared")
        if self._folder is None and shared is not None:
            from modelplug_metrics._sharing import shared_folder

            self._share(shared_folder(shared))
            # Before the core's, which is registered with the first call and flushes: the last one runs first.
            # Not by a weak reference: a host may drop its board before it ends.
            atexit.register(_write_last, self)
        if table.find("probe") is not None:
            self._probe(settings)
        self._settings = settings
        if self._alarm is not None:
            self._alarm.follow(settings)
        elif _has_alerts(settings):  # else they are our defaults, which are right, and read at the first call
            self._armed()
        return ()

    @hookimpl
    def call_started(self, request: Request) -> None:
        """One more call is under way."""
        self._own()
        self._counting.started(request)

    @hookimpl
    def call_finished(self, call: Call) -> None:
        """Count the call."""
        self._own()
        self._counting.finished(call)
        (self._alarm or self._armed()).called()
        if self._sharing is not None:
            self._sharing.called()
        if self._probing is not None:
            self._probing.called()

    def snapshot(self) -> Snapshot:
        """All figures of this process at this moment. Reading changes no figure and creates no entry."""
        self._own()
        snapshot = self._counting.snapshot()
        return snapshot if self._probing is None else evolve(snapshot, health=self._probing.reports(snapshot.health))

    def all_workers(self, *, hour: bool = False) -> Snapshot:
        """The sum of the figures of all worker processes that share a folder, `[metrics] shared`; else `snapshot()`.

        Those of this process are of this moment, those of the others a second or two old. Reads files: with `hour`
        those of the whole history too, which may take 20 ms for each worker; without, there is its last minute.
        """
        self._own()
        return self.snapshot() if self._sharing is None else self._sharing.all(hour=hour)

    @property
    def alerts(self) -> Alerts:
        """The rules in force, what fires, and what was resolved lately. Reading changes nothing."""
        self._own()
        return (self._alarm or self._armed()).alerts

    def judge(self) -> tuple[Alert, ...]:
        """Hold the rules against the figures of all workers now, as is done every few seconds while there are calls.

        Returns what fired or was resolved by it; the sinks are told of the same, by one of the workers.
        """
        self._own()
        return (self._alarm or self._armed()).judge()

    def add_sink(self, sink: Sink, *, name: str) -> None:
        """Have a function of the host's own told of alerts, beside the sinks of the settings."""
        self._sinks[name] = sink
        (self._alarm or self._armed()).follow(self._settings)

    def probe(self) -> None:
        """Ask idle providers now, as is done every so often where `[metrics] probe` says so. Waits for the network."""
        self._own()
        if self._probing is not None:
            self._probing.probe()

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until each sink was told of all alerts so far; False when it took one longer than this."""
        self._own()
        return (self._alarm or self._armed()).flush(seconds)

    def _share(self, folder: Path) -> None:
        from modelplug_metrics._sharing import Sharing

        self._folder = folder
        self._sharing = Sharing(folder, self.snapshot, self._clock)

    def _probe(self, settings: Settings) -> None:
        from modelplug_metrics._probing import Probing

        self._probing = Probing(settings, self.snapshot, self._clock)

    def _armed(self) -> Alarm:
        from modelplug_metrics._alarm import Alarm

        alarm = Alarm(self._settings, self._sinks, self.all_workers, self._leads)
        with self._lock:
            self._alarm = self._alarm or alarm
            return self._alarm

    def _leads(self) -> bool:
        return self._sharing is None or self._sharing.leads()

    def _own(self) -> None:
        if os.getpid() != self._process:
            self._begin()


def _write_last(metrics: Metrics) -> None:
    """The process ends: the others shall see its last calls."""
    if metrics._sharing is not None:
        with suppress(OSError):
            metrics._sharing.write()


def _has_alerts(settings: Settings) -> bool:
    """Whether anybody but us says anything of alerts."""
    layers, variable = (settings.argument, settings.file), settings.table("alerts").variable("")
    return any("alerts" in layer for layer in layers) or any(name.startswith(variable) for name in settings.environment)
