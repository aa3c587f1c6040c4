"""What a model is: a frozen record that a plugin brings."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from modelplug.answers import Usage

_MILLION = Decimal(1_000_000)


def _words(words: Iterable[str]) -> frozenset[str]:
    return words if type(words) is frozenset else frozenset(_names(words))


def _names(names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise TypeError("names are given as a tuple, not as one string")
    names = tuple(names)
    if names:
        "".join(names)  # the quickest way to raise TypeError for one that is no text
    return names


def _dollars(price: Decimal | float | None) -> Decimal | None:
    if price is None or (type(price) is Decimal and price.is_finite()):
        return price
    try:
        exact = Decimal(str(price))  # a float is taken for what was written
    except ArithmeticError:
        exact = Decimal("nan")
    if not exact.is_finite():
        raise ValueError(f"a price is a number of US dollars, not {price!r:.100}")
    return exact


@frozen(kw_only=True)
class Prices:
    """US dollars for a million tokens, each a Decimal; a number is made one. None is unknown, which is not zero."""

    input: Decimal | None = field(default=None, converter=_dollars)
    output: Decimal | None = field(default=None, converter=_dollars)
    cached_input: Decimal | None = field(default=None, converter=_dollars)
    cache_write: Decimal | None = field(default=None, converter=_dollars)

    def cost(self, usage: Usage) -> Decimal | None:
        """US dollars for this usage, or None as soon as a token count or the price of a used token is unknown.

        Cached tokens are inside the prompt tokens; without a price of their own they cost what input costs.
        """
        prompt, completion = usage.prompt_tokens, usage.completion_tokens
        if completion is None and prompt is not None and usage.total_tokens == prompt:
            completion = 0  # embeddings: all there was went in
        if prompt is None or completion is None:
            return None
        cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
        if not cached and not written and prompt > 0 and completion > 0:  # nearly always
            if self.input is None or self.output is None:
                return None
            return (prompt * self.input + completion * self.output) / _MILLION
        parts = (
            (prompt - cached - written, self.input),
            (cached, self.input if self.cached_input is None else self.cached_input),
            (written, self.input if self.cache_write is None else self.cache_write),
            (completion, self.output),
        )
        total = Decimal(0)
        for tokens, price in parts:
            if tokens > 0:
                if price is None:
                    return None
                total += tokens * price
        return total / _MILLION


UNKNOWN_PRICES = Prices()


@frozen(kw_only=True)
class Model:
    """One model that can be called.

    `id` is exact and unique, `aliases` are other names for it, `name` is for people. `context_window` and
    `max_output` are tokens. `capabilities` are words: "chat", "embeddings", "tools", "vision", "audio",
    "reasoning", "json_schema". `requires` names the settings of the provider without which no call can be made.
    """

    id: str
    provider: str
    name: str = field()
    aliases: tuple[str, ...] = field(default=(), converter=_names)
    context_window: int | None = None
    max_output: int | None = None
    capabilities: frozenset[str] = field(default=frozenset({"chat"}), converter=_words)
    prices: Prices = UNKNOWN_PRICES
    enabled: bool = True
    requires: tuple[str, ...] = field(default=("api_key",), converter=_names)

    @name.default
    def _name_from_id(self) -> str:
        return self.id

    def __attrs_post_init__(self) -> None:
        texts: tuple[object, ...] = (self.id, self.provider)  # a plugin may bring anything
        for text in texts:
            if not isinstance(text, str) or not text.isprintable() or text.strip() != text or not text:
                raise ValueError(f"a model's id and provider are printable names, not {text!r:.100}")
        prices: object = self.prices
        if not isinstance(prices, Prices):
            raise TypeError(f"a model's prices are Prices, not a {type(prices).__name__}")
