"""The plugin: a layer that begins the span of each call, and a listener that completes it."""

from __future__ import annotations

from collections.abc import Generator
from functools import cached_property
from typing import TYPE_CHECKING

from modelplug import Call, Hooks, Model, Settings, Strategy, hookimpl

if TYPE_CHECKING:  # a start stays quick: OpenTelemetry is imported at the first call
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from modelplug_otel._recording import Recording


class Otel(Hooks):
    """Gives each call a client span and its metrics, through the SDK that the host sets up, before loading or after.

    Without arguments the global providers are used. Content is recorded only with `content = true` under `[otel]`, or
    `MODELPLUG_OTEL_CONTENT=1`.
    """

    def __init__(
        self, *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self._providers = tracer_provider, meter_provider

    @hookimpl(wrapper=True, tryfirst=True)
    def select_strategy(self, model: Model, settings: Settings) -> Generator[None, Strategy | None, Strategy | None]:
        """The selected strategy within a span: outermost, so that all tries and waits are in it."""
        inner = yield
        if inner is None:
            return None
        from modelplug_otel._layer import Tracing

        return Tracing(inner, self._recording, content=settings.table("otel").flag("content"))

    @hookimpl
    def call_finished(self, call: Call) -> None:
        """Complete the span of the call, or make it where none was begun, and record the metrics."""
        self._recording.finish(call)

    @cached_property
    def _recording(self) -> Recording:
        from modelplug_otel._recording import Recording

        return Recording(*self._providers)
