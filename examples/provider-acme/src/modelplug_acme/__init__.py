"""Acme: two models behind an OpenAI-compatible interface."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from modelplug import Hooks, Model, Prices, Settings, hookimpl

__all__ = ["Acme"]


class Acme(Hooks):
    """The provider `acme`. Its settings are `ACME_API_KEY` and `ACME_API_BASE`."""

    defaults: ClassVar[Mapping[str, Any]] = {
        "providers": {"acme": {"api_base": "https://api.acme.example/v1", "strategy": "http"}}
    }

    @hookimpl
    def provide_models(self, settings: Settings) -> Iterable[Model]:
        yield Model(
            id="acme/anvil-large",
            provider="acme",
            name="Anvil Large",
            aliases=("anvil",),
            context_window=128_000,
            max_output=16_384,
            capabilities=("chat", "tools", "vision"),
            prices=Prices(input=Decimal("2.50"), output=Decimal(10), cached_input=Decimal("1.25")),
        )
        yield Model(
            id="acme/anvil-embed",
            provider="acme",
            name="Anvil Embeddings",
            context_window=8_192,
            capabilities=("embeddings",),
            prices=Prices(input=Decimal("0.02"), output=Decimal(0)),
        )
