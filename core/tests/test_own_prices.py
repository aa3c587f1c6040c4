"""What the host says that models cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from modelplug import ConfigError, Model, Prices, Settings, Switchboard
from modelplug.testing import FakePlugin

LISTED = Model(id="fake/m", provider="fake", aliases=("m",), requires=(), prices=Prices(input=Decimal(5)))


def board_with(prices: Any) -> Switchboard:
    board = Switchboard(settings=Settings(environment={}, argument={"prices": prices}))
    board.add(FakePlugin(LISTED, Model(id="fake/other", provider="fake")))
    return board


async def test_a_host_may_have_prices_of_its_own() -> None:
    """They come before the plugin's, one by one, count for calls by any name, and touch no other model."""
    board = board_with({"fake/m": {"output": 0.1, "cached_input": "0"}, "no/such": {"input": 1}})
    assert board.resolve("m").prices == Prices(input=Decimal(5), output=Decimal("0.1"), cached_input=Decimal(0))
    assert board.resolve("fake/other").prices == Prices()
    reply = await board.complete("m", [{"role": "user", "content": "Hello"}])
    assert reply.call is not None and reply.call.cost == Decimal("0.0000152")


@pytest.mark.parametrize(
    ("prices", "place"),
    [
        ([], "prices"),
        ({"fake/m": 3}, "prices"),
        ({"fake/m": {"inptu": 1}}, "prices, fake/m, inptu"),
        ({"fake/m": {"input": -1}}, "prices, fake/m, input"),
        ({"fake/m": {"input": "free"}}, "prices, fake/m, input"),
        ({"fake/m": {"input": True}}, "prices, fake/m, input"),
        ({"fake/m": {"input": "inf"}}, "prices, fake/m, input"),
    ],
    ids=str,
)
def test_what_is_no_price_is_told_at_once(prices: Any, place: str) -> None:
    """A mistake is not a bill that is wrong for a month."""
    with pytest.raises(ConfigError) as caught:
        board_with(prices)
    assert caught.value.setting == place
