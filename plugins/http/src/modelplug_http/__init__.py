"""The fast strategy: OpenAI-compatible HTTP without LiteLLM, and the wire that it shares with other plugins.

Plugins that speak to a provider themselves use `modelplug_http.wire`; it is not imported here, because loading the
plugin costs nothing until a model is called.
"""

from __future__ import annotations

from modelplug_http.plugin import HttpPlugin

__all__ = ["HttpPlugin"]
