"""Alerts: each rule fires once and resolves once, by the clock of the figures."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from modelplug import Settings
from modelplug_metrics import Metrics
from modelplug_metrics.alerts import Alert, Alerts, Rule
from modelplug_metrics.snapshot import Snapshot

from plugins.metrics.tests.calls import NOW, Clock, call_of, failure_of, feed


class Watched:
    """Metrics with these rules, and traffic."""

    def __init__(self, **rules: Mapping[str, Any]) -> None:
        self.clock = Clock()
        self.metrics = Metrics(clock=self.clock)
        self.metrics.provide_models(Settings(argument={"alerts": {"rules": rules, "every": 3600}}, environment={}))

    def traffic(self, times: int, *, failing: float = 0.0, **fields: Any) -> list[tuple[str, str]]:
        """A call a second, of which this part fails evenly. The rules and states of the alerts that came of it."""
        changed: list[Alert] = []
        for n in range(times):
            self.clock.now += 1.0
            error = "rate_limit" if int((n + 1) * failing) > int(n * failing) else None
            self.metrics.call_finished(call_of(self.clock.now, error=error, **fields))
            changed += self.metrics.judge()
        return [(alert.rule, alert.state) for alert in changed]

    def silence(self, times: int) -> list[tuple[str, str]]:
        """No call for so many seconds."""
        changed: list[Alert] = []
        for _ in range(times):
            self.clock.now += 1.0
            changed += self.metrics.judge()
        return [(alert.rule, alert.state) for alert in changed]


ERRORS = {"what": "error_rate", "threshold": 0.1, "until": 0.05, "window": "1m", "for": 30}


def test_it_fires_once_and_resolves_once() -> None:
    """However long it goes on, a broken rule is one alert, and its end is another."""
    watched = Watched(errors=ERRORS)
    assert watched.traffic(200) == []
    assert watched.traffic(300, failing=0.5) == [("errors", "firing")]
    (firing,) = watched.metrics.alerts.firing
    assert firing.value == pytest.approx(0.5, abs=0.02)
    assert (firing.provider, firing.model, firing.threshold, firing.unit) == ("fake", None, 0.1, "ratio")
    assert "calls failed, most often rate_limit, in the last 1 min" in firing.reason
    assert "fewer calls" in str(firing.next_step)
    assert watched.traffic(300) == [("errors", "resolved")]
    assert watched.metrics.alerts.firing == ()
    (over,) = watched.metrics.alerts.recent
    assert over.since == firing.since < (over.resolved_at or 0) <= watched.clock.now


def test_it_waits_as_long_as_the_rule_says() -> None:
    """What is over the threshold for less than `for` is nothing; `since` is when it began, not when it was told."""
    watched = Watched(slow={"what": "seconds", "threshold": 2.0, "window": "1m", "for": 30, "least_calls": 1})
    assert watched.traffic(29, seconds=3.0) == []
    began = NOW + 1.0
    assert watched.traffic(2, seconds=3.0) == [("slow", "firing")]
    assert watched.metrics.alerts.firing[0].since == began
    assert watched.clock.now == began + 30


def test_a_moment_resets_the_wait() -> None:
    """A value that comes back before its time is over starts from nothing."""
    watched = Watched(errors={**ERRORS, "least_calls": 1, "for": 60})
    for _ in range(5):
        assert watched.traffic(3, failing=1.0) == []
        assert watched.traffic(150) == []
    assert watched.metrics.alerts.calm


def test_between_the_two_thresholds_nothing_changes() -> None:
    """A rate that swings about the threshold, but not below `until`, is one alert."""
    watched = Watched(errors={**ERRORS, "threshold": 0.2, "until": 0.1, "for": 0})
    assert watched.traffic(100, failing=0.3) == [("errors", "firing")]
    for _ in range(5):
        assert watched.traffic(70, failing=0.15) == []
        assert watched.traffic(70, failing=0.3) == []
    assert watched.traffic(120) == [("errors", "resolved")]


def test_silence_resolves() -> None:
    """When nobody calls any more, nothing is known to be wrong; the alert says so."""
    watched = Watched(errors=ERRORS)
    watched.traffic(100, failing=1.0)
    assert watched.silence(200) == [("errors", "resolved")]
    (over,) = watched.metrics.alerts.recent
    assert (over.value, over.reason, over.next_step) == (None, "no calls in the last 1 min", None)


@pytest.mark.parametrize("rule", [ERRORS, {"what": "health"}])
def test_few_calls_fire_nothing(rule: Mapping[str, Any]) -> None:
    """One failure out of one is no error rate of 100 %, and makes nobody unwell enough for an alert."""
    watched = Watched(errors={**rule, "for": 0})
    assert watched.traffic(9, failing=1.0) == []
    assert watched.traffic(1, failing=1.0) == [("errors", "firing")]


@pytest.mark.parametrize(
    ("rule", "fields", "value", "unit", "words"),
    [
        ({"what": "seconds", "threshold": 1}, {"seconds": 2.0}, 2.0, "seconds", "p95 of a call 2.0 s"),
        (
            {"what": "first_chunk", "threshold": 0.5},
            {"first_chunk": 0.9},
            0.9,
            "seconds",
            "p95 to first chunk 0.9 s",
        ),
        (
            {"what": "cost_per_hour", "threshold": 3},
            {"cost": Decimal("0.01")},
            7.2,
            "usd_per_hour",
            "$7.20 an hour",
        ),
    ],
)
def test_every_measure_can_be_a_rule(
    rule: Mapping[str, Any], fields: Mapping[str, Any], value: float, unit: str, words: str
) -> None:
    """The 95th percentile of seconds and of the first chunk, and what an hour costs at the pace of the window."""
    watched = Watched(it={"window": "5m", "for": 0, **rule})
    assert watched.traffic(60, **fields)[-1:] == [("it", "firing")]
    (firing,) = watched.metrics.alerts.firing
    assert firing.value == pytest.approx(value, rel=0.02)
    assert firing.unit == unit
    assert firing.reason == f"{words} in the last 5 min"


def test_one_dear_call_is_no_dear_hour() -> None:
    """The pace is never worked out over less than the window, however short the process has lived."""
    watched = Watched(dear={"what": "cost_per_hour", "threshold": 10, "window": "60m", "for": 0})
    assert watched.traffic(1, cost=Decimal(5)) == []
    assert watched.traffic(2, cost=Decimal(5)) == [("dear", "firing")]


@pytest.mark.parametrize(
    ("per", "found"),
    [
        ("provider", {("acme", None), ("fake", None)}),
        ("model", {("acme", "acme/a"), ("fake", "fake/one"), ("fake", "fake/two")}),
        ("all", {(None, None)}),
    ],
)
def test_a_rule_looks_at_providers_models_or_all(per: str, found: set[tuple[str | None, str | None]]) -> None:
    """Each of them is an alert of its own."""
    watched = Watched(slow={"what": "seconds", "threshold": 1, "per": per, "for": 0})
    for provider, model in (("fake", "fake/one"), ("fake", "fake/two"), ("acme", "acme/a")):
        watched.traffic(20, provider=provider, model_id=model, seconds=3.0)
    assert {(alert.provider, alert.model) for alert in watched.metrics.alerts.firing} == found


def test_a_rule_may_look_at_one_model() -> None:
    """`provider` and `model` leave out the others."""
    watched = Watched(slow={"what": "seconds", "threshold": 1, "model": "fake/two", "for": 0})
    assert watched.traffic(20, seconds=3.0) == []
    assert watched.traffic(20, seconds=3.0, model_id="fake/two") == [("slow", "firing")]


@pytest.mark.parametrize("per", ["provider", "model", "all"])
def test_unknown_names_break_no_rule(per: str) -> None:
    """Whoever asks for names that are no models raises no alarm."""
    watched = Watched(errors={**ERRORS, "per": per, "for": 0})
    assert watched.traffic(50, failing=1.0, provider="other", model_id="other") == []


def test_health_is_a_rule() -> None:
    """A status that is as bad as the threshold or worse fires; its reason and next step are those of health."""
    watched = Watched(unwell={"what": "health", "threshold": "degraded", "for": 10})
    assert watched.traffic(100) == []
    assert watched.traffic(100, failing=0.5) == [("unwell", "firing")]
    (firing,) = watched.metrics.alerts.firing
    assert (firing.value, firing.threshold, firing.unit) == ("unhealthy", "degraded", "status")
    assert firing.reason == "33 of the last 66 calls: Unavailable"
    assert watched.traffic(200) == [("unwell", "resolved")]
    assert watched.metrics.alerts.recent[0].value == "healthy"


def test_a_rule_that_is_taken_away_resolves() -> None:
    """After a refresh with other settings nothing fires whose rule is gone."""
    watched = Watched(errors={**ERRORS, "for": 0})
    watched.traffic(50, failing=1.0)
    watched.metrics.provide_models(Settings(argument={"alerts": {"rules": {}}}, environment={}))
    assert [alert.state for alert in watched.metrics.judge()] == ["resolved"]
    assert watched.metrics.alerts.recent[0].reason == "there is no such rule any more"


def test_what_nobody_knows_any_more_resolves() -> None:
    """Where the worker whose calls made a provider unhealthy has ended, the alert says so; its rule is still there."""
    metrics = Metrics(clock=Clock())
    feed(metrics.call_finished, *(call_of(error="upstream") for _ in range(20)))
    alerts = Alerts([Rule(name="unwell", what="health", threshold="unhealthy", until="unhealthy", lasting=0.0)])
    assert [alert.state for alert in alerts.judge(metrics.snapshot())] == ["firing"]
    (alert,) = alerts.judge(metrics.snapshot().past())
    assert (alert.state, alert.reason) == ("resolved", "nothing is known of it any more")


def test_what_fires_goes_on_after_a_refresh() -> None:
    """The same settings again neither fire nor resolve anything."""
    watched = Watched(errors={**ERRORS, "for": 0})
    watched.traffic(50, failing=1.0)
    watched.metrics.provide_models(Settings(argument={"alerts": {"rules": {"errors": ERRORS}}}, environment={}))
    assert watched.traffic(50, failing=1.0) == []
    assert len(watched.metrics.alerts.firing) == 1


def test_workers_can_be_judged_together() -> None:
    """Rules hold for merged snapshots too: each worker's part is below what the sum is over."""
    rule = Rule(name="dear", what="cost_per_hour", threshold=5.0, until=4.0, lasting=0.0, least_calls=0)
    parts = []
    for _ in range(4):
        metrics = Metrics(clock=Clock())
        feed(metrics.call_finished, *(call_of(cost=Decimal("0.02")) for _ in range(10)))
        parts.append(metrics.snapshot())
    assert Alerts([rule]).judge(parts[0]) == ()
    (alert,) = Alerts([rule]).judge(parts[0].merge(*parts[1:]))
    assert alert.value == pytest.approx(9.6)


