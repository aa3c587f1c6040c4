"""What `[alerts]` may say, and what is said of what it may not."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from modelplug import ConfigError, PluginError, Settings, Switchboard
from modelplug_metrics import Metrics
from modelplug_metrics._rules import rules_in
from modelplug_metrics.alerts import Rule

WEBHOOK = {"url": "http://h/x", "secret": "s3"}
GOOD = {"what": "seconds", "threshold": 2.0}


def rules(settings: Mapping[str, Any], **environment: str) -> tuple[Rule, ...]:
    """The rules of these settings."""
    return rules_in(Settings(file={"alerts": settings}, environment=environment))


def test_a_rule_has_defaults() -> None:
    """What and threshold are enough: of each provider, over five minutes, for a minute."""
    (rule,) = rules({"rules": {"slow": GOOD}})
    assert rule == Rule(name="slow", what="seconds", threshold=2.0, until=1.6)
    assert (rule.window, rule.lasting, rule.per, rule.least_calls) == (5, 60.0, "provider", 10)


def test_the_documentation_shows_rules_that_hold() -> None:
    """The first block of the page is read as it stands, and says what its comments say."""
    page = Path(__file__).parents[3] / "docs" / "how-to" / "alerts.md"
    shown = tomllib.loads(page.read_text("utf-8").split("```toml\n")[1].split("```")[0])
    defaults = Settings(argument=shown, environment={}).over([Metrics.defaults])
    dear, degraded, slow, sonnet = rules_in(defaults)
    assert (degraded.what, degraded.lasting) == ("health", 600)
    assert (dear.what, dear.threshold, dear.until, dear.per) == ("cost_per_hour", 20, 16, "all")
    assert (slow.what, slow.threshold, slow.until, slow.window, slow.lasting) == ("first_chunk", 3, 2, 5, 120)
    assert (sonnet.what, sonnet.per, sonnet.model) == ("error_rate", "model", "v98store/claude-sonnet-4-5-20250929")


@pytest.mark.parametrize(
    ("said", "seconds"), [(30, 30), (1.5, 1.5), ("30s", 30), ("5m", 300), ("5 min", 300), ("1h", 3600), ("90", 90)]
)
def test_a_time_may_have_a_unit(said: object, seconds: float) -> None:
    """A bare number is seconds."""
    (rule,) = rules({"rules": {"slow": {**GOOD, "for": said}}})
    assert rule.lasting == seconds


def test_a_rule_can_be_said_in_the_environment() -> None:
    """Each option goes through all layers."""
    (rule,) = rules({"rules": {"slow": GOOD}}, MODELPLUG_ALERTS_RULES_SLOW_THRESHOLD="4")
    assert (rule.threshold, rule.until) == (4.0, 3.2)


def test_rules_can_be_switched_off() -> None:
    """One by one, or all at once."""
    both = {"slow": GOOD, "dear": {"what": "cost_per_hour", "threshold": 10}}
    assert [rule.name for rule in rules({"rules": both})] == ["dear", "slow"]
    assert [rule.name for rule in rules({"rules": {**both, "slow": {**GOOD, "enabled": False}}})] == ["dear"]
    assert rules({"rules": both, "enabled": False}) == ()


def test_a_board_has_two_rules_of_its_own() -> None:
    """Without any settings a provider that is degraded or unhealthy raises an alert, and its threshold can be set."""
    board = Switchboard(settings=Settings(file={"alerts": {"rules": {"degraded": {"for": "5m"}}}}, environment={}))
    board.add(Metrics, name="metrics")
    degraded, unhealthy = board.plugin("metrics").alerts.rules
    assert (degraded.name, degraded.what, degraded.threshold, degraded.lasting) == (
        "degraded",
        "health",
        "degraded",
        300,
    )
    assert (unhealthy.name, unhealthy.threshold, unhealthy.lasting) == ("unhealthy", "unhealthy", 60)
    assert degraded.least_calls == unhealthy.least_calls == 10


@pytest.mark.parametrize(
    ("rule", "setting", "hint"),
    [
        ({}, "[alerts.rules.it] what", "error_rate, seconds"),
        ({"what": "tokens"}, "config.toml, [alerts.rules.it] what", "error_rate, seconds"),
        ({"what": "seconds"}, "[alerts.rules.it] threshold", "Write the number"),
        ({"what": "seconds", "threshold": "much"}, "config.toml, [alerts.rules.it] threshold", "plain number"),
        ({"what": "seconds", "threshold": -1}, "config.toml, [alerts.rules.it] threshold", "seconds"),
        ({"what": "error_rate", "threshold": 10}, "config.toml, [alerts.rules.it] threshold", "such as 0.1"),
        ({"what": "health", "threshold": "bad"}, "config.toml, [alerts.rules.it] threshold", "degraded, unhealthy"),
        ({"what": "health", "per": "all"}, "config.toml, [alerts.rules.it] per", '"provider" or "model"'),
        ({"what": "health", "per": "provider", "model": "m"}, "config.toml, [alerts.rules.it] per", "Leave it out"),
        ({**GOOD, "until": 3}, "config.toml, [alerts.rules.it] until", "at most the threshold"),
        ({**GOOD, "window": "10m"}, "config.toml, [alerts.rules.it] window", '"1m", "5m" or "60m"'),
        ({**GOOD, "for": "soon"}, "config.toml, [alerts.rules.it] for", '"30s"'),
        ({**GOOD, "tresholt": 3}, "config.toml, [alerts.rules.it] tresholt", "Did you mean threshold?"),
        ({**GOOD, "zzz": 3}, "config.toml, [alerts.rules.it] zzz", "A rule has enabled, what"),
    ],
)
def test_what_is_wrong_is_said(rule: Mapping[str, Any], setting: str, hint: str) -> None:
    """The error names the setting and what to write."""
    with pytest.raises(ConfigError) as caught:
        rules({"rules": {"it": rule}})
    assert caught.value.setting == setting
    assert hint in caught.value.next_step


@pytest.mark.parametrize("alerts", [3, {"rules": 3}, {"rules": {"it": 3}}])
def test_what_is_no_table_is_said(alerts: Any) -> None:
    """A value where a table belongs is named."""
    with pytest.raises(ConfigError, match="is not a table"):
        rules_in(Settings(file={"alerts": alerts}, environment={}))


@pytest.mark.parametrize(
    ("alerts", "reason"),
    [
        ({"rules": {"it": {"what": "tokens"}}}, "alerts.rules.it"),
        ({"sinks": ["pager"]}, "names a sink that is not there. There is log, webhook"),
        ({"sinks": "webhook"}, "webhook] url: is not set"),
        ({"sinks": "webhook", "webhook": {"url": "http://127.0.0.1:1/x"}}, "webhook] secret: is not set"),
        ({"sinks": "webhook", "webhook": {"url": "ftp://x/y", "secret": "s3"}}, "does not begin with http"),
        ({"sinks": "webhook", "webhook": {"url": "http://169.254.169.254/x", "secret": "s3"}}, "link-local"),
        ({"sinks": "webhook", "webhook": {"url": "http://h/x", "secret": "whsec_?"}}, "is not base64"),
        ({"sinks": "webhook", "webhook": {**WEBHOOK, "timeout": 0}}, "webhook] timeout: is no time at all"),
        ({"sinks": 3}, "sinks: is no list of names"),
        ({"every": "often"}, "is no length of time"),
    ],
)
def test_a_wrong_setting_is_said_at_load(alerts: Mapping[str, Any], reason: str) -> None:
    """Not an hour later, when the alert was to come."""
    board = Switchboard(settings=Settings(file={"alerts": alerts}, environment={}))
    with pytest.raises(PluginError) as caught:
        board.add(Metrics, name="metrics")
    assert reason in caught.value.reason
