"""All figures at one moment: to read, to send to another process, and to add to those of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from attrs import evolve, field, frozen

from modelplug_metrics._history import POINTS, STEP, Points, history_json, history_of, together
from modelplug_metrics._tally import Tally, merged
from modelplug_metrics._windows import ALL_TIME
from modelplug_metrics.failures import FailedCall
from modelplug_metrics.figures import Figures
from modelplug_metrics.health import Health

STRETCHES = ("all_time", "last_minute", "last_5_minutes", "last_hour")
Tallies = Mapping[int, Mapping[str, int]]
"""By the length of the window in minutes; ALL_TIME for everything since the beginning."""


@frozen(kw_only=True)
class Row:
    """Figures of a provider, a model, a strategy, or of several: then the name is None.

    `in_flight` are calls under way; None for a strategy, which is not known before the call is over.
    """

    provider: str | None = None
    model: str | None = None
    strategy: str | None = None
    in_flight: int | None = None
    tallies: Tallies = field(repr=False)
    spans: Mapping[int, float] = field(repr=False)

    @property
    def all_time(self) -> Figures:
        """Everything since the beginning."""
        return self._over(ALL_TIME)

    @property
    def last_minute(self) -> Figures:
        """The last minute."""
        return self._over(1)

    @property
    def last_5_minutes(self) -> Figures:
        """The last five minutes."""
        return self._over(5)

    @property
    def last_hour(self) -> Figures:
        """The last hour."""
        return self._over(60)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, with all four stretches of time."""
        return {
            **{name: getattr(self, name) for name in ("provider", "model", "strategy", "in_flight")},
            **{stretch: getattr(self, stretch).as_json() for stretch in STRETCHES},
        }

    def _over(self, minutes: int) -> Figures:
        return Figures.of(self.tallies.get(minutes, {}), span=self.spans.get(minutes, 0.0))


