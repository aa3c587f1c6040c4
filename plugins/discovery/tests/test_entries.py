"""A provider with no code: what its table says is what there is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from modelplug import ConfigError, PluginError, Prices, Settings, Switchboard
from modelplug_discovery import Discovery
from modelplug_metrics import Metrics
from modelplug_testkit.contract import well
from modelplug_testkit.upstream import Upstream

MESSAGES = [{"role": "user", "content": "hi"}]


def board_with(table: dict[str, Any], **environment: str) -> Switchboard:
    board = Switchboard(settings=Settings(argument={"providers": {"acme": table}}, environment=environment))
    board.add(Discovery, name="discovery")
    return board


async def test_a_table_is_a_whole_provider() -> None:
    """Its models are called through `http` with its key, and counted with what they cost."""
    async with Upstream(plays=[well]) as server:
        small = {"id": "small", "aliases": ["s"], "context_window": 32_000, "prices": {"input": 1, "output": "2.5"}}
        table = {"api_base": server.base, "api_key_env": "MY_KEY", "models": ["org/large", small]}
        board = board_with(table, MY_KEY="sk-acme-0123456789")
        board.add(Metrics, name="metrics")
        assert [model.id for model in board.models] == ["acme/org/large", "acme/small"]
        reply = await board.complete("s", MESSAGES)
        await board.aclose()
        assert server.received[0].json["model"] == "small"
        assert server.received[0].headers["authorization"] == "Bearer sk-acme-0123456789"
    assert reply.call is not None
    assert (reply.call.strategy, reply.call.cost) == ("http", (3 * Decimal(1) + 2 * Decimal("2.5")) / 1_000_000)
    (row,) = board.plugin("metrics").snapshot().models
    assert (row.provider, row.model, row.all_time.ok) == ("acme", "acme/small", 1)


def test_unknown_stays_unknown() -> None:
    """A name alone is a model of which nothing is known, but that it talks."""
    (model,) = board_with({"api_base": "http://acme.test/v1", "models": ["large"]}).models
    assert (model.context_window, model.max_output, model.prices) == (None, None, Prices())
    assert model.capabilities == {"chat"}


def test_a_key_is_needed_where_settings_speak_of_one() -> None:
    """A server without keys is ready at once; one whose key is not set is not."""
    open_one = board_with({"api_base": "http://127.0.0.1:9/v1", "models": ["large"]})
    assert open_one.ready(open_one.models[0])
    closed = board_with({"api_base": "http://127.0.0.1:9/v1", "models": ["large"], "api_key_env": "MY_KEY"})
    assert not closed.ready(closed.models[0])


def test_another_strategy_is_left_to_its_plugin() -> None:
    """`strategy` in the table is obeyed."""
    board = board_with({"api_base": "http://127.0.0.1:9/v1", "models": ["large"], "strategy": "direct"})
    assert Discovery().select_strategy(board.models[0], board.settings) is None


def test_list_prices_below_nothing_are_refused() -> None:
    """No provider pays for being asked."""
    with pytest.raises(PluginError, match=r"\[providers.acme\] list_prices: is less than 0"):
        board_with({"api_base": "http://127.0.0.1:9/v1", "models": ["large"], "list_prices": -1})


@pytest.mark.parametrize(
    ("models", "told"),
    [
        (7, "is no list"),
        ([7], "entry 1"),
        (["ok", {"name": "no id"}], "entry 2"),
        ([{"id": "a", "price": 1}], "'price'"),
        ([{"id": "a", "context_window": -1}], "tokens"),
        ([{"id": "a", "prices": {"input": "cheap"}}], "US dollars"),
        ([{"id": "a", "prices": {"in": 1}}], "cached_input"),
        ([{"id": "a", "capabilities": "chat"}], "list of names"),
        (["a", "a"], "again"),
        (["a\nb"], "entry 1"),
    ],
)
def test_a_wrong_entry_is_told_by_its_place(models: object, told: str) -> None:
    """And with how it is written right; the plugin's earlier models and other plugins stay."""
    board = Switchboard(settings=Settings(argument={"providers": {"acme": {"models": models}}}, environment={}))
    with pytest.raises(Exception, match="acme") as caught:
        board.add(Discovery, name="discovery")
    assert told in str(caught.value)
    with pytest.raises(ConfigError, match=r"Write|Known|Leave"):
        list(Discovery().provide_models(board.settings))
