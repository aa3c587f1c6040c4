"""Traces and metrics of calls for OpenTelemetry, by its GenAI conventions.

Installed and with an SDK in the host's process, it is all that is needed. Without one it says nothing.
"""

from modelplug_otel.plugin import Otel

__all__ = ["Otel"]
