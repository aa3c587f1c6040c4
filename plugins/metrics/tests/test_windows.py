"""Sliding windows: by the clock of the calls, and never by their number."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelplug_metrics import Metrics
from modelplug_metrics.figures import Figures

from plugins.metrics.tests.calls import NOW, Clock, call_of, feed

MINUTES = (1, 5, 60)


def windows(metrics: Metrics) -> dict[int, Figures]:
    """The figures of all calls, by minutes."""
    row = metrics.snapshot().total
    return {1: row.last_minute, 5: row.last_5_minutes, 60: row.last_hour}


@given(st.lists(st.floats(0, 7200), max_size=60), st.floats(0, 300))
def test_a_window_holds_its_minutes_and_at_most_a_twelfth_more(ages: list[float], later: float) -> None:
    """Every call of the window's minutes is in it, and none that is more than a twelfth older."""
    clock = Clock()
    metrics = Metrics(clock=clock)
    feed(metrics.call_finished, *(call_of(NOW - age, seconds=0.001) for age in ages))
    clock.now += later
    for minutes, figures in windows(metrics).items():
        sure = sum(age + later < minutes * 60 - 0.01 for age in ages)
        most = sum(age + later <= minutes * 60 * 13 / 12 + 5.01 for age in ages)
        assert sure <= figures.calls <= most


@given(st.lists(st.floats(0, 3600), max_size=40))
def test_the_order_of_records_changes_nothing(ages: list[float]) -> None:
    """Records that come late are counted where they belong."""
    orders = (ages, sorted(ages), sorted(ages, reverse=True))
    counted = []
    for order in orders:
        metrics = Metrics(clock=Clock())
        feed(metrics.call_finished, *(call_of(NOW - age, seconds=0.25) for age in order))
        counted.append({minutes: figures.calls for minutes, figures in windows(metrics).items()})
    assert counted[0] == counted[1] == counted[2]


@pytest.mark.parametrize("minutes", MINUTES)
def test_a_window_forgets_exactly(minutes: int) -> None:
    """When its time is over nothing of a call is left: no count, no token, no second."""
    clock = Clock()
    metrics = Metrics(clock=clock)
    feed(metrics.call_finished, *(call_of(error="cut") for _ in range(1000)), call_of(first_chunk=0.1))
    clock.now += minutes * 60 - 1
    assert windows(metrics)[minutes].calls == 1001
    clock.now += minutes * 5 + 1
    left = windows(metrics)[minutes]
    assert (left.calls, left.errors, left.input_tokens, left.seconds.sum, left.first_chunk.p99) == (0, {}, 0, 0, None)
    assert metrics.snapshot().total.all_time.calls == 1001


def test_the_span_is_the_time_that_was_counted() -> None:
    """Calls in a second are right from the first minute on: a window is no older than the counting."""
    clock = Clock()
    metrics = Metrics(clock=clock)
    clock.now += 10
    feed(metrics.call_finished, *(call_of(clock.now) for _ in range(50)))
    figures = windows(metrics)
    assert {minutes: figures[minutes].per_second for minutes in MINUTES} == dict.fromkeys(MINUTES, 5.0)
    clock.now += 10_000
    assert 60 <= windows(metrics)[1].span <= 65


def test_a_clock_that_is_set_back_loses_no_count() -> None:
    """Nothing breaks when the machine's time jumps; the total stays exact."""
    clock = Clock()
    metrics = Metrics(clock=clock)
    for jump in (0.0, 86_400.0, -86_400.0, -3600.0, 7200.0):
        clock.now += jump
        feed(metrics.call_finished, *(call_of(clock.now) for _ in range(10)))
    assert metrics.snapshot().total.all_time.calls == 50
    assert windows(metrics)[1].calls == 10


def test_memory_is_flat() -> None:
    """An hour at full width costs as much as many: windows, sketches and failures are bounded."""
    clock = Clock()
    metrics = Metrics(clock=clock, most_failures=100)
    sizes = []
    tracemalloc.start()
    try:
        for _ in range(3):
            for n in range(500):
                clock.now += 15.0
                feed(
                    metrics.call_finished,
                    call_of(clock.now, seconds=0.01 * (n % 97 + 1), error="cut" if n % 7 == 0 else None),
                )
            metrics.snapshot()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[2] < sizes[1] * 1.05
