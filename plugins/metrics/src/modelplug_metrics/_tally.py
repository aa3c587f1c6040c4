"""What is counted of a call. A tally is a table of names to whole numbers, so that all adding is adding tables.

calls, ok, failed, cancelled, abandoned, attempts, retries
errors.KIND                     failed calls
tokens.input, tokens.cached, tokens.written, tokens.output, tokens.reasoning
usage.reported, usage.estimated, usage.absent            calls, by where their tokens are from
cost, cost.unknown              in ATTO of a US dollar; calls
faults.SCOPE.KIND.TYPE          failed calls that count against health (blame.py)
seconds.BUCKET, seconds.sum     calls in a bucket of the sketch; nanoseconds. Also first_chunk and per_token.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache

from modelplug import Call

from modelplug_metrics._sketch import bucket

Counts = list[tuple[str, int]]
Tally = dict[str, int]

ATTO = 18
"""Decimal places of a dollar that are kept: exact for prices of up to twelve places for a million tokens."""
NANO = 1_000_000_000


def counts_of(call: Call, errors: Iterable[str] = ()) -> Counts:
    """What one call adds to a tally. `errors` are the names under which its failure is counted."""
    usage, seconds = call.usage, call.seconds
    counts = [("calls", 1), (call.outcome, 1), (_PROVENANCE[usage.source], 1)]
    if tries := len(call.attempts):
        counts.append(("attempts", tries))
        if tries > 1:
            counts.append(("retries", tries - 1))
    for name in errors:
        counts.append((name, 1))
    for name, tokens in (
        ("tokens.input", usage.prompt_tokens),
        ("tokens.cached", usage.cached_tokens),
        ("tokens.written", usage.cache_write_tokens),
        ("tokens.output", usage.completion_tokens),
        ("tokens.reasoning", usage.reasoning_tokens),
    ):
        if tokens:
            counts.append((name, tokens))
    if call.cost is None:
        counts.append(("cost.unknown", 1))
    elif call.cost:
        counts.append(("cost", int(call.cost.scaleb(ATTO))))
    if call.outcome == "ok":
        _measure(counts, "seconds", seconds)
        if usage.completion_tokens:
            _measure(counts, "per_token", seconds / usage.completion_tokens)
    if call.first_chunk is not None:
        _measure(counts, "first_chunk", call.first_chunk)
    return counts


def add(tally: Tally, counts: Iterable[tuple[str, int]]) -> None:
    """Add counts to a tally, in place."""
    for name, count in counts:
        tally[name] = tally.get(name, 0) + count


def merged(tallies: Iterable[Mapping[str, int]]) -> Tally:
    """The sum of tallies."""
    total: Tally = {}
    for tally in tallies:
        add(total, tally.items())
    return total


def dollars(tally: Mapping[str, int]) -> Decimal:
    """The cost in a tally, in US dollars."""
    return Decimal(tally.get("cost", 0)).scaleb(-ATTO).normalize() + 0


def sketches(tally: Mapping[str, int]) -> dict[str, dict[int, int]]:
    """By measure, the counts by bucket."""
    found: dict[str, dict[int, int]] = {measure: {} for measure in _SUMS}
    for name, count in tally.items():
        place = _place(name)
        if place is not None:
            found[place[0]][place[1]] = count
    return found


def seconds_in_all(tally: Mapping[str, int], measure: str) -> float:
    """The sum of all values of a measure."""
    return tally.get(_SUMS[measure], 0) / NANO


def _measure(counts: Counts, measure: str, seconds: float) -> None:
    counts.append((_name(measure, bucket(seconds)), 1))
    counts.append((_SUMS[measure], round(seconds * NANO)))


@cache
def _name(measure: str, place: int) -> str:
    """One text for each name, of which there are some thousands: tallies share them."""
    return f"{measure}.{place}"


@cache
def _place(name: str) -> tuple[str, int] | None:
    """The measure and the bucket that a name stands for, where it does."""
    measure, _, place = name.partition(".")
    return (measure, int(place)) if measure in _SUMS and place != "sum" else None


_SUMS: Mapping[str, str] = {name: f"{name}.sum" for name in ("seconds", "per_token", "first_chunk")}

_PROVENANCE: Mapping[str, str] = {
    "reported": "usage.reported",
    "estimated": "usage.estimated",
    "absent": "usage.absent",
}
