"""Which calls are under way."""

from __future__ import annotations

from collections.abc import Callable

from modelplug import Call, Request

GRACE = 30.0
"""Seconds after its deadline when a call of whose end we were not told is no longer believed to be under way."""

MOST = 100_000


class InFlight:
    """Calls that began and of whose end we were not told.

    By their ids: an end without a beginning (plugged in later, or a name that was no model) takes nothing away, and a
    beginning without an end (its event was dropped) is forgotten after the call's own deadline.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._calls: dict[str, tuple[str, str, float]] = {}

    def started(self, request: Request) -> None:
        """A call begins."""
        if len(self._calls) >= MOST:
            now = self._monotonic()
            self._calls = {key: call for key, call in self._calls.items() if call[2] > now}
            if len(self._calls) >= MOST:
                return
        deadline = float("inf") if request.deadline is None else request.deadline + GRACE
        self._calls[request.id] = (request.model.provider, request.model.id, deadline)

    def finished(self, call: Call) -> None:
        """A call is over."""
        self._calls.pop(call.id, None)

    def counts(self) -> dict[tuple[str, str], int]:
        """How many calls are under way, by provider and model. Changes nothing."""
        now, counts = self._monotonic(), dict[tuple[str, str], int]()
        for provider, model, deadline in self._calls.values():
            if deadline > now:
                counts[provider, model] = counts.get((provider, model), 0) + 1
        return dict(sorted(counts.items()))
