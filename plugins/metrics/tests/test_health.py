"""Health: how a provider and its models are, in one of four words and a reason."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from modelplug_metrics import Metrics
from modelplug_metrics.health import Health

from plugins.metrics.tests.calls import Clock, call_of, failure_of


class Traffic:
    """Metrics, and calls that reach them one after the other."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.metrics = Metrics(clock=self.clock)

    def answer(self, times: int, *, every: float = 1.0, **fields: Any) -> None:
        """So many calls are answered, or end as the fields say."""
        for _ in range(times):
            self.clock.now += every
            self.metrics.call_finished(call_of(self.clock.now, **fields))

    def fail(self, times: int, kind: str = "rate_limit", type: str = "RateLimited", **fields: Any) -> None:
        """So many calls fail."""
        failure = failure_of(kind, type=type, code=fields.pop("code", None))
        for _ in range(times):
            self.clock.now += 1.0
            self.metrics.call_finished(evolve(call_of(self.clock.now, error=kind, **fields), error=failure))

    def health(self, model: str | None = None) -> Health:
        """What is said of the provider, or of a model."""
        (found,) = [health for health in self.metrics.snapshot().health if health.model == model]
        return found

    @property
    def statuses(self) -> tuple[str, str]:
        """Of the provider and its first model."""
        return self.health().status, self.health("fake/one").status


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


def test_nothing_is_known_before_a_call(traffic: Traffic) -> None:
    """There is no report on what was never called, and reading makes none."""
    assert traffic.metrics.snapshot().health == traffic.metrics.snapshot().health == ()


@pytest.mark.parametrize(
    ("failed", "status"), [(0, "healthy"), (4, "healthy"), (5, "degraded"), (19, "degraded"), (20, "unhealthy")]
)
def test_the_thresholds_are_those_of_the_hosts(traffic: Traffic, failed: int, status: str) -> None:
    """Healthy above 0.95 of calls, degraded above 0.8, else unhealthy."""
    traffic.answer(100 - failed, every=0.1)
    traffic.clock.now -= failed
    traffic.fail(failed)
    assert traffic.statuses == (status, status)
    assert traffic.health().verdict.success_rate == 1 - failed / 100


def test_the_reason_is_in_words(traffic: Traffic) -> None:
    """The report says how many of how many calls failed, with what, and what to do."""
    traffic.answer(3)
    traffic.fail(7)
    health = traffic.health("fake/one")
    assert (health.status, health.reason) == ("unhealthy", "7 of the last 10 calls: RateLimited")
    assert "fewer calls" in str(health.verdict.next_step)
    traffic.fail(1, "timeout", "TimedOut")
    assert traffic.health().reason == "8 of the last 11 calls: RateLimited 7, TimedOut 1"


@pytest.mark.parametrize("kind", ["client", "context", "content", "parameter", "config", "saturated", "shutdown"])
def test_the_callers_doing_does_not_count(traffic: Traffic, kind: str) -> None:
    """A request that could not be right, and one that this host ended, say nothing of whoever was asked."""
    traffic.answer(5)
    traffic.fail(50, kind, "BadRequest")
    assert traffic.statuses == ("healthy", "healthy")
    assert traffic.health().verdict.calls == 5


@pytest.mark.parametrize("outcome", ["cancelled", "abandoned"])
def test_what_the_host_broke_off_does_not_count(traffic: Traffic, outcome: str) -> None:
    """A call that was cancelled or left is neither good nor bad."""
    traffic.answer(9, outcome=outcome)
    assert traffic.statuses == ("no_data", "no_data")


def test_unknown_names_have_no_health(traffic: Traffic) -> None:
    """A name that is no model marks nobody."""
    traffic.fail(5, "not_found", "UnknownModel", provider="other", model_id="other")
    assert traffic.metrics.snapshot().health == ()


def test_a_masked_failure_of_one_model_does_not_mark_its_provider(traffic: Traffic) -> None:
    """A reseller's 503 for one model says nothing about the others."""
    traffic.answer(10, model_id="fake/two")
    traffic.fail(10, "upstream", "Unavailable", code="masked")
    assert traffic.statuses == ("healthy", "unhealthy")
    assert traffic.health("fake/two").status == "healthy"


def test_a_provider_of_which_only_one_model_is_masked_is_not_judged(traffic: Traffic) -> None:
    """Where no other model was called, nothing is known of the provider."""
    traffic.fail(10, "upstream", "Unavailable", code="masked")
    assert traffic.statuses == ("no_data", "unhealthy")
    assert traffic.health().reason == "fake/one fails, for a reason that the provider hides"


@pytest.mark.parametrize("kind", ["upstream", "upstream_200"])
def test_upstream_failures_of_one_model_do_not_mark_its_provider(traffic: Traffic, kind: str) -> None:
    """While another model answers, one that fails is that model's trouble; of two it is the provider's."""
    traffic.answer(10, model_id="fake/gpt-4.1")
    traffic.fail(10, kind, "Unavailable")
    assert traffic.statuses == ("healthy", "unhealthy")
    traffic.fail(10, kind, "Unavailable", model_id="fake/gpt-4.1")
    assert traffic.statuses == ("unhealthy", "unhealthy")
    assert traffic.health().reason == "20 of the last 30 calls: Unavailable"


