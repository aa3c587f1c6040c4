"""`modelplug doctor`: each trouble by its symptom, with the next step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from modelplug import Settings, Switchboard
from modelplug.testing import FakePlugin
from modelplug_cli._findings import Finding, findings
from modelplug_discovery import Discovery
from modelplug_http import HttpPlugin

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
    "no path": ({**GOOD, "api_base": "https://acme.test", "strategy": "http"}, "warning", "no path"),
    "an address that is none": ({**GOOD, "api_base": "acme.test"}, "wrong", "api_base"),
    "a strategy that nobody brings": ({**GOOD, "strategy": "htpp"}, "wrong", "htpp"),
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


def test_the_command(modelplug: Any) -> None:
    """Lines for people, JSON for programs; nothing is wrong here."""
    lines = modelplug("doctor").stdout.decode()
    assert "ok      Python: 3." in lines and "ok      plugins: " in lines
    rows = json.loads(modelplug("doctor", "--json").stdout)
    assert {"state", "subject", "said", "next_step"} == rows[0].keys()
