"""The exposition: figures as families of prometheus_client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from modelplug_metrics.figures import Distribution
from modelplug_metrics.snapshot import Snapshot
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector as AnyCollector

from modelplug_prometheus.families import FAMILIES
from modelplug_prometheus.family import Family, Sample, Scrape

BOUNDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Seconds; those of OpenTelemetry's conventions for generative AI."""


class Collector(AnyCollector):
    """The figures, read anew at each scrape: `registry.register(Collector(board.plugin("metrics").snapshot))`.

    `read` gives a snapshot: of one listener, or the sum of several workers'.
    """

    def __init__(self, read: Callable[[], Snapshot]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """All families with their samples."""
        scrape = Scrape.of(self._read())
        for family in FAMILIES:
            yield _metric(family, family.samples(scrape))

    def describe(self) -> Iterator[Metric]:
        """All families without samples: a registry asks for them once."""
        for family in FAMILIES:
            yield _metric(family, ())


def exposition(snapshot: Snapshot, *, accept: str = "") -> tuple[bytes, str]:
    """The body and the content type of an answer to a scrape with this Accept header: text, or OpenMetrics."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(lambda: snapshot))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _metric(family: Family, samples: Iterable[Sample]) -> Metric:
    if family.type == "histogram":
        histogram = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        for labels, value in samples:
            if isinstance(value, Distribution):
                histogram.add_metric(labels, _buckets(value), value.sum)
        return histogram
    plain = CounterMetricFamily if family.type == "counter" else GaugeMetricFamily
    metric = plain(family.name, family.help, labels=family.labels)
    for labels, value in samples:
        if not isinstance(value, Distribution):
            metric.add_metric(labels, value)
    return metric


def _buckets(seconds: Distribution) -> list[tuple[str, float]]:
    """The cumulative counts at the bounds."""
    counts = zip(BOUNDS, seconds.at_most(*BOUNDS), strict=True)
    return [*((str(bound), float(count)) for bound, count in counts), ("+Inf", float(seconds.count))]
