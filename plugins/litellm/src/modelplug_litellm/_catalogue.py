"""The models of LiteLLM's providers, from its price map."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from modelplug import Model, Prices

from modelplug_litellm._price_map import UNKNOWN, Row, rows
from modelplug_litellm._providers import requires


def models(*, today: str | None = None, cache: Path | None = None) -> list[Model]:
    """Chat and embedding models of LiteLLM's standard providers; those past their date of deprecation are left out.

    `today` is a date in ISO form. Prices are those of a plain request: batch, priority and long-context prices of the
    map are not taken over.
    """
    today = today or datetime.now(UTC).date().isoformat()
    make = _Maker()
    return [make.model(row) for row in rows(cache=cache or _cache_folder()) if not _past(row.deprecated, today)]


def _past(date: str | None, today: str) -> bool:
    return isinstance(date, str) and len(date) == len(today) and date < today


class _Maker:
    """Makes models; equal prices and equal sets of capabilities become one object, which saves time and memory."""

    def __init__(self) -> None:
        self._prices: dict[str, Prices] = {}
        self._capabilities: dict[str, frozenset[str]] = {}

    def model(self, row: Row) -> Model:
        prices = self._prices.get(row.prices)
        if prices is None:
            prices = self._prices[row.prices] = _prices(row.prices)
        capabilities = self._capabilities.get(row.capabilities)
        if capabilities is None:
            capabilities = self._capabilities[row.capabilities] = frozenset(row.capabilities.split())
        return Model(
            id=row.id,
            provider=row.provider,
            aliases=() if row.alias is None else (row.alias,),
            context_window=row.context_window,
            max_output=row.max_output,
            capabilities=capabilities,
            prices=prices,
            requires=requires(row.provider),
        )


def _prices(words: str) -> Prices:
    given, produced, cached, written = map(_per_million, words.split())
    return Prices(input=given, output=produced, cached_input=cached, cache_write=written)


def _per_million(price: str) -> Decimal | None:
    if price == UNKNOWN:
        return None
    exact = Decimal(price).scaleb(6).normalize()
    return exact.quantize(Decimal(1)) if exact == exact.to_integral_value() else exact


def _cache_folder() -> Path | None:
    from platformdirs import user_cache_path  # costs start-up time: asked only when models are listed

    return user_cache_path("modelplug", appauthor=False)
