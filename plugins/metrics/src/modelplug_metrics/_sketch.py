"""Percentiles: which bucket a number of seconds falls into, and what a percentile of counted buckets is.

The buckets are those of DDSketch (Masson, Rim, Lee: VLDB 2019), from DataDog's `ddsketch`. The counts are ours, whole
numbers by bucket: adding two sketches is adding their counts, exactly and in any order
(docs/decisions/0005-percentiles.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ddsketch import LogarithmicMapping

ACCURACY = 0.01
"""A percentile is at most this part away from the value that it stands for."""

LEAST = 1e-6
MOST = 1e6
"""Seconds outside are counted as these, which bounds a sketch to 1,382 buckets."""


def bucket(seconds: float) -> int:
    """The bucket of a number of seconds."""
    if LEAST < seconds < MOST:
        return _mapping().key(seconds)
    return _mapping().key(LEAST if seconds <= LEAST else MOST)


def percentile(buckets: Mapping[int, int], rank: float) -> float | None:
    """The seconds below which the part `rank` of all counted values lies, None where nothing was counted."""
    place = rank * (sum(buckets.values()) - 1)
    seen = 0
    for key in sorted(buckets):
        seen += buckets[key]
        if seen > place:
            return _mapping().value(key)
    return None


@cache
def _mapping() -> LogarithmicMapping:
    from ddsketch import LogarithmicMapping  # late: nothing is counted at load

    return LogarithmicMapping(ACCURACY)
