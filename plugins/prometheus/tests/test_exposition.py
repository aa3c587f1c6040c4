"""The exposition, read by Prometheus' own parsers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from modelplug import Call, Settings, Switchboard, UnknownModel
from modelplug.testing import FakePlugin
from modelplug_metrics import Metrics
from modelplug_metrics.snapshot import Snapshot
from modelplug_prometheus import Collector, exposition
from modelplug_prometheus.collector import BOUNDS
from modelplug_prometheus.families import FAMILIES
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from plugins.metrics.tests.calls import CALLS, Clock, call_of, feed
from plugins.metrics.tests.test_failures import request_of

Samples = Mapping[str, list[tuple[Mapping[str, str], float]]]


def snapshot_of(*calls: Call) -> Snapshot:
    """Figures of these calls."""
    metrics = Metrics(clock=Clock())
    feed(metrics.call_finished, *calls)
    return metrics.snapshot()


def scraped(snapshot: Snapshot) -> Samples:
    """What Prometheus reads of these figures."""
    body, content_type = exposition(snapshot)
    assert content_type.startswith("text/plain; version=")
    return read(body.decode())


def read(*texts: str) -> Samples:
    """The samples in these answers, by their names."""
    found: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for text in texts:
        for family in read_text(text):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum of all samples with this name and these labels."""
    return sum(value for own, value in samples.get(name, []) if labels.items() <= own.items())


@given(CALLS)
def test_what_prometheus_reads_is_what_was_called(calls: list[Call]) -> None:
    """Calls, failures, tries, tokens and dollars are those of the records."""
    samples = scraped(snapshot_of(*calls))
    for outcome in ("ok", "failed", "cancelled", "abandoned"):
        wanted = sum(call.outcome == outcome for call in calls)
        assert total(samples, "modelplug_calls_total", outcome=outcome) == wanted
    for kind, count in Counter(call.error.kind for call in calls if call.error).items():
        assert total(samples, "modelplug_errors_total", kind=kind) == count
    assert total(samples, "modelplug_attempts_total") == sum(len(call.attempts) for call in calls)
    for of, field in (("input", "prompt_tokens"), ("output", "completion_tokens"), ("cached", "cached_tokens")):
        wanted = sum(getattr(call.usage, field) or 0 for call in calls)
        assert total(samples, "modelplug_tokens_total", type=of) == wanted
    cost = float(sum((call.cost for call in calls if call.cost is not None), Decimal(0)))
    assert total(samples, "modelplug_cost_usd_total") == pytest.approx(cost, abs=0.001)
    assert total(samples, "modelplug_cost_unknown_calls_total") == sum(call.cost is None for call in calls)


@given(CALLS)
def test_histograms_hold_every_value_once(calls: list[Call]) -> None:
    """Their counts and sums are exact; a bucket is within two percent of its bound."""
    samples, name = scraped(snapshot_of(*calls)), "modelplug_gen_ai_client_operation_duration_seconds"
    seconds = [call.seconds for call in calls if call.outcome == "ok"]
    assert total(samples, f"{name}_count") == total(samples, f"{name}_bucket", le="+Inf") == len(seconds)
    assert total(samples, f"{name}_sum") == pytest.approx(sum(seconds), rel=1e-6, abs=1e-6)
    for bound in BOUNDS:
        counted = total(samples, f"{name}_bucket", le=str(bound))
        assert sum(each <= bound for each in seconds) <= counted <= sum(each <= bound * 1.0203 for each in seconds)


def test_every_metric_of_the_table_is_exposed() -> None:
    """Under its name, with its labels and its help, in text and in OpenMetrics."""
    snapshot = snapshot_of(call_of(first_chunk=0.1, cost=Decimal(1)), call_of(error="cut"))
    metrics = Metrics(clock=Clock())
    metrics.call_started(request_of("one"))
    snapshot = snapshot.merge(metrics.snapshot())
    text, _ = exposition(snapshot)
    openmetrics, content_type = exposition(snapshot, accept="application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    strict = read_openmetrics(openmetrics.decode())  # type: ignore[no-untyped-call]  # theirs has no annotations
    for families in (read_text(text.decode()), strict):
        found = {family.name: family for family in families}
        assert set(found) == {family.name for family in FAMILIES}
        for family in FAMILIES:
            read = found[family.name]
            assert (read.type, read.documentation) == (family.type, family.help)
            labels = {name for sample in read.samples for name in sample.labels} - {"le"}
            assert labels == set(family.labels)


def test_health_is_a_number() -> None:
    """0 no data, 1 healthy, 2 degraded, 3 unhealthy: of providers and of models."""
    calls = [call_of(model_id="fake/two"), *(call_of(error="auth") for _ in range(10))]
    samples = scraped(snapshot_of(*calls))
    assert samples["modelplug_provider_health"] == [({"provider": "fake"}, 3.0)]
    assert samples["modelplug_model_health"] == [
        ({"provider": "fake", "model": "fake/one"}, 3.0),
        ({"provider": "fake", "model": "fake/two"}, 1.0),
    ]


async def test_labels_come_from_the_catalog() -> None:
    """Names that are no models, whatever is in them, are one series: `other`."""
    board = Switchboard(settings=Settings(environment={}))
    board.add(Metrics, name="metrics")
    board.add(FakePlugin())
    await board.complete("one", [])
    for n in range(200):
        with pytest.raises(UnknownModel):
            await board.complete(f'evil"}} 1\n{n}', [])
    await board.aclose()
    body, _ = exposition(board.plugin("metrics").snapshot())
    assert b"evil" not in body
    calls = scraped(board.plugin("metrics").snapshot())["modelplug_calls_total"]
    assert {labels["model"] for labels, _ in calls} == {"fake/one", "other"}


def test_labels_are_escaped() -> None:
    """A model's id may hold anything, and reads back as it was."""
    name = 'a"b\\c\nd{e="f"} ü'
    samples = scraped(snapshot_of(call_of(model_id=name)))
    assert samples["modelplug_model_health"][0][0]["model"] == name


def test_a_host_registers_the_collector() -> None:
    """In a registry of its own, once for each listener; registering reads no figures."""
    metrics, registry, reads = Metrics(clock=Clock()), CollectorRegistry(auto_describe=True), list[int]()

    def read() -> Snapshot:
        reads.append(1)
        return metrics.snapshot()

    registry.register(Collector(read))
    assert reads == []
    feed(metrics.call_finished, call_of(), call_of())
    labels = {"provider": "fake", "model": "fake/one", "strategy": "http", "outcome": "ok"}
    assert registry.get_sample_value("modelplug_calls_total", labels) == 2
    assert b"modelplug_calls_total{" in generate_latest(registry)
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(Collector(read))


def test_nothing_called_is_nothing_exposed() -> None:
    """Without calls there is only the time since which is counted."""
    assert set(scraped(snapshot_of())) == {"modelplug_start_time_seconds"}
