"""Percentiles, and what adding up the figures of others does to them."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from ddsketch import DDSketch
from hypothesis import given
from hypothesis import strategies as st
from modelplug_metrics._sketch import ACCURACY, LEAST, MOST, bucket, percentile
from modelplug_metrics.figures import Distribution

from plugins.metrics.tests.calls import SECONDS

MANY = st.lists(SECONDS, min_size=1, max_size=200)


def buckets_of(values: list[float]) -> Counter[int]:
    """The sketch of these values."""
    return Counter(map(bucket, values))


@given(MANY, st.floats(0, 1))
def test_a_percentile_is_within_the_accuracy(values: list[float], rank: float) -> None:
    """It is at most one percent away from a value that stands at its rank."""
    exact = sorted(values)[math.floor(rank * (len(values) - 1))]
    assert percentile(buckets_of(values), rank) == pytest.approx(exact, rel=ACCURACY * 1.001)


@given(MANY, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_it_is_what_the_library_says(values: list[float], rank: float) -> None:
    """Our counts over the library's buckets give what the library's own sketch gives."""
    theirs = DDSketch(ACCURACY)
    for value in values:
        theirs.add(value)
    assert percentile(buckets_of(values), rank) == theirs.get_quantile_value(rank)


@given(st.lists(MANY, max_size=5), st.floats(0, 1))
def test_adding_sketches_is_the_sketch_of_all(parts: list[list[float]], rank: float) -> None:
    """The sum of sketches, in any order, is the sketch of all values."""
    total = Counter[int]()
    for part in reversed(parts):
        total.update(buckets_of(part))
    assert total == buckets_of([value for part in parts for value in part])


@given(st.floats(0, allow_infinity=True, allow_nan=False))
def test_a_sketch_is_bounded(value: float) -> None:
    """Whatever is measured, there are fewer than 1,400 buckets."""
    assert bucket(LEAST) <= bucket(value) <= bucket(MOST) < bucket(LEAST) + 1_400


@given(MANY, SECONDS)
def test_cumulative_counts_are_within_the_accuracy(values: list[float], bound: float) -> None:
    """`at_most` counts every value below the bound, and none that is two percent above it."""
    buckets = buckets_of(values)
    (found,) = Distribution(count=len(values), sum=sum(values), buckets=buckets).at_most(bound)
    assert sum(value <= bound for value in values) <= found
    assert found <= sum(value <= bound * 1.0203 for value in values)
