"""`modelplug doctor`: each trouble by its symptom, with the next step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from modelplug import Model, Settings, Switchboard
from modelplug.retry import Retry
from modelplug.testing import FakePlugin
from modelplug_cli._finding import Finding
from modelplug_cli._findings import findings
from modelplug_cli._way import way
from modelplug_discovery import Discovery, kept
from modelplug_discovery.entry import Entry
from modelplug_http import HttpPlugin
from modelplug_litellm import LiteLLMPlugin
from modelplug_v98store import V98Store

KEY = "sk-real-0123456789abcdef"


def found(table: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> list[Finding]:
    """What is found of a provider `acme` with these settings."""
    settings = Settings(argument={"providers": {"acme": table}}, environment=environment or {})
    board = Switchboard(settings=settings)
    for plugin in (HttpPlugin, Discovery):
        board.add(plugin)
    return [finding for finding in findings(board) if finding.subject == "provider acme"]


GOOD = {"api_base": "https://acme.test/v1", "api_key": KEY, "models": ["large"]}
TROUBLES: dict[str, tuple[Mapping[str, Any], str, str]] = {
    "good": (GOOD, "ok", "strategy http"),
    "a placeholder": ({**GOOD, "api_key": "sk-xxxxxxxx"}, "wrong", "placeholder"),
    "another one": ({**GOOD, "api_key": "your-key-here"}, "wrong", "placeholder"),
    "a key in quotes": ({**GOOD, "api_key": f'"{KEY}"'}, "wrong", "quotes"),
    "a key that is not set": (
        {"api_base": "https://acme.test/v1", "api_key_env": "NO_SUCH", "models": ["large"]},
        "wrong",
        "api_key_env",
    ),
    "no encryption": ({**GOOD, "api_base": "http://acme.test/v1"}, "warning", "encryption"),
    "one endpoint": ({**GOOD, "api_base": "https://acme.test/v1/chat/completions"}, "warning", "one endpoint"),
    "no path and no strategy": ({**GOOD, "api_base": "https://acme.test"}, "warning", "no path"),
    "never asked": ({"api_base": "https://acme.test/v1", "discover": True}, "warning", "models refresh acme"),
    "no path": ({**GOOD, "api_base": "https://acme.test", "strategy": "http"}, "warning", "no path"),
    "an address that is none": ({**GOOD, "api_base": "acme.test"}, "wrong", "api_base"),
    "a strategy that nobody brings": ({**GOOD, "strategy": "htpp"}, "wrong", "htpp"),
    "a wrong entry": (
        {**GOOD, "models": ["large", 7]},
        "wrong",
        "models, entry 2: is neither a name nor a table. Write",
    ),
    "no models": ({"api_base": "https://acme.test/v1", "api_key": KEY, "strategy": "http"}, "wrong", "no models"),
}


@pytest.mark.parametrize(("table", "state", "told"), TROUBLES.values(), ids=TROUBLES.keys())
def test_each_trouble_has_its_line(table: Mapping[str, Any], state: str, told: str) -> None:
    """Its state, its words, and never the key."""
    lines = found(table)
    assert [finding.state for finding in lines] == [state]
    assert told in f"{lines[0].said} {lines[0].next_step}"
    assert KEY not in str(lines)


def test_a_proxy_that_is_not_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls leave the environment's proxy alone unless they are told."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    assert "proxy" in found(GOOD)[0].said
    assert found({**GOOD, "proxy": "environment"})[0].state == "ok"
    assert found({**GOOD, "proxy": "none"})[0].state == "ok"
    assert found(GOOD, {"MODELPLUG_PROXY": "environment"})[0].state == "ok"


def test_a_plugin_that_failed_is_named() -> None:
    """With how to keep it out."""
    board = Switchboard(settings=Settings(environment={}))
    board.add(FakePlugin(), name="fake")
    assert [finding for finding in findings(board) if finding.state == "wrong"] == []
    assert any("1 loaded" in finding.said for finding in findings(board))


def board_of(table: Mapping[str, Any], environment: Mapping[str, str] | None = None, **more: Any) -> Switchboard:
    """A board with the plugins of providers without code and of v98store."""
    settings = Settings(argument={"providers": {"acme": table}, **more}, environment=environment or {})
    board = Switchboard(settings=settings)
    for plugin, name in (
        (HttpPlugin, "http"),
        (Discovery, "discovery"),
        (LiteLLMPlugin, "litellm"),
        (V98Store, "v98store"),
    ):
        board.add(plugin, name=name)
    return board


def lines(board: Switchboard, name: str) -> dict[str, str]:
    """What is told of the way of a call, by subject."""
    return {found.subject: f"{found.state}: {found.said}" for found in way(board, name)}


def test_the_way_of_a_call_by_an_alias() -> None:
    """The alias is resolved first; the wire gets the name without its prefix, by the strategy that a setting chose."""
    told = lines(board_of(GOOD, {"V98STORE_API_KEY": KEY, "V98STORE_STRATEGY": "http"}), "gpt-4o-mini-v98")
    assert told["name"] == "ok: gpt-4o-mini-v98 is an alias for openai-compatible/gpt-4o-mini"
    assert told["brought by"].startswith("ok: the plugin v98store")
    assert told["sent as"] == "ok: gpt-4o-mini"
    assert told["strategy"] == "ok: http, by V98STORE_STRATEGY"
    assert told["key"] == "ok: from V98STORE_API_KEY"
    assert told["address"] == "ok: from plugin default, [providers.v98store] api_base"
    assert "not installed" in told["figures"]
    assert KEY not in str(told) and "v98store.com" not in str(told)


def test_key_and_address_under_the_other_name_come_together() -> None:
    """The source of both is told, and what is wrong with that address."""
    lent = {"OPENAI_COMPATIBLE_API_KEY": KEY, "OPENAI_COMPATIBLE_API_BASE": "https://relay.test"}
    told = lines(board_of(GOOD, lent), "gpt-4o-mini-v98")
    assert told["key"] == "ok: from OPENAI_COMPATIBLE_API_KEY"
    assert told["address"] == "ok: from OPENAI_COMPATIBLE_API_BASE"
    assert told["provider v98store"] == "warning: its address has no path"


def test_what_a_call_lacks_is_wrong() -> None:
    """With the variable and the place in config.toml."""
    found = [each for each in way(board_of(GOOD), "gpt-4o-mini-v98") if each.state == "wrong"]
    assert [(each.subject, each.next_step) for each in found] == [
        ("key", "Set V98STORE_API_KEY, or api_key under [providers.v98store] in config.toml.")
    ]


def test_settings_of_the_way_name_their_source() -> None:
    """Tries, places, timeout, proxy, and an alias of the host's own."""
    table = {**GOOD, "timeout": 20, "max_concurrency": 4, "proxy": "http://proxy.test:1"}
    told = lines(board_of(table, {"MODELPLUG_RETRY_ATTEMPTS": "2"}, aliases={"big": "acme/large"}), "big")
    assert told["name"] == "ok: big is yours, from [aliases] for acme/large"
    assert told["timeout"] == "ok: 20 s, from settings argument, [providers.acme] timeout"
    assert told["tries"].endswith("4 calls at once, from settings argument, [providers.acme] max_concurrency")
    assert told["proxy"] == "ok: from settings argument, [providers.acme] proxy"
    assert told["strategy"] == "ok: http, no setting names one: its plugin decides"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "3 at most, as nothing says otherwise"),
        ({"MODELPLUG_RETRY_ATTEMPTS": "2"}, "2 at most, from MODELPLUG_RETRY_ATTEMPTS"),
        ({"MODELPLUG_RETRY_ATTEMPTS": "2", "ACME_ATTEMPTS": "5"}, "5 at most, from ACME_ATTEMPTS"),
    ],
)
def test_tries_are_the_providers_or_those_of_all(environment: Mapping[str, str], told: str) -> None:
    """As the layer reads them."""
    board = board_of(GOOD, environment)
    board.add(Retry, name="retry")
    assert lines(board, "acme/large")["tries"] == f"ok: {told}; no bound on calls at once"


