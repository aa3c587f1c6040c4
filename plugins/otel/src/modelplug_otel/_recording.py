"""From a request to its span, and from a record to the end of the span and the metrics."""

from __future__ import annotations

import logging
from importlib.metadata import version
from time import time_ns

from modelplug import Call, Failure, Request
from opentelemetry import metrics, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from modelplug_otel._attributes import asked, error_type, named, of_attempt, recorded, span_name
from modelplug_otel._content import told_input, told_output
from modelplug_otel._instruments import Instruments
from modelplug_otel._under_way import Traced, UnderWay

log = logging.getLogger("modelplug.otel")

_NAME = "modelplug_otel"
_GIGA = 1_000_000_000


class Recording:
    """The spans and metrics of the calls of one plugin, given to these providers or the global ones."""

    def __init__(
        self, tracer_provider: trace.TracerProvider | None, meter_provider: metrics.MeterProvider | None
    ) -> None:
        ours = version("modelplug-otel")
        self._given = tracer_provider
        self._tracer = trace.get_tracer(_NAME, ours, tracer_provider)
        self._instruments = Instruments(metrics.get_meter(_NAME, ours, meter_provider))
        self._under_way = UnderWay()

    def begin(self, request: Request, *, content: bool = False) -> Traced | None:
        """Begin the span of a call, below the caller's; None where nobody collects spans."""
        if not self._collected():
            return None
        try:
            told = asked(request)
            began = time_ns()
            span = self._tracer.start_span(span_name(told), kind=SpanKind.CLIENT, attributes=told, start_time=began)
        except Exception as error:  # the border to foreign code: what an SDK does is not the call's fault
            log.warning("no span for call %s: %s", request.id, type(error).__name__)
            return None
        if not span.get_span_context().is_valid:
            return None
        kept = request if content and span.is_recording() else None
        traced = Traced(span=span, context=trace.set_span_in_context(span), began=began, request=kept)
        self._under_way.add(request.id, traced)
        return traced

    def finish(self, call: Call) -> None:
        """End the span of a call, and record the metrics. Told in the context of the call."""
        traced = self._under_way.pop(call.id)
        if traced is None and (span := self._late(call)) is not None:
            traced = Traced(span=span, context=trace.set_span_in_context(span), began=_ns(call.started))
        if traced is None:
            self._instruments.record(call, (), None)
            return
        self._instruments.record(call, traced.gaps, traced.context)
        if traced.span.is_recording():
            traced.span.set_attributes(recorded(call))
            if traced.request is not None:
                traced.span.set_attributes(told_input(traced.request) | told_output(traced))
            _judge(traced.span, error_type(call), call.error)
            if len(call.attempts) > 1:
                self._tell_attempts(call, traced)
        traced.span.end(max(traced.began, _ns(call.started + call.seconds)))

    def _late(self, call: Call) -> Span | None:
        """The span of a call that ended before a strategy had it: no such model, no key, no strategy."""
        if not self._collected():
            return None
        told = named(call)
        span = self._tracer.start_span(
            span_name(told), kind=SpanKind.CLIENT, attributes=told, start_time=_ns(call.started)
        )
        return span if span.get_span_context().is_valid else None

    def _collected(self) -> bool:
        """Whether a host has set up a tracer provider by now; until then a call is not made to pay for a span."""
        return self._given is not None or not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)

    def _tell_attempts(self, call: Call, traced: Traced) -> None:
        """A child span for each try of a call that took several."""
        start = call.started
        for number, attempt in enumerate(call.attempts, 1):
            span = self._tracer.start_span(
                f"attempt {number}",
                context=traced.context,
                attributes=of_attempt(attempt, number),
                start_time=max(traced.began, _ns(start)),
            )
            kind = attempt.error.kind if attempt.error else "cancelled" if attempt.outcome == "cancelled" else None
            _judge(span, kind, attempt.error)
            span.end(max(traced.began, _ns(start + attempt.seconds)))
            start += attempt.seconds + attempt.waited


def _judge(span: Span, error: str | None, failure: Failure | None) -> None:
    """A status only where something failed, as the conventions ask."""
    if error is not None:
        span.set_status(Status(StatusCode.ERROR, failure.message if failure else error))


def _ns(seconds: float) -> int:
    return int(seconds * _GIGA)
