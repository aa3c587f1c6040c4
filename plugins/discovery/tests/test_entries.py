"""A provider with no code: what its table says is what there is."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from modelplug import PluginError, Prices, Settings, Switchboard
from modelplug_discovery import Discovery, kept
from modelplug_discovery.entry import Entry
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
    board = board_with({"api_base": "http://127.0.0.1:9/v1", "models": ["large"], "list_prices": -1})
    assert board.models == ()
    assert "[providers.acme] list_prices: is less than 0" in str(board.plugin("discovery").problems["acme"])


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
        (["a", "b", "a"], "entry 3: names the model of entry 1 again"),
        (["a\nb"], "entry 1"),
    ],
)
def test_a_wrong_entry_is_told_by_its_place(models: object, told: str, caplog: pytest.LogCaptureFixture) -> None:
    """And with how it is written right, in the log; this provider has no models, and those of another are there."""
    providers = {"acme": {"models": models}, "good": {"api_base": "http://127.0.0.1:9/v1", "models": ["one"]}}
    board = Switchboard(settings=Settings(argument={"providers": providers}, environment={}))
    added = board.add(Discovery, name="discovery")
    assert [model.id for model in board.models] == ["good/one"]
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("provider 'acme' has no models: ") and "[providers.acme] models" in line and told in line
    assert any(step in line for step in ("Write ", "Known: ", "Leave "))
    assert added.problems == {"acme": str(board.plugin("discovery").problems["acme"])}


def test_a_table_that_becomes_wrong_and_right_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At a refresh its provider keeps its earlier models, with a warning each time, and others get their new ones."""
    path = tmp_path / "config.toml"

    def write(acme: str, good: str) -> None:
        path.write_text(f"[providers.acme]\nmodels = {acme}\n[providers.good]\nmodels = {good}\n", "utf-8")

    def ids() -> list[str]:
        return [model.id for model in board.models]

    write("['large']", "['one']")
    board = Switchboard(settings=Settings.read(environment={"MODELPLUG_CONFIG": str(path)}))
    board.add(Discovery, name="discovery")
    write("['large', 'small', 7]", "['one', 'two']")
    for count in (1, 2):
        board.refresh()
        assert ids() == ["acme/large", "good/one", "good/two"]
        lines = [record.getMessage() for record in caplog.records]
        assert len(lines) == count
        assert "provider 'acme' keeps its earlier models: " in lines[-1] and "entry 3: is neither" in lines[-1]
    write("['small']", "['two']")
    board.refresh()
    assert ids() == ["acme/small", "good/two"]
    assert [plugin.problems for plugin in board.plugins] == [{}]


def test_a_strict_host_hears_of_a_wrong_table() -> None:
    """`load(strict=True)` raises PluginError; without it the host starts."""
    settings = {"providers": {"acme": {"models": [7]}}}
    with pytest.raises(PluginError, match=r"plugin 'discovery': provider 'acme': .*\[providers.acme\] models, entry 1"):
        Switchboard.load(only={"discovery"}, strict=True, settings=Settings(argument=settings, environment={}))


def test_what_an_endpoint_listed_waits_for_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a wrong `models` the kept list is not brought either: the table may say other prices than the list."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    table: dict[str, Any] = {"api_base": "http://127.0.0.1:9/v1", "discover": True}
    own = Settings(argument={"providers": {"acme": table}}, environment={}).provider("acme")
    kept.write(own, [Entry(id="listed")])
    assert [model.id for model in board_with(table).models] == ["acme/listed"]
    assert board_with({**table, "models": [7]}).models == ()
