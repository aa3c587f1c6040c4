"""Prices: exact, and unknown rather than wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelplug import Model, Prices, Usage

PRICES = Prices(input=Decimal("2.5"), output=Decimal(10), cached_input=Decimal("1.25"))


def usage(**sent: object) -> Usage:
    """A usage as a provider sends it."""
    return Usage.read(sent)


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_cost_is_exact(prompt: int, cached: int, completion: int) -> None:
    """To the last digit, with cached tokens inside the prompt's."""
    sent = usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        prompt_tokens_details={"cached_tokens": cached},
    )
    inside = min(cached, prompt)
    expected = Decimal(prompt - inside) * 5 / 2 + Decimal(inside) * 5 / 4 + Decimal(completion) * 10
    assert PRICES.cost(sent) == expected / 1_000_000


@pytest.mark.parametrize(
    ("prices", "sent", "cost"),
    [
        (PRICES, usage(), None),
        (Prices(), usage(prompt_tokens=1, completion_tokens=1, total_tokens=2), None),
        (Prices(input=Decimal(1)), usage(prompt_tokens=1, completion_tokens=1, total_tokens=2), None),
        (Prices(input=Decimal(1)), usage(prompt_tokens=5, total_tokens=5), Decimal("0.000005")),
        (Prices(input=Decimal(0), output=Decimal(0)), usage(prompt_tokens=1, completion_tokens=1), Decimal(0)),
    ],
    ids=["no usage", "no prices", "no price for what was used", "embeddings", "free is not unknown"],
)
def test_unknown_is_none(prices: Prices, sent: Usage, cost: Decimal | None) -> None:
    """None as soon as a part is unknown; zero only where zero is known."""
    assert prices.cost(sent) == cost


def test_aliases_are_not_one_string() -> None:
    """`aliases="fast"` would be four aliases; it is refused."""
    with pytest.raises(TypeError, match="not as one string"):
        Model(id="a/b", provider="a", aliases="fast")


@pytest.mark.parametrize(
    "wrong",
    [
        {"aliases": [["fast"]]},
        {"aliases": [1]},
        {"requires": [None]},
        {"capabilities": "chat"},
        {"capabilities": [1]},
        {"prices": None},
        {"prices": 0},
    ],
    ids=repr,
)
def test_a_model_of_another_shape_is_refused_where_it_is_made(wrong: dict[str, Any]) -> None:
    """So that it is its plugin that fails, and no call."""
    with pytest.raises(TypeError):
        Model(id="a/b", provider="a", **wrong)


def test_a_price_may_be_any_number() -> None:
    """A float is taken for what was written, to the digit."""
    prices: Any = {"input": 0.15, "output": 1}
    assert Prices(**prices) == Prices(input=Decimal("0.15"), output=Decimal(1))
    assert Prices(**prices).cost(usage(prompt_tokens=1, completion_tokens=1)) == Decimal("0.00000115")


@pytest.mark.parametrize("price", ["much", float("nan"), Decimal("inf"), True], ids=repr)
def test_a_price_is_a_number(price: Any) -> None:
    """What cannot be multiplied is refused."""
    with pytest.raises(ValueError, match="price"):
        Prices(input=price)