@frozen(kw_only=True)
class Snapshot:
    """All figures at the moment `taken`, counted since `since` (both Unix time).

    `rows` is the finest: one for each provider, model and strategy that were used together. The other rows are their
    sums. `in_flight` are calls under way by provider and model. `health` has each provider (whose `model` is None) and
    each of its models; `failures` are the latest, newest first. `history` is what `over_time` reads.
    """

    taken: float
    since: float
    spans: Mapping[int, float] = field(repr=False)
    rows: tuple[Row, ...] = ()
    in_flight: Mapping[tuple[str, str], int] = field(factory=dict)
    health: tuple[Health, ...] = ()
    failures: tuple[FailedCall, ...] = ()
    history: Points = field(factory=dict, repr=False)

    def over_time(self, seconds: float = 3600.0) -> tuple[float, list[tuple[float, Figures]]]:
        """Figures of all calls over time: seconds of a step, and the beginning (Unix time) of each with its figures.

        The oldest first, an hour at most, steps without a call too. The last step is still being counted.
        """
        newest = int(self.taken // STEP)
        first = max(newest - min(POINTS, round(seconds / STEP)) + 1, int(self.since // STEP))
        points = []
        for place in range(first, newest + 1):
            began, ended = max(self.since, place * STEP), min(self.taken, (place + 1) * STEP)
            points.append((float(place * STEP), Figures.of(self.history.get(place, {}), span=max(0.0, ended - began))))
        return float(STEP), points

    @property
    def total(self) -> Row:
        """All calls."""
        return self._sum(self.rows, in_flight=sum(self.in_flight.values()))

    @property
    def providers(self) -> tuple[Row, ...]:
        """One row for each provider, sorted."""
        flying: Tally = merged({provider: n} for (provider, _), n in self.in_flight.items())
        names = sorted({*(row.provider for row in self.rows if row.provider is not None), *flying})
        return tuple(
            self._sum([row for row in self.rows if row.provider == name], provider=name, in_flight=flying.get(name, 0))
            for name in names
        )

    @property
    def models(self) -> tuple[Row, ...]:
        """One row for each model, sorted by provider and id."""
        groups: dict[tuple[str, str], list[Row]] = {key: [] for key in self.in_flight}
        for row in self.rows:
            groups.setdefault((str(row.provider), str(row.model)), []).append(row)
        return tuple(
            self._sum(groups[key], provider=key[0], model=key[1], in_flight=self.in_flight.get(key, 0))
            for key in sorted(groups)
        )

    @property
    def strategies(self) -> tuple[Row, ...]:
        """One row for each strategy, sorted."""
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            groups.setdefault(str(row.strategy), []).append(row)
        return tuple(self._sum(groups[name], strategy=name) for name in sorted(groups))

    def merge(self, *others: Snapshot) -> Snapshot:
        """The sum of this and others: of several boards, or of several worker processes.

        Counts add up exactly, in any order. Windows are those that each had when its snapshot was taken; the health of
        a provider or model is the worst that any of them reports.
        """
        parts = (self, *others)
        groups: dict[tuple[str, str, str], list[Row]] = {}
        for row in (row for part in parts for row in part.rows):
            groups.setdefault((str(row.provider), str(row.model), str(row.strategy)), []).append(row)
        flying: dict[tuple[str, str], int] = {}
        for key, n in (item for part in parts for item in part.in_flight.items()):
            flying[key] = flying.get(key, 0) + n
        spans = {minutes: max(part.spans.get(minutes, 0.0) for part in parts) for minutes in self.spans}
        return Snapshot(
            taken=max(part.taken for part in parts),
            since=min(part.since for part in parts),
            spans=spans,
            rows=tuple(
                Row(provider=key[0], model=key[1], strategy=key[2], tallies=_added(groups[key]), spans=spans)
                for key in sorted(groups)
            ),
            in_flight=dict(sorted(flying.items())),
            health=_worst(health for part in parts for health in part.health),
            failures=tuple(
                sorted((one for part in parts for one in part.failures), key=lambda one: (one.at, one.id), reverse=True)
            ),
            history=together(part.history for part in parts),
        )

    def past(self) -> Snapshot:
        """What stays of it when its process has ended: counts since the beginning, the history, and the failures."""
        rows = tuple(evolve(row, tallies={ALL_TIME: row.tallies.get(ALL_TIME, {})}) for row in self.rows)
        return evolve(self, rows=rows, in_flight={}, health=())

    def as_json(self) -> dict[str, Any]:
        """Plain JSON that `from_json` reads: for another process. Its shape is that of this release."""
        return {
            "taken": self.taken,
            "since": self.since,
            "spans": {str(minutes): span for minutes, span in self.spans.items()},
            "rows": [
                [row.provider, row.model, row.strategy, {str(m): dict(tally) for m, tally in row.tallies.items()}]
                for row in self.rows
            ],
            "in_flight": [[*key, n] for key, n in self.in_flight.items()],
            "health": [health.as_json() for health in self.health],
            "failures": [failure.as_json() for failure in self.failures],
            "history": history_json(self.history),
        }

    @classmethod
    def from_json(cls, sent: Mapping[str, Any]) -> Self:
        """The snapshot that `as_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        spans = {int(minutes): float(span) for minutes, span in sent["spans"].items()}
        return cls(
            taken=float(sent["taken"]),
            since=float(sent["since"]),
            spans=spans,
            rows=tuple(
                Row(provider=p, model=m, strategy=s, spans=spans, tallies={int(k): dict(v) for k, v in tallies.items()})
                for p, m, s, tallies in sent["rows"]
            ),
            in_flight={(provider, model): int(n) for provider, model, n in sent["in_flight"]},
            health=tuple(Health.from_json(health) for health in sent["health"]),
            failures=tuple(FailedCall.from_json(failure) for failure in sent["failures"]),
            history=history_of(sent["history"]),
        )

    def _sum(self, rows: Iterable[Row], **names: Any) -> Row:
        return Row(tallies=_added(list(rows)), spans=self.spans, **names)


def _added(rows: list[Row]) -> Tallies:
    if len(rows) == 1:
        return rows[0].tallies
    minutes = sorted({minutes for row in rows for minutes in row.tallies})
    return {m: merged(row.tallies.get(m, {}) for row in rows) for m in minutes}


def _worst(reports: Iterable[Health]) -> tuple[Health, ...]:
    worst: dict[tuple[str, str], Health] = {}
    for report in reports:
        key = (report.provider, report.model or "")
        worst[key] = report.worse(worst[key]) if key in worst else report
    return tuple(worst[key] for key in sorted(worst))
