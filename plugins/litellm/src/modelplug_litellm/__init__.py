"""Calls through LiteLLM: its catalogue of models, and the strategies `direct` and `router`.

LiteLLM is imported at the first call and nowhere else: loading this plugin and listing its models does without.
"""

from __future__ import annotations

from modelplug_litellm.plugin import LiteLLMPlugin

__all__ = ["LiteLLMPlugin"]
