"""How quick a model usually is, and whether it is slower now."""

from __future__ import annotations

from collections.abc import Mapping

from modelplug_metrics._sketch import bucket, percentile

SLOW_FROM = 3.0
SLOW_UNTIL = 2.0
"""So many times the usual 95th percentile: slow above the first, until it is below the second."""

SLOW_BY = 0.2
"""Seconds: nobody minds less."""

RANK = 0.95
FEWEST_RECENT = 10
FEWEST_USUAL = 20
"""Calls that it takes to judge speed."""

LIMIT = 2_000
"""Values of the past at full weight; beyond, all are halved, so that what is long ago fades."""

FRESH = 0.2
"""The part of new values that makes the percentile be worked out again."""

NEVER = 1 << 30
"""A bucket that no value reaches."""


class Usual:
    """The seconds of one measure in the past, and from which buckets on a value is slow."""

    __slots__ = ("_buckets", "_count", "_fresh", "p95", "slow", "still_slow")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self._count = self._fresh = 0
        self.p95: float | None = None
        self.slow = self.still_slow = NEVER

    def learn(self, buckets: Mapping[int, int]) -> None:
        """What is past is usual."""
        for key, n in buckets.items():
            self._buckets[key] = self._buckets.get(key, 0) + n
            self._count += n
            self._fresh += n
        if self._count > LIMIT:
            self._buckets = {key: (n + 1) // 2 for key, n in self._buckets.items() if n > 1}
            self._count = sum(self._buckets.values())
        if self._count >= FEWEST_USUAL and self._fresh > FRESH * self._count:
            self._fresh = 0
            self.p95 = p95 = percentile(self._buckets, RANK) or 0.0
            self.slow = bucket(max(p95 * SLOW_FROM, p95 + SLOW_BY))
            self.still_slow = bucket(max(p95 * SLOW_UNTIL, p95 + SLOW_BY))


def is_slow(count: int, over: int) -> bool:
    """Whether the 95th percentile of `count` values is over a limit that `over` of them are over."""
    return count >= FEWEST_RECENT and over >= count - int(RANK * (count - 1))
