"""Prices: exact, and unknown rather than wrong."""

from __future__ import annotations

from decimal import Decimal

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
