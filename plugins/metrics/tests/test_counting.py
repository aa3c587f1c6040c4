"""What is counted: everything that was sent, once, under the labels of the record."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from modelplug import Attempt, Call, PluginError, Settings, Switchboard, UnknownModel, Usage
from modelplug.testing import FakePlugin, FakeStrategy, Listener
from modelplug_metrics import Metrics
from modelplug_metrics.snapshot import Snapshot

from plugins.metrics.tests.calls import CALLS, NOW, Clock, call_of, feed


def told(*calls: Call, most_series: int = 5_000) -> Metrics:
    """Metrics that were told of these calls."""
    metrics = Metrics(clock=Clock(), most_series=most_series)
    feed(metrics.call_finished, *calls)
    return metrics


@given(CALLS)
def test_totals_equal_what_was_sent(calls: list[Call]) -> None:
    """Calls, outcomes, tries, tokens and dollars add up to those of the records, to the token and the cent."""
    figures = told(*calls).snapshot().total.all_time
    assert figures.calls == len(calls)
    outcomes = Counter(call.outcome for call in calls)
    assert {name: getattr(figures, name) for name in outcomes} == outcomes
    assert figures.errors == Counter(call.error.kind for call in calls if call.error is not None)
    assert figures.attempts == sum(len(call.attempts) for call in calls)
    assert figures.retries == sum(max(0, len(call.attempts) - 1) for call in calls)
    assert figures.input_tokens == sum(call.usage.prompt_tokens or 0 for call in calls)
    assert figures.cached_tokens == sum(call.usage.cached_tokens or 0 for call in calls)
    assert figures.output_tokens == sum(call.usage.completion_tokens or 0 for call in calls)
    assert figures.reasoning_tokens == sum(call.usage.reasoning_tokens or 0 for call in calls)
    assert figures.cost == sum((call.cost for call in calls if call.cost is not None), Decimal(0))
    assert figures.cost_unknown == sum(call.cost is None for call in calls)


@given(CALLS)
def test_every_view_holds_every_call_once(calls: list[Call]) -> None:
    """Providers, models, strategies and the total are four sums of the same calls."""
    snapshot = told(*calls).snapshot()
    for rows, label in (
        (snapshot.providers, "provider"),
        (snapshot.models, "model_id"),
        (snapshot.strategies, "strategy"),
    ):
        name = label.removesuffix("_id")
        assert {getattr(row, name): row.all_time.calls for row in rows} == Counter(getattr(c, label) for c in calls)


@given(CALLS)
def test_provenance_counts_every_call(calls: list[Call]) -> None:
    """Every call is counted once as reported, estimated or absent."""
    figures = told(*calls).snapshot().total.all_time
    sources = Counter(call.usage.source for call in calls)
    assert (figures.usage_reported, figures.usage_estimated, figures.usage_absent) == (
        sources["reported"],
        sources["estimated"],
        sources["absent"],
    )


def test_seconds_are_those_of_answers() -> None:
    """A refusal in a millisecond makes nothing faster; seconds per output token are the call's by its tokens."""
    usage = Usage(prompt_tokens=1, completion_tokens=10, source="reported")
    figures = told(call_of(seconds=2.0, usage=usage), call_of(seconds=0.001, error="auth")).snapshot().total.all_time
    assert (figures.seconds.count, figures.seconds.sum, figures.seconds.mean) == (1, 2.0, 2.0)
    assert figures.seconds_per_token.sum == 0.2


def test_reading_creates_nothing() -> None:
    """A snapshot of nothing is empty, and stays so however often it is read."""
    metrics = told()
    for _ in range(1000):
        snapshot = metrics.snapshot()
        assert (snapshot.rows, snapshot.providers, snapshot.models, snapshot.strategies) == ((), (), (), ())
    figures = snapshot.total.all_time
    assert (figures.calls, figures.seconds.p99, figures.success_rate, figures.cost) == (0, None, None, Decimal(0))


def test_figures_are_json() -> None:
    """Everything a reader gets can be written as strict JSON, money as exact text."""
    metrics = told(call_of(cost=Decimal("0.000123"), first_chunk=0.2, error="cut"), call_of())
    for row in (metrics.snapshot().total, *metrics.snapshot().models):
        written = json.loads(json.dumps(row.as_json(), allow_nan=False))
        assert written["all_time"]["cost"] == "0.000123"
        assert written["last_minute"]["errors"] == {"cut": 1}


