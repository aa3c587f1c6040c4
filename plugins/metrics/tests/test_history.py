"""Figures over time, for charts."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from modelplug_metrics import Metrics
from modelplug_metrics.snapshot import Snapshot

from plugins.metrics.tests.calls import NOW, Clock, call_of, feed


@given(st.lists(st.integers(0, 3_500), max_size=40))
def test_each_call_stands_where_it_ended(ages: list[int]) -> None:
    """Law: the steps of the last hour hold each call once, in the ten seconds in which it ended."""
    clock = Clock(NOW - 3_600)
    metrics = Metrics(clock=clock)
    for age in sorted(ages, reverse=True):
        clock.now = NOW - age
        feed(metrics.call_finished, call_of(NOW - age, seconds=0.001))
    clock.now = NOW
    step, points = metrics.snapshot().over_time()
    assert [at for at, _ in points] == sorted({at for at, _ in points})
    for at, figures in points:
        assert figures.calls == sum(at <= NOW - age < at + step for age in ages)


def test_steps_without_a_call_are_there_and_old_ones_are_not() -> None:
    """A chart shows the silence too; after an hour a call is gone from it, and nothing grows."""
    clock = Clock()
    metrics = Metrics(clock=clock)
    for _ in range(3):
        feed(metrics.call_finished, call_of(clock.now, error="upstream"))
        clock.now += 1_800
    _, points = metrics.snapshot().over_time(3_600)
    assert len(points) == 360
    assert sum(figures.calls for _, figures in points) == 1
    _, points = metrics.snapshot().over_time(60)
    assert [figures.calls for _, figures in points] == [0] * 6
    assert metrics.snapshot().total.all_time.failed == 3


def test_a_clock_that_was_ahead_takes_no_step_away() -> None:
    """What was counted in a time that is not yet come hides nothing once the clock is set right."""
    clock = Clock()
    metrics = Metrics(clock=clock)
    feed(metrics.call_finished, call_of(clock.now))
    clock.now += 86_400
    feed(metrics.call_finished, call_of(clock.now))
    clock.now -= 86_400
    for _ in range(3):
        clock.now += 20
        feed(metrics.call_finished, call_of(clock.now))
    counts = [figures.calls for _, figures in metrics.snapshot().over_time(100)[1]]
    assert [n for n in counts if n] == [1, 1, 1]


def test_workers_add_up() -> None:
    """The sum of two histories has each call of both once, also after a way through JSON."""
    clocks = [Clock(NOW - 100), Clock(NOW - 100)]
    workers = [Metrics(clock=clock) for clock in clocks]
    for metrics, clock, ages in zip(workers, clocks, ([90, 40, 0], [41, 40, 12]), strict=True):
        for age in ages:
            clock.now = NOW - age
            feed(metrics.call_finished, call_of(clock.now, seconds=0.001))
        clock.now = NOW
    one, other = (Snapshot.from_json(json.loads(json.dumps(each.snapshot().as_json()))) for each in workers)
    for merged in (one.merge(other), other.past().merge(one)):
        counts = {at: figures.calls for at, figures in merged.over_time()[1]}
        assert sum(counts.values()) == 6
        assert counts[(NOW - 40) // 10 * 10] == sum((NOW - age) // 10 == (NOW - 40) // 10 for age in (40, 41, 40))


def test_reading_changes_nothing() -> None:
    """Two readings are the same, and the percentiles are those of the calls."""
    metrics = Metrics(clock=Clock())
    feed(metrics.call_finished, *(call_of(NOW, seconds=0.2, first_chunk=0.1) for _ in range(10)))
    assert metrics.snapshot().over_time() == metrics.snapshot().over_time()
    (_, figures) = metrics.snapshot().over_time()[1][-1]
    assert figures.seconds.p95 is not None and abs(figures.seconds.p95 - 0.2) < 0.005
    assert figures.first_chunk.count == 10
