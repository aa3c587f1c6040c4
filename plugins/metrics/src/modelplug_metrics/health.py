"""Whether a provider or a model is well, judged from the calls that were made, and said in words.

Healthy above 0.95 of calls, degraded above 0.8, else unhealthy. A model whose calls take three times as long as they
used to is degraded. To get better takes a margin, so that nothing flutters. Mistakes of the caller do not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import frozen

from modelplug_metrics.failures import SLOW, next_step

Status = Literal["no_data", "healthy", "degraded", "unhealthy"]
Faults = Counter[tuple[str, str]]
"""How many calls failed, by kind and type of their error."""

WORSE: Mapping[Status, int] = {"no_data": 0, "healthy": 1, "degraded": 2, "unhealthy": 3}

HEALTHY_ABOVE = 0.95
DEGRADED_ABOVE = 0.8
MARGIN = 0.02
"""How far above a threshold the rate must be for what was worse to count as better."""


@frozen(kw_only=True)
class Verdict:
    """What is thought of some calls. `calls` are those that were judged, `success_rate` the part that was answered."""

    status: Status
    reason: str
    next_step: str | None = None
    calls: int = 0
    success_rate: float | None = None


@frozen(kw_only=True)
class Health:
    """How a provider (`model` is None) or a model is, and since when it has been so (Unix time)."""

    provider: str
    model: str | None = None
    since: float
    verdict: Verdict

    @property
    def status(self) -> Status:
        """One of four words."""
        return self.verdict.status

    @property
    def reason(self) -> str:
        """Why, in words."""
        return self.verdict.reason

    def worse(self, other: Health) -> Health:
        """The worse of two reports on one subject: of several workers, the one that is worst off counts."""
        return max(self, other, key=lambda one: (WORSE[one.status], one.verdict.calls, -one.since, repr(one.verdict)))

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, flat."""
        verdict = {name: getattr(self.verdict, name) for name in _VERDICT}
        return {"provider": self.provider, "model": self.model, **verdict, "since": self.since}

    @classmethod
    def from_json(cls, sent: Mapping[str, Any]) -> Self:
        """The report that `as_json` wrote. Raises KeyError for a status that this release does not know."""
        WORSE[sent["status"]]
        verdict = Verdict(**{name: sent[name] for name in _VERDICT})
        return cls(provider=sent["provider"], model=sent["model"], since=float(sent["since"]), verdict=verdict)


_VERDICT = ("status", "reason", "next_step", "calls", "success_rate")


def status_of(ok: int, calls: int, *, slow: bool, before: Status) -> Status:
    """The status of whoever answered `ok` of so many calls; what was worse before must beat a margin."""
    if not calls:
        return "no_data"
    rate, was = ok / calls, WORSE[before]
    if ok == calls or rate > HEALTHY_ABOVE + MARGIN * (was > WORSE["healthy"]):
        return "degraded" if slow else "healthy"
    return "degraded" if rate > DEGRADED_ABOVE + MARGIN * (was > WORSE["degraded"]) else "unhealthy"


def verdict_of(ok: int, faults: Faults, *, slow: str | None, before: Status) -> Verdict:
    """The same with its reason. `slow` says in words how slow the calls are, where they are."""
    failed = faults.total()
    calls = ok + failed
    status = status_of(ok, calls, slow=slow is not None, before=before)
    if status == "no_data":
        return Verdict(status=status, reason="no calls that tell anything in the last hour")
    last = "the last call" if calls == 1 else f"the last {calls} calls"
    reasons = [f"{failed} of {last}: {_types(faults)}"] if failed else []
    step = None
    if failed and status_of(ok, calls, slow=False, before=before) != "healthy":
        step = next_step(max(sorted(faults), key=lambda fault: faults[fault])[0])
    elif slow is not None:
        reasons, step = [], SLOW
    if slow is not None:
        reasons.append(slow)
    reason = "; ".join(reasons) or f"{last} answered"
    return Verdict(status=status, reason=reason, next_step=step, calls=calls, success_rate=ok / calls)


def seconds_in_words(seconds: float) -> str:
    """As people say it: 4.1 s, 80 ms."""
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"


def _types(faults: Faults) -> str:
    counts = Counter[str]()
    for (_, name), n in faults.items():
        counts[name] += n
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items(), key=lambda one: (-one[1], one[0])))
