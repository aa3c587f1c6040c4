"""Records of calls, a clock that is set by hand, and Hypothesis strategies for both."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from modelplug import Attempt, Call, Failure, Usage

NOW = 1_800_000_000.0
_ids = itertools.count()


class Clock:
    """Unix time that stands still until it is told."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def call_of(ended: float = NOW, *, seconds: float = 0.5, error: str | None = None, **more: Any) -> Call:
    """A call that ended at this moment; `error` is the kind of its failure."""
    outcome = "ok" if error is None else "failed"
    failure = None if error is None else failure_of(error)
    fields: dict[str, Any] = {
        "id": f"call-{next(_ids)}",
        "requested": "one",
        "model_id": "fake/one",
        "provider": "fake",
        "strategy": "http",
        "operation": "chat",
        "stream": False,
        "wire_model": "one",
        "outcome": outcome,
        "started": ended - seconds,
        "seconds": seconds,
        "usage": Usage(prompt_tokens=3, completion_tokens=2, total_tokens=5, source="reported"),
        "error": failure,
        "attempts": (Attempt(outcome="ok" if error is None else "failed", seconds=seconds, error=failure),),
        **more,
    }
    return Call(**fields)


def failure_of(kind: str, *, type: str = "Unavailable", message: str = "it failed", **more: Any) -> Failure:
    """A failure as data."""
    return Failure(type=type, kind=kind, message=message, **more)


def feed(listener: Callable[[Call], None], *calls: Call) -> None:
    """Tell of these calls, in order."""
    for call in calls:
        listener(call)


SECONDS = st.floats(1e-6, 1e5, allow_nan=False)
TOKENS = st.none() | st.integers(0, 1_000_000)
USAGES = st.builds(
    Usage,
    prompt_tokens=TOKENS,
    completion_tokens=TOKENS,
    cached_tokens=TOKENS,
    reasoning_tokens=TOKENS,
    source=st.sampled_from(["reported", "estimated", "absent"]),
)
COSTS = st.none() | st.decimals(Decimal(0), Decimal(1000), places=12, allow_nan=False, allow_infinity=False)


@st.composite
def some_call(draw: st.DrawFn) -> Call:
    """Any call: of two providers with three models each, of any outcome, within the last two hours."""
    provider = draw(st.sampled_from(["fake", "acme"]))
    outcome = draw(st.sampled_from(["ok", "failed", "cancelled", "abandoned"]))
    more = {} if outcome == "failed" else {"outcome": outcome}
    return call_of(
        NOW - draw(st.floats(0, 7200)),
        seconds=draw(SECONDS),
        error=draw(st.sampled_from(["cut", "rate_limit", "upstream"])) if outcome == "failed" else None,
        provider=provider,
        model_id=f"{provider}/{draw(st.sampled_from('abc'))}",
        strategy=draw(st.sampled_from(["http", "direct"])),
        usage=draw(USAGES),
        cost=draw(COSTS),
        first_chunk=draw(st.none() | SECONDS),
        attempts=tuple(Attempt(outcome="failed", seconds=0.1) for _ in range(draw(st.integers(0, 3)))),
        **more,
    )


CALLS = st.lists(some_call(), max_size=30)
