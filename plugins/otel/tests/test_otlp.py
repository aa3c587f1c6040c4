"""What a collector receives: protobuf over HTTP, from the SDK's own exporters."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from modelplug import Settings, Switchboard
from modelplug.testing import FakePlugin
from modelplug_otel import Otel
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from plugins.otel.tests.collected import QUESTION

Received = dict[str, list[bytes]]


@pytest.fixture
def collector() -> Iterator[tuple[str, Received]]:
    """The address of a collector on loopback, and the bodies that were posted to each of its paths."""
    received: Received = {}

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.setdefault(self.path, []).append(body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()


async def test_a_collector_receives_spans_and_metrics(collector: tuple[str, Received]) -> None:
    """A call and a stream arrive over OTLP as two spans of one trace and four metrics, under our scope."""
    address, received = collector
    tracers, meters = (
        TracerProvider(),
        MeterProvider(
            [PeriodicExportingMetricReader(OTLPMetricExporter(f"{address}/v1/metrics"), export_interval_millis=60_000)]
        ),
    )
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{address}/v1/traces")))
    async with Switchboard(settings=Settings(environment={})) as board:
        board.add(FakePlugin())
        board.add(Otel(tracer_provider=tracers, meter_provider=meters))
        with tracers.get_tracer("host").start_as_current_span("host"):
            await board.complete("one", QUESTION)
            async with board.stream("one", QUESTION) as chunks:
                async for _ in chunks:
                    pass
    tracers.shutdown()
    meters.shutdown()

    traces = ExportTraceServiceRequest.FromString(b"".join(received["/v1/traces"]))
    scopes = {each.scope.name: each.spans for resource in traces.resource_spans for each in resource.scope_spans}
    (host,), ours = scopes["host"], scopes["modelplug_otel"]
    assert [(span.name, span.kind, span.parent_span_id) for span in ours] == [("chat one", 3, host.span_id)] * 2
    assert all(host.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano for span in ours)
    said = {item.key: item.value for item in ours[0].attributes}
    assert said["gen_ai.usage.output_tokens"].int_value == 2
    assert said["gen_ai.response.finish_reasons"].array_value.values[0].string_value == "stop"

    metrics = ExportMetricsServiceRequest.FromString(b"".join(received["/v1/metrics"]))
    found = {m.name: m for r in metrics.resource_metrics for s in r.scope_metrics for m in s.metrics}
    counts = {name: sum(point.count for point in each.histogram.data_points) for name, each in found.items()}
    assert counts == {
        "gen_ai.client.operation.duration": 2,
        "gen_ai.client.operation.time_per_output_chunk": 3,
        "gen_ai.client.operation.time_to_first_chunk": 1,
        "gen_ai.client.token.usage": 4,
    }
    assert {each.unit for each in found.values()} == {"s", "{token}"}
    assert not any(b"What is the answer" in body for bodies in received.values() for body in bodies)
