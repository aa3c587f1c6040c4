"""What a reader sees of the counts: figures of one provider, model or strategy over one stretch of time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from decimal import Decimal
from itertools import accumulate
from typing import Any, Self

from attrs import field, frozen

from modelplug_metrics._sketch import bucket, percentile
from modelplug_metrics._tally import dollars, seconds_in_all, sketches


@frozen(kw_only=True)
class Distribution:
    """Seconds of many calls: how many, their sum, mean and percentiles (within 1 %); None where there are none."""

    count: int
    sum: float
    buckets: Mapping[int, int] = field(repr=False)

    @classmethod
    def of(cls, tally: Mapping[str, int], measure: str, buckets: Mapping[int, int]) -> Self:
        """A measure of a tally, with its counts by bucket."""
        return cls(count=sum(buckets.values()), sum=seconds_in_all(tally, measure), buckets=buckets)

    @property
    def mean(self) -> float | None:
        """The sum by the count."""
        return self.sum / self.count if self.count else None

    @property
    def p50(self) -> float | None:
        """The median."""
        return percentile(self.buckets, 0.5)

    @property
    def p90(self) -> float | None:
        """What nine of ten are below."""
        return percentile(self.buckets, 0.9)

    @property
    def p95(self) -> float | None:
        """What nineteen of twenty are below."""
        return percentile(self.buckets, 0.95)

    @property
    def p99(self) -> float | None:
        """What ninety-nine of a hundred are below."""
        return percentile(self.buckets, 0.99)

    def at_most(self, *seconds: float) -> tuple[int, ...]:
        """How many values are at most each of these, within 1 %: the cumulative buckets of a Prometheus histogram."""
        keys = sorted(self.buckets)
        counts = (0, *accumulate(self.buckets[key] for key in keys))
        return tuple(counts[bisect_right(keys, bucket(bound))] for bound in seconds)

    def as_json(self) -> dict[str, Any]:
        """Plain numbers and None."""
        return {name: getattr(self, name) for name in ("count", "sum", "mean", "p50", "p90", "p95", "p99")}


@frozen(kw_only=True)
class Figures:
    """What was counted over `span` seconds.

    `ok + failed + cancelled + abandoned == calls`. `errors` are failed calls by kind; a stream that was cut is the kind
    `cut`. `attempts` are tries on the wire, `retries` those after a call's first. Tokens are those of calls that said
    how many: `cached_tokens` and `cache_write_tokens` are inside `input_tokens`, `reasoning_tokens` inside
    `output_tokens`; `usage_reported`, `usage_estimated` and `usage_absent` are calls and say how far to trust them.
    `cost` is US dollars of the calls whose cost is known; `cost_unknown` are the other calls.

    `seconds` and `seconds_per_token` (whole call by output tokens) are of calls that ended ok: a key that is refused
    in a millisecond makes no provider fast. `first_chunk` is of every stream in which a chunk arrived.
    """

    span: float
    calls: int
    ok: int
    failed: int
    cancelled: int
    abandoned: int
    errors: Mapping[str, int]
    attempts: int
    retries: int
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    usage_reported: int
    usage_estimated: int
    usage_absent: int
    cost: Decimal
    cost_unknown: int
    seconds: Distribution
    first_chunk: Distribution
    seconds_per_token: Distribution

    @classmethod
    def of(cls, tally: Mapping[str, int], *, span: float) -> Self:
        """Reads a tally."""
        numbers = {field: tally.get(name, 0) for field, name in _NUMBERS.items()}
        errors = {name.removeprefix("errors."): n for name, n in tally.items() if name.startswith("errors.")}
        seconds = {measure: Distribution.of(tally, measure, buckets) for measure, buckets in sketches(tally).items()}
        return cls(
            span=span,
            errors=dict(sorted(errors.items())),
            cost=dollars(tally),
            seconds=seconds["seconds"],
            first_chunk=seconds["first_chunk"],
            seconds_per_token=seconds["per_token"],
            **numbers,
        )

    @property
    def success_rate(self) -> float | None:
        """The part of calls that ended ok, among those that ended ok or failed; None where none did."""
        ended = self.ok + self.failed
        return self.ok / ended if ended else None

    @property
    def per_second(self) -> float:
        """Calls in a second."""
        return self.calls / self.span if self.span > 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain JSON. The cost is text, so that it stays exact."""
        return {
            "span": self.span,
            **{name: getattr(self, name) for name in _NUMBERS},
            "errors": dict(self.errors),
            "success_rate": self.success_rate,
            "per_second": self.per_second,
            "cost": f"{self.cost:f}",
            **{name: getattr(self, name).as_json() for name in ("seconds", "first_chunk", "seconds_per_token")},
        }


_NUMBERS: Mapping[str, str] = {
    "calls": "calls",
    "ok": "ok",
    "failed": "failed",
    "cancelled": "cancelled",
    "abandoned": "abandoned",
    "attempts": "attempts",
    "retries": "retries",
    "input_tokens": "tokens.input",
    "cached_tokens": "tokens.cached",
    "cache_write_tokens": "tokens.written",
    "output_tokens": "tokens.output",
    "reasoning_tokens": "tokens.reasoning",
    "usage_reported": "usage.reported",
    "usage_estimated": "usage.estimated",
    "usage_absent": "usage.absent",
    "cost_unknown": "cost.unknown",
}
