"""v98store: many vendors' models behind one key, in OpenAI's dialect."""

from __future__ import annotations

from modelplug_v98store.plugin import V98Store

__all__ = ["V98Store"]