def test_alerts_are_json() -> None:
    """Rules, what fires and what was resolved, as strict JSON with times in UTC."""
    watched = Watched(errors={**ERRORS, "for": 0}, unwell={"what": "health", "for": "10s"})
    watched.traffic(50, failing=1.0)
    watched.traffic(150)
    written = json.loads(json.dumps(watched.metrics.alerts.as_json(), allow_nan=False))
    assert set(written) == {"rules", "firing", "recent"}
    assert written["rules"][0] == {
        "name": "errors",
        "what": "error_rate",
        "threshold": 0.1,
        "until": 0.05,
        "unit": "ratio",
        "per": "provider",
        "provider": None,
        "model": None,
        "least_calls": 10,
        "window": "1m",
        "for": 0.0,
    }
    assert {alert["rule"]: alert["state"] for alert in written["recent"]} == {
        "errors": "resolved",
        "unwell": "resolved",
    }
    assert written["recent"][0]["resolved_at"].endswith("+00:00")


def test_reading_alerts_changes_nothing() -> None:
    """Only judging moves an alert on."""
    watched = Watched(errors={**ERRORS, "for": 0})
    for _ in range(50):
        watched.metrics.call_finished(call_of(watched.clock.now, error="cut"))
        assert watched.metrics.alerts.as_json()["firing"] == []
    assert len(watched.metrics.judge()) == 1