def test_the_number_of_series_is_bounded() -> None:
    """Beyond the limit calls are counted under `other`, and none is lost."""
    calls = [call_of(model_id=f"fake/{n}") for n in range(100)]
    snapshot = told(*calls, most_series=10).snapshot()
    assert len(snapshot.rows) == 11
    assert snapshot.total.all_time.calls == 100
    assert [row.all_time.calls for row in snapshot.rows if row.model == "other"] == [90]


def test_the_number_of_error_kinds_is_bounded() -> None:
    """A plugin that invents a kind for each failure fills no memory."""
    figures = told(*(call_of(error=f"kind_{n}") for n in range(500))).snapshot().total.all_time
    assert len(figures.errors) == 200
    assert sum(figures.errors.values()) == figures.errors["other"] + 199 == 500


def test_the_limit_is_a_setting() -> None:
    """`[metrics] most_series` is read when the plugin is loaded."""
    board = Switchboard(settings=Settings(argument={"metrics": {"most_series": 2}}, environment={}))
    metrics = Metrics(clock=Clock())
    board.add(metrics)
    feed(metrics.call_finished, *(call_of(model_id=f"fake/{n}") for n in range(9)))
    assert len(metrics.snapshot().rows) == 3


@pytest.mark.parametrize("value", [0, -1, "many"])
@pytest.mark.parametrize("option", ["most_series", "most_failures", "recent"])
def test_a_setting_that_bounds_nothing_is_said(option: str, value: object) -> None:
    """Zero, less and words are refused at load, by the setting's name."""
    board = Switchboard(settings=Settings(file={"metrics": {option: value}}, environment={}))
    with pytest.raises(PluginError, match=rf"config.toml, \[metrics\] {option}: is (less than 1|not a number)"):
        board.add(Metrics, name="metrics")


async def test_a_board_is_counted() -> None:
    """Calls of a board are seen through `board.plugin("metrics")`, and unknown names only as `other`."""
    board = Switchboard(settings=Settings(environment={}))
    board.add(Metrics, name="metrics")
    board.add(FakePlugin(strategy=FakeStrategy()))
    await board.complete("one", [])
    async with board.stream("one", []) as chunks:
        async for _ in chunks:
            pass
    for n in range(20):
        with pytest.raises(UnknownModel):
            await board.complete(f"unknown {n}", [])
    await board.aclose()
    snapshot = board.plugin("metrics").snapshot()
    assert [(row.provider, row.model, row.strategy) for row in snapshot.rows] == [
        ("fake", "fake/one", "fake"),
        ("other", "other", "none"),
    ]
    fake, other = snapshot.rows
    assert (fake.all_time.ok, fake.all_time.input_tokens, fake.all_time.output_tokens) == (2, 6, 4)
    assert fake.all_time.first_chunk.count == 1
    assert other.all_time.errors == {"not_found": 20}
    assert snapshot.in_flight == {}


async def test_random_unknown_names_add_nothing() -> None:
    """Twenty thousand calls by names that are no models: one row, no health, and no more memory than for a thousand."""
    board, listener = Switchboard(settings=Settings(environment={})), Metrics(clock=Clock())
    heard = Listener.on(board)
    with pytest.raises(UnknownModel):
        await board.complete("no such model", [])
    (call,) = heard.finished

    def tell(times: int) -> None:
        for n in range(times):
            listener.call_finished(evolve(call, requested=f"{n * 104_729:x} is no model", started=NOW))

    tell(1000)  # now the ring of failures is full
    tracemalloc.start()
    try:
        tell(20_000)
        assert tracemalloc.get_traced_memory()[0] < 1_500_000
    finally:
        tracemalloc.stop()
    snapshot = listener.snapshot()
    assert [(row.provider, row.model, row.all_time.calls) for row in snapshot.rows] == [("other", "other", 21_000)]
    assert (snapshot.health, len(snapshot.failures)) == ((), 1000)


def test_a_try_again_is_a_retry() -> None:
    """Three tries of one call are one call, three attempts and two retries."""
    tries = tuple(Attempt(outcome="failed", seconds=0.1) for _ in range(3))
    figures = told(call_of(attempts=tries)).snapshot().total.all_time
    assert (figures.calls, figures.attempts, figures.retries) == (1, 3, 2)


def test_a_snapshot_is_frozen() -> None:
    """What was read stays as it was, whatever happens afterwards."""
    metrics = told(call_of())
    before = metrics.snapshot()
    feed(metrics.call_finished, call_of(NOW), call_of(error="cut"))
    assert before.total.all_time.calls == 1
    assert isinstance(before, Snapshot)