def test_a_failing_provider_with_one_model_in_use_is_marked(traffic: Traffic) -> None:
    """What says that it is failing, and answers nothing else, is failing."""
    traffic.fail(10, "upstream", "Unavailable")
    assert traffic.statuses == ("unhealthy", "unhealthy")


def test_a_model_that_the_provider_lacks_marks_the_model_alone(traffic: Traffic) -> None:
    """A wrong wire name is no fault of the provider."""
    traffic.answer(10, model_id="fake/two")
    traffic.fail(10, "not_found", "ModelNotFound")
    assert traffic.statuses == ("healthy", "unhealthy")


def test_recovery_takes_a_margin(traffic: Traffic) -> None:
    """What was degraded at 0.95 is not healthy at 0.96; it is above 0.97."""
    traffic.answer(95, every=0.1)
    traffic.fail(5)
    traffic.answer(1)
    assert traffic.statuses == ("degraded", "degraded")
    traffic.answer(25, every=0.1)
    assert traffic.health().verdict.success_rate == pytest.approx(121 / 126)
    assert traffic.statuses == ("degraded", "degraded")
    traffic.answer(100, every=0.1)
    assert traffic.statuses == ("healthy", "healthy")


def test_slowness_is_against_the_models_own_past(traffic: Traffic) -> None:
    """A model is degraded when it is three times as slow as it used to be, well below twice as slow, and not before."""
    traffic.answer(200, first_chunk=0.8, stream=True, seconds=1.0)
    assert traffic.statuses == ("healthy", "healthy")
    traffic.answer(30, first_chunk=1.5, stream=True, seconds=2.0)
    assert traffic.statuses == ("healthy", "healthy")
    traffic.answer(30, first_chunk=4.1, stream=True, seconds=5.0)
    assert traffic.statuses == ("degraded", "degraded")
    assert traffic.health("fake/one").reason == "p95 to first chunk 4.1 s, usually 0.8 s"
    assert traffic.health().reason == "1 of 1 models slow: fake/one, p95 to first chunk 4.1 s, usually 0.8 s"
    assert traffic.health().verdict.next_step
    traffic.answer(80, first_chunk=2.0, stream=True, seconds=2.5)
    assert traffic.statuses == ("degraded", "degraded")
    traffic.answer(80, first_chunk=0.8, stream=True, seconds=1.0)
    assert traffic.statuses == ("healthy", "healthy")


def test_a_slow_model_is_not_compared_with_others(traffic: Traffic) -> None:
    """A model that has always been slow is well."""
    traffic.answer(100, first_chunk=9.0, stream=True, seconds=20.0)
    traffic.answer(100, model_id="fake/two", first_chunk=0.1, stream=True)
    assert traffic.statuses == ("healthy", "healthy")


def test_whole_answers_are_judged_by_their_seconds(traffic: Traffic) -> None:
    """Where nothing is streamed, the seconds of the call tell."""
    traffic.answer(200, seconds=0.5)
    traffic.answer(30, seconds=3.0)
    assert traffic.health("fake/one").reason == "p95 of a call 3.0 s, usually 0.5 s"


def test_a_model_that_is_slow_for_hours_has_a_new_usual(traffic: Traffic) -> None:
    """What lasts becomes normal."""
    traffic.answer(200, seconds=0.5)
    traffic.answer(120, seconds=3.0)
    assert traffic.health("fake/one").status == "degraded"
    traffic.answer(900, seconds=3.0, every=5.0)
    assert traffic.statuses == ("healthy", "healthy")


def test_it_follows_slow_failing_and_well_again_each_once(traffic: Traffic) -> None:
    """Slow, then failing, then well: each status comes once, in that order, and none flutters."""
    seen: list[str] = []

    def watched(times: int, **fields: Any) -> None:
        for _ in range(times):
            traffic.answer(1, **fields)
            status = traffic.health("fake/one").status
            if not seen or seen[-1] != status:
                seen.append(status)

    watched(150, seconds=0.4)
    watched(60, seconds=4.0)
    watched(90, error="upstream")
    watched(150, seconds=0.4)
    assert seen == ["healthy", "degraded", "unhealthy", "degraded", "healthy"]


def test_few_calls_are_judged_by_the_last_twenty(traffic: Traffic) -> None:
    """A model that is called once in two minutes is judged by its last twenty calls, none older than an hour."""
    traffic.answer(40, every=120.0)
    assert traffic.health("fake/one").verdict.calls == 20
    traffic.clock.now += 1800
    assert 0 < traffic.health("fake/one").verdict.calls < 20
    traffic.clock.now += 3600
    assert traffic.statuses == ("no_data", "no_data")


def test_a_report_says_since_when(traffic: Traffic) -> None:
    """`since` stays while the status stays."""
    traffic.answer(30)
    traffic.fail(30)
    since = traffic.health().since
    traffic.fail(30)
    assert traffic.health().status == "unhealthy"
    assert traffic.health().since == since < traffic.clock.now - 30


def test_a_clock_that_was_ahead_holds_no_health(traffic: Traffic) -> None:
    """Failures of a time that is not yet come are forgotten like others once the clock is set right."""
    traffic.clock.now += 86_400
    traffic.fail(20)
    assert traffic.statuses == ("unhealthy", "unhealthy")
    traffic.clock.now -= 86_400
    traffic.answer(100)
    assert traffic.statuses == ("healthy", "healthy")
    assert traffic.health().reason.endswith("calls answered")