def test_the_date_of_a_list_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a model that the provider's endpoint listed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    table = {"api_base": "https://acme.test/v1", "discover": True}
    date = kept.write(board_of(table).settings.provider("acme"), [Entry(id="listed")])
    told = lines(board_of(table), "acme/listed")
    assert told["brought by"].endswith(f"list was fetched {kept.date_of(date)}")


def test_a_prefix_on_the_wire_is_told() -> None:
    """What the system before this one sent, and was answered 503 for."""
    model = Model(id="acme/acme/large", provider="acme")
    board = board_of({**GOOD, "strategy": "http"})
    board.add(FakePlugin(model), name="fake")
    assert lines(board, "acme/acme/large")["sent as"] == "warning: acme/large, with its prefix"


def test_names_that_stand_for_several_models_are_told() -> None:
    """Two plugins that bring one provider, and an alias that stands for nothing."""
    settings = Settings(
        argument={"providers": {"openai": {"api_key": KEY, "models": ["gpt-4o"]}}, "aliases": {"big": "nobody"}},
        environment={},
    )
    board = Switchboard(settings=settings)
    for plugin, name in ((HttpPlugin, "http"), (Discovery, "discovery"), (LiteLLMPlugin, "litellm")):
        board.add(plugin, name=name)
    told = {found.subject: found.said for found in findings(board)}
    assert "discovery: openai/gpt-4o" in told["names"]
    assert "nobody" in told["alias big"]


def test_the_command(modelplug: Any) -> None:
    """Lines for people, JSON for programs; nothing is wrong here."""
    lines = modelplug("doctor").stdout.decode()
    assert "ok      Python: 3." in lines and "ok      plugins: " in lines
    rows = json.loads(modelplug("doctor", "--json").stdout)
    assert {"state", "subject", "said", "next_step"} == rows[0].keys()
