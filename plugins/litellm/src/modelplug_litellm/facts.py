"""What LiteLLM's table knows of models by their makers' own names, for lists that tell names alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from modelplug import Model

from modelplug_litellm._catalogue import models

MAKERS = ("openai", "anthropic", "gemini", "mistral", "deepseek", "xai", "cohere_chat", "dashscope", "moonshot", "zai")
"""Providers that serve models of their own; of one name, the first of these says what it is."""


def facts(*, cache: Path | None = None) -> Mapping[str, Model]:
    """Models by name (`gpt-4o-mini`) and by maker and name (`openai/gpt-4o-mini`). Prices are list prices."""
    known: dict[str, Model] = {}
    of: dict[str, list[Model]] = {}
    for model in models(cache=cache):
        of.setdefault(model.provider, []).append(model)
    for maker in MAKERS:
        for model in of.get(maker, ()):
            known.setdefault(model.id, model)
            known.setdefault(model.id.removeprefix(f"{maker}/"), model)
    return known
