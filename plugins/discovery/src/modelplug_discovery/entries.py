"""The models that a provider's table names: `models = ["large", {id = "small", ...}]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from modelplug import ConfigError, ProviderSettings

from modelplug_discovery.entry import PRICES, Entry, named, price, tokens

KNOWN = frozenset({"id", "name", "aliases", "context_window", "max_output", "capabilities", "prices"})
SHAPE = 'Write "name", or { id = "name", context_window = 128_000, capabilities = ["chat"], prices = { input = 1.5 } }.'


def entries(own: ProviderSettings) -> Iterator[Entry]:
    """Raises ConfigError with the place of what is wrong."""
    found = own.find("models")
    if found is None:
        return
    rows = [name.strip() for name in found.value.split(",")] if isinstance(found.value, str) else found.value
    if not isinstance(rows, list | tuple):
        raise ConfigError(found.setting, "is no list", SHAPE)
    seen = dict[str, int]()
    for place, row in enumerate(rows, 1):
        entry = _entry({"id": row} if isinstance(row, str) else row, f"{found.setting}, entry {place}")
        if entry.id in seen:
            again = f"names the model of entry {seen[entry.id]} again"
            raise ConfigError(f"{found.setting}, entry {place}", again, "Leave one of them out.")
        seen[entry.id] = place
        yield entry


def _entry(row: object, place: str) -> Entry:
    if not isinstance(row, Mapping):
        raise ConfigError(place, "is neither a name nor a table", SHAPE)
    if unknown := row.keys() - KNOWN:
        raise ConfigError(
            place, f"has {min(map(str, unknown))!r}, which is not known", f"Known: {', '.join(sorted(KNOWN))}."
        )
    try:
        return Entry(
            id=named(row.get("id")),
            name=None if row.get("name") is None else named(row["name"]),
            aliases=tuple(map(named, _texts(row.get("aliases", ())))),
            context_window=_tokens(row.get("context_window")),
            max_output=_tokens(row.get("max_output")),
            capabilities=frozenset(map(named, _texts(row.get("capabilities", ("chat",))))),
            prices=_prices(row.get("prices", {})),
        )
    except ValueError as error:
        raise ConfigError(place, f"has {error}", SHAPE) from None


def _texts(value: object) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError("something else than a list of names")  # noqa: TRY004  # one error for all of an entry
    return value


def _tokens(value: object) -> int | None:
    read = tokens(value)
    if value is not None and read is None:
        raise ValueError("what is no number of tokens")
    return read


def _prices(value: object) -> dict[str, Decimal]:
    if not isinstance(value, Mapping) or value.keys() - set(PRICES):
        raise ValueError(f"prices that are none; they are {', '.join(PRICES)}, in US dollars for a million tokens")
    prices = {name: price(amount) for name, amount in value.items()}
    if None in prices.values():
        raise ValueError("a price that is no number of US dollars")
    return {name: known for name, known in prices.items() if known is not None}
