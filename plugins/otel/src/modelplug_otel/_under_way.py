"""The calls that have a span and no record yet."""

from __future__ import annotations

from array import array
from contextlib import suppress

from attrs import define, field
from modelplug import Chunk, Reply, Request
from opentelemetry.context import Context
from opentelemetry.trace import Span

MOST = 50_000
"""Calls that are remembered. One whose record was dropped would stay for ever."""


@define(kw_only=True, eq=False)
class Traced:
    """A call under way: its span, the context that holds it, and when it began (Unix time in nanoseconds).

    `gaps` are the seconds between chunks. Where content is recorded, `request` is what was asked and `reply`, or
    `chunks`, what was answered.
    """

    span: Span
    context: Context
    began: int
    gaps: array[float] = field(factory=lambda: array("d"))
    request: Request | None = None
    reply: Reply | None = None
    chunks: list[Chunk] = field(factory=list)


class UnderWay:
    """The calls under way, by id. Event loops add to it, and the thread that tells of records takes from it.

    There is no lock that a fork could leave locked: each step is one operation on a dict.
    """

    def __init__(self) -> None:
        self._calls: dict[str, Traced] = {}

    def add(self, call_id: str, traced: Traced) -> None:
        """Remember a call."""
        self._calls[call_id] = traced
        if len(self._calls) > MOST:
            with suppress(KeyError, RuntimeError):  # the other thread was quicker
                del self._calls[next(iter(self._calls))]

    def pop(self, call_id: str) -> Traced | None:
        """The call, which is over; None where it has no span."""
        return self._calls.pop(call_id, None)
