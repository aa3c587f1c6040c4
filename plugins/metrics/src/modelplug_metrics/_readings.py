"""What a rule reads off the figures: one value for each provider or model that it looks at, and the value in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from modelplug_metrics._blame import REST
from modelplug_metrics._sketch import percentile
from modelplug_metrics._tally import dollars, merged, sketches
from modelplug_metrics.failures import SLOW, next_step
from modelplug_metrics.health import seconds_in_words

if TYPE_CHECKING:
    from modelplug_metrics.alerts import Rule, Value
    from modelplug_metrics.snapshot import Snapshot

RANK = 0.95
HOUR = 3600.0

WORDS: Mapping[str, str] = {"seconds": "of a call", "first_chunk": "to first chunk"}


@frozen(kw_only=True)
class Reading:
    """The value of a rule for one provider or model; None where there were no calls."""

    provider: str | None = None
    model: str | None = None
    value: Value | None = None
    calls: int = 0
    reason: str
    next_step: str | None = None


NO_RULE = Reading(reason="there is no such rule any more")
NO_FIGURES = Reading(reason="nothing is known of it any more")
"""The worker process that knew has ended."""


def readings(rule: Rule, snapshot: Snapshot) -> Iterator[Reading]:
    """The values of this rule, for everything that it looks at. Names that are no models are left out."""
    if rule.what == "health":
        yield from _of_health(rule, snapshot)
        return
    groups: dict[tuple[str | None, str | None], list[Mapping[str, int]]] = {}
    for row in snapshot.rows:
        wanted = rule.provider in (None, row.provider) and rule.model in (None, row.model)
        if row.provider != REST and wanted:
            provider = None if rule.per == "all" else row.provider
            model = row.model if rule.per == "model" else None
            groups.setdefault((provider, model), []).append(row.tallies.get(rule.window, {}))
    for (provider, model), tallies in groups.items():
        tally = merged(tallies)
        value, calls, words, step = _value(rule, tally, snapshot.spans.get(rule.window, 0.0))
        if value is None:
            words, step = "no calls", None
        last = "the last hour" if rule.window == 60 else f"the last {rule.window} min"
        yield Reading(
            provider=provider, model=model, value=value, calls=calls, reason=f"{words} in {last}", next_step=step
        )


def _of_health(rule: Rule, snapshot: Snapshot) -> Iterator[Reading]:
    for health in snapshot.health:
        wanted = rule.provider in (None, health.provider) and rule.model in (None, health.model)
        if wanted and (health.model is not None) == (rule.per == "model"):
            verdict = health.verdict
            probed = not verdict.calls and verdict.status != "no_data"  # nobody called, and yet it is known
            yield Reading(
                provider=health.provider,
                model=health.model,
                value=verdict.status,
                calls=rule.least_calls if probed else verdict.calls,
                reason=verdict.reason,
                next_step=verdict.next_step,
            )


def _value(rule: Rule, tally: Mapping[str, int], span: float) -> tuple[float | None, int, str, str | None]:
    """The value, of how many calls it is, in words, and what to do."""
    if rule.what == "error_rate":
        failed = tally.get("failed", 0)
        ended = tally.get("ok", 0) + failed
        kinds = {name.removeprefix("errors."): n for name, n in tally.items() if name.startswith("errors.")}
        worst = max(sorted(kinds), key=lambda kind: kinds[kind], default=None)
        words = f"{failed} of {ended} calls failed" + (f", most often {worst}," if worst else "")
        return failed / ended if ended else None, ended, words, next_step(worst) if worst else None
    if rule.what == "cost_per_hour":
        # Never from less than the window: one dear call in the first second is no thousand dollars an hour.
        dear = float(dollars(tally)) * HOUR / max(span, rule.window * 60.0)
        return dear, tally.get("calls", 0), f"${dear:.2f} an hour", "See which model it is, and who calls it so much."
    buckets = sketches(tally)[rule.what]
    p95 = percentile(buckets, RANK)
    return p95, sum(buckets.values()), f"p95 {WORDS[rule.what]} {seconds_in_words(p95 or 0.0)}", SLOW
