"""The four metrics of the conventions, with the buckets that they advise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from modelplug import Call
from opentelemetry.context import Context
from opentelemetry.metrics import Histogram, Meter

from modelplug_otel._attributes import error_type, named

SECONDS: Final[Sequence[float]] = tuple(0.01 * 2**n for n in range(14))
TOKENS: Final[Sequence[float]] = tuple(4**n for n in range(14))

MOST_NAMES = 1_000
"""Names of models in answers that are told apart; servers choose them, and metrics keep each for ever."""


class Instruments:
    """The metrics of one meter."""

    def __init__(self, meter: Meter) -> None:
        self._names: set[str] = set()
        self._duration = _seconds(meter, "gen_ai.client.operation.duration", "GenAI operation duration.")
        self._first = _seconds(
            meter, "gen_ai.client.operation.time_to_first_chunk", "Time to receive the first chunk of a stream."
        )
        self._gap = _seconds(
            meter, "gen_ai.client.operation.time_per_output_chunk", "Time between one chunk of a stream and the next."
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=TOKENS,
        )

    def record(self, call: Call, gaps: Sequence[float], context: Context | None) -> None:
        """Count a call that is over; `context` holds its span, which a backend may show as an example."""
        shared = named(call)
        if (model := self._told_apart(call.response_model)) is not None:
            shared["gen_ai.response.model"] = model
        for kind, tokens in (("input", call.usage.prompt_tokens), ("output", call.usage.completion_tokens)):
            if tokens is not None:
                self._tokens.record(tokens, {**shared, "gen_ai.token.type": kind}, context)
        if call.stream and call.first_chunk is not None:
            self._first.record(call.first_chunk, shared, context)
        for gap in gaps:
            self._gap.record(gap, shared, context)
        ended = {**shared, "modelplug.outcome": call.outcome}
        if (error := error_type(call)) is not None:
            ended["error.type"] = error
        self._duration.record(call.seconds, ended, context)

    def _told_apart(self, name: str | None) -> str | None:
        if name is None or name in self._names:
            return name
        if len(self._names) >= MOST_NAMES:
            return "other"
        self._names.add(name)
        return name


def _seconds(meter: Meter, name: str, description: str) -> Histogram:
    return meter.create_histogram(name, unit="s", description=description, explicit_bucket_boundaries_advisory=SECONDS)
