"""What is said of one metric: its name, its values, and what Grafana and Prometheus make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from attrs import frozen
from modelplug_metrics.figures import Distribution, Figures
from modelplug_metrics.snapshot import Snapshot

Labels = tuple[str, ...]
Sample = tuple[Labels, float | Distribution]


@frozen(kw_only=True)
class Scrape:
    """What one scrape reads: the snapshot, and the figures of each of its rows since the beginning."""

    snapshot: Snapshot
    rows: tuple[tuple[Labels, Figures], ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Scrape:
        """Reads a snapshot once."""
        rows = [((str(row.provider), str(row.model), str(row.strategy)), row.all_time) for row in snapshot.rows]
        return cls(snapshot=snapshot, rows=tuple(rows))


@frozen(kw_only=True)
class Query:
    """A question to Prometheus, in which NAME stands for the metric's series and WHERE for what a reader chose.

    `legend` names the lines of its answer.
    """

    text: str
    legend: str


@frozen(kw_only=True)
class Panel:
    """A picture in Grafana. `unit` is Grafana's word."""

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    stacked: bool = False
    shape: Literal["timeseries", "state-timeline"] = "timeseries"


@frozen(kw_only=True)
class Alarm:
    """A rule of Prometheus: what is wrong when `query` has an answer for as long as `lasting` says."""

    name: str
    query: str
    lasting: str
    summary: str
    description: str
    severity: Literal["warning", "critical"] = "warning"


@frozen(kw_only=True)
class Family:
    """One metric. `samples` gives, for everything that there is, the values of its labels and its value."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: Labels
    samples: Callable[[Scrape], Iterable[Sample]]
    panels: tuple[Panel, ...] = ()
    alarms: tuple[Alarm, ...] = ()

    @property
    def series(self) -> str:
        """The name that queries use."""
        return self.name + {"counter": "_total", "gauge": "", "histogram": "_bucket"}[self.type]
