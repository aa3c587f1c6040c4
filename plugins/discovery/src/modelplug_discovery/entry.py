"""What is known of one model, by its provider's own name. What is not known is None."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Self

from attrs import field, frozen
from modelplug import Model, Prices

PRICES = ("input", "output", "cached_input", "cache_write")
OPERATIONS = frozenset({"chat", "embeddings"})
MOST_TOKENS = 1_000_000_000
DEAREST = Decimal(1_000_000)
"""US dollars for a million tokens; more is a mistake."""


@frozen(kw_only=True)
class Entry:
    """One model of a list. `prices` are US dollars for a million tokens, `capabilities` words of Model, or None.

    `list_prices` are those of the model's maker, which are the provider's own times a ratio, if at all.
    """

    id: str
    name: str | None = None
    aliases: tuple[str, ...] = ()
    context_window: int | None = None
    max_output: int | None = None
    capabilities: frozenset[str] | None = None
    prices: Mapping[str, Decimal] = field(factory=dict)
    list_prices: Mapping[str, Decimal] = field(factory=dict)

    def over(self, other: Entry | None) -> Self | Entry:
        """The same, with what the other knows where this one knows nothing."""
        if other is None:
            return self
        return type(self)(
            id=self.id,
            name=self.name or other.name,
            aliases=self.aliases or other.aliases,
            context_window=self.context_window or other.context_window,
            max_output=self.max_output or other.max_output,
            capabilities=self._capabilities(other),
            prices={**other.prices, **self.prices},
            list_prices={**other.list_prices, **self.list_prices},
        )

    def _capabilities(self, other: Entry) -> frozenset[str] | None:
        """Those of this one; where it tells details alone, the other says whether one chats with it or embeds."""
        if self.capabilities is None or other.capabilities is None:
            return other.capabilities if self.capabilities is None else self.capabilities
        untold = self.capabilities.isdisjoint(OPERATIONS)
        return self.capabilities | (other.capabilities & OPERATIONS) if untold else self.capabilities

    def priced(self, ratio: Decimal | None) -> Prices:
        """What it costs; with a ratio, where only list prices are known, these times the ratio."""
        known = dict(self.prices)
        if not known and ratio is not None:
            known = {name: price * ratio for name, price in self.list_prices.items()}
        return Prices(**known)

    def model(self, provider: str, *, ratio: Decimal | None = None) -> Model:
        """The model: its id is `provider/name`, its aliases are those that settings give it."""
        return Model(
            id=f"{provider}/{self.id}",
            provider=provider,
            name=self.name or self.id,
            aliases=self.aliases,
            context_window=self.context_window,
            max_output=self.max_output,
            capabilities=frozenset() if self.capabilities is None else self.capabilities,
            prices=self.priced(ratio),
        )

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, without what is not known."""
        fields: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "context_window": self.context_window,
            "max_output": self.max_output,
            "capabilities": None if self.capabilities is None else sorted(self.capabilities),
            "prices": _texts(self.prices),
            "list_prices": _texts(self.list_prices),
        }
        return {name: value for name, value in fields.items() if value is not None}

    @classmethod
    def from_json(cls, sent: Mapping[str, Any]) -> Self:
        """What `as_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        capabilities = sent.get("capabilities")
        return cls(
            id=named(sent["id"]),
            name=sent.get("name") and named(sent["name"]),
            context_window=tokens(sent.get("context_window")),
            max_output=tokens(sent.get("max_output")),
            capabilities=None if capabilities is None else frozenset(map(named, capabilities)),
            prices=_prices(sent.get("prices", {})),
            list_prices=_prices(sent.get("list_prices", {})),
        )


def named(value: object) -> str:
    """A name that may be shown and sent. Raises ValueError for anything else."""
    if not isinstance(value, str) or not value.isprintable() or value.strip() != value or not 0 < len(value) <= 200:
        raise ValueError("no name of a model")
    return value


def tokens(value: object) -> int | None:
    """A number of tokens, None for what is none."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 12:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and isinstance(value, int) and 0 < value <= MOST_TOKENS else None


def price(value: object, *, scale: int = 0) -> Decimal | None:
    """A price, times ten to `scale`; None for what is none. OpenRouter says -1 where a price is not fixed."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal) or len(str(value)) > 40:
        return None
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        return None
    if not exact.is_finite() or not -20 < exact.adjusted() < 20 or exact < 0:
        return None if exact.is_nan() or exact != 0 else Decimal(0)
    exact = exact.scaleb(scale)
    return exact if exact <= DEAREST else None


def _texts(prices: Mapping[str, Decimal]) -> dict[str, str] | None:
    return {name: f"{amount:f}" for name, amount in prices.items()} or None


def _prices(sent: Mapping[str, Any]) -> dict[str, Decimal]:
    return {name: known for name in PRICES if (known := price(sent.get(name))) is not None}
