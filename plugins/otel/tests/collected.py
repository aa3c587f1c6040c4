"""A board whose calls are collected by OpenTelemetry's SDK, and what was collected, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen
from modelplug import Settings, Strategy, Switchboard
from modelplug.testing import FakePlugin, FakeStrategy
from modelplug_otel import Otel
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

QUESTION = [{"role": "user", "content": "What is the answer?"}]


@frozen(kw_only=True)
class Collected:
    """The board, and what the SDK holds."""

    board: Switchboard
    tracer: Tracer
    exporter: InMemorySpanExporter = field(factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(factory=InMemoryMetricReader)

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        """The finished spans by their names."""
        self.board.flush()
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def points(self, metric: str) -> list[HistogramDataPoint]:
        """The data points of a metric."""
        self.board.flush()
        data: Any = self.reader.get_metrics_data()
        found = [
            each
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for each in scope.metrics
            if each.name == metric
        ]
        return [point for each in found for point in each.data.data_points]


def collected(
    strategy: Strategy | None = None, *, settings: Mapping[str, Any] | None = None, plugin: FakePlugin | None = None
) -> Collected:
    """A board with one fake provider and the plugin, each with an SDK of its own."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    board = Switchboard(settings=Settings(argument=settings or {}, environment={}))
    board.add(plugin or FakePlugin(strategy=strategy or FakeStrategy()))
    board.add(Otel(tracer_provider=tracers, meter_provider=meters))
    return Collected(board=board, tracer=tracers.get_tracer("host"), exporter=exporter, reader=reader)
