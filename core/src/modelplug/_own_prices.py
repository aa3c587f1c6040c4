"""What the host says that models cost: `[prices."model id"]`, above what plugins say."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from attrs import evolve, fields

from modelplug.errors import ConfigError
from modelplug.models import Model, Prices
from modelplug.settings import Settings

_PARTS = tuple(field.name for field in fields(Prices))


def at_own_prices(brought: Mapping[str, tuple[Model, ...]], settings: Settings) -> Mapping[str, tuple[Model, ...]]:
    """The models of each plugin, at the host's prices where it has any. Raises ConfigError for what is no price."""
    tables = settings.own("prices")
    if not isinstance(tables, Mapping) or not all(isinstance(table, Mapping) for table in tables.values()):
        raise ConfigError("prices", "is not made of tables", 'Write [prices."model id"] and below it input = 0.15.')
    if not tables:
        return brought
    own = {name: {part: _price(name, part, table[part]) for part in table} for name, table in tables.items()}

    def priced(model: Model) -> Model:
        return evolve(model, prices=evolve(model.prices, **own[model.id])) if model.id in own else model

    return {plugin: tuple(map(priced, models)) for plugin, models in brought.items()}


def _price(name: str, part: str, given: object) -> Decimal:
    place = f"prices, {name}, {part}"
    if part not in _PARTS:
        raise ConfigError(place, "is no price", f"Write {', '.join(_PARTS)}: US dollars for a million tokens.")
    try:
        price = Decimal(str(given))
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or price < 0:
        raise ConfigError(place, "is no sum of money", "Write US dollars for a million tokens, such as 0.15.")
    return price
