"""The latest failures, and calls under way."""

from __future__ import annotations

import json

import pytest
from modelplug import Model, Request
from modelplug_metrics import Metrics
from modelplug_metrics.failures import next_step

from plugins.metrics.tests.calls import NOW, Clock, call_of, feed

KINDS = [
    "auth",
    "quota",
    "not_found",
    "masked",
    "rate_limit",
    "saturated",
    "upstream",
    "upstream_200",
    "timeout",
    "stall",
    "connect",
    "dns",
    "tls",
    "reset",
    "redirect",
    "decode",
    "protocol",
    "stream_error",
    "empty",
    "cut",
    "too_large",
    "client",
    "context",
    "content",
    "parameter",
    "config",
    "shutdown",
    "plugin_error",
]


def request_of(id: str, deadline: float | None = None) -> Request:
    """A call that begins."""
    return Request(
        id=id, requested="one", model=Model(id="fake/one", provider="fake"), wire_name="one", deadline=deadline
    )


def test_a_failure_says_what_a_host_shows() -> None:
    """Model, provider, strategy, kind, message, when, how long, how often tried, streamed or not, and what to do."""
    metrics = Metrics(clock=Clock())
    feed(metrics.call_finished, call_of(seconds=1.5, error="auth", stream=True, request_id="req-7"))
    (failure,) = metrics.snapshot().failures
    assert (failure.provider, failure.model, failure.strategy) == ("fake", "fake/one", "http")
    assert (failure.kind, failure.type, failure.message) == ("auth", "Unavailable", "it failed")
    assert (failure.at, failure.milliseconds, failure.attempts) == (NOW, 1500, 1)
    assert (failure.stream, failure.request_id) == (True, "req-7")
    assert "key" in failure.next_step
    assert json.loads(json.dumps(failure.as_json(), allow_nan=False))["at"] == NOW


def test_only_failures_are_failures() -> None:
    """A call that the host cancelled or left is in no list of failures."""
    metrics = Metrics(clock=Clock())
    feed(metrics.call_finished, call_of(), call_of(outcome="cancelled"), call_of(outcome="abandoned"))
    assert metrics.snapshot().failures == ()


def test_the_ring_is_bounded_and_newest_first() -> None:
    """The latest failures are kept, and no more than were asked for."""
    metrics = Metrics(clock=Clock(), most_failures=3)
    feed(metrics.call_finished, *(call_of(NOW - 9 + n, error="cut") for n in range(9)))
    assert [failure.at for failure in metrics.snapshot().failures] == [NOW - 1, NOW - 2, NOW - 3]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_next_step(kind: str) -> None:
    """No kind of failure leaves its reader without advice of its own."""
    assert next_step(kind) != next_step("something new")


def test_an_unknown_name_is_not_the_providers_fault() -> None:
    """A name that is no model and a model that the provider lacks call for different steps."""
    metrics = Metrics(clock=Clock())
    feed(metrics.call_finished, call_of(error="not_found", provider="other"), call_of(error="not_found"))
    theirs, ours = metrics.snapshot().failures
    assert "models list" in ours.next_step
    assert "provider's own list" in theirs.next_step


def test_calls_under_way_are_a_gauge() -> None:
    """It rises with each beginning and falls with its end, by provider and model."""
    metrics = Metrics(clock=Clock())
    for name in ("a", "b"):
        metrics.call_started(request_of(name))
    snapshot = metrics.snapshot()
    assert snapshot.in_flight == {("fake", "fake/one"): 2}
    assert (snapshot.total.in_flight, snapshot.providers[0].in_flight, snapshot.models[0].in_flight) == (2, 2, 2)
    feed(metrics.call_finished, call_of(id="a"))
    assert metrics.snapshot().total.in_flight == 1


def test_an_end_without_a_beginning_takes_nothing_away() -> None:
    """A listener that was added later sees ends of calls whose beginning it missed."""
    metrics = Metrics(clock=Clock())
    metrics.call_started(request_of("mine"))
    feed(metrics.call_finished, call_of(id="missed"), call_of(id="missed too"))
    assert metrics.snapshot().total.in_flight == 1


def test_a_beginning_without_an_end_is_forgotten_after_its_deadline() -> None:
    """Where the news of an end was lost, the gauge comes back down by itself."""
    monotonic = Clock(0.0)
    metrics = Metrics(clock=Clock(), monotonic=monotonic)
    metrics.call_started(request_of("lost", deadline=10.0))
    monotonic.now = 9.0
    assert metrics.snapshot().total.in_flight == 1
    monotonic.now = 100.0
    assert metrics.snapshot().total.in_flight == 0