def test_a_clock_that_is_set_back_does_not_hold_an_alert_up() -> None:
    """The wait begins anew where time jumps back, and goes on from there."""
    watched = Watched(errors={**ERRORS, "least_calls": 1, "for": 30})
    watched.traffic(20, failing=1.0)
    watched.clock.now -= 86_400
    assert watched.traffic(40, failing=1.0) == [("errors", "firing")]


VALUES = st.lists(st.tuples(st.floats(0.5, 120), st.none() | st.floats(0, 4)), max_size=60)


@given(VALUES, st.floats(0, 200), st.floats(0, 1))
def test_firing_and_resolved_take_turns(steps: list[tuple[float, float | None]], lasting: float, back: float) -> None:
    """Whatever a value does, every alert is resolved before it fires again, and neither comes before its time."""
    rule = Rule(name="slow", what="seconds", threshold=2.0, until=2.0 * back, lasting=lasting, least_calls=0, window=1)
    alerts, now, states = Alerts([rule]), NOW, list[str]()
    for pause, seconds in steps:
        now += pause
        for alert in alerts.judge(figures(now, seconds)):
            states.append(alert.state)
            if alert.state == "firing":
                assert now - alert.since >= lasting
    assert states == ["firing", "resolved"] * (len(states) // 2) + ["firing"] * (len(states) % 2)
    assert len(alerts.firing) == len(states) % 2


def figures(now: float, seconds: float | None) -> Snapshot:
    """Figures at this moment, of one call that took so long or of none."""
    metrics = Metrics(clock=Clock(now))
    feed(metrics.call_finished, call_of(now - (600 if seconds is None else 0), seconds=seconds or 0.001))
    return metrics.snapshot()


def test_the_rules_are_looked_at_without_anybody_asking() -> None:
    """A thread that begins with the first call looks every so often; what is told comes through the sinks."""
    metrics, told = Metrics(), list[Alert]()
    rules = {"unwell": {"what": "health", "for": 0}}
    metrics.provide_models(Settings(argument={"alerts": {"rules": rules, "every": 0.05, "sinks": []}}, environment={}))
    metrics.add_sink(told.extend, name="host")
    failure = failure_of("upstream")
    feed(metrics.call_finished, *(evolve(call_of(time.time(), error="upstream"), error=failure) for _ in range(20)))
    deadline = time.monotonic() + 10
    while not told and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [(alert.rule, alert.state) for alert in told] == [("unwell", "firing")]
