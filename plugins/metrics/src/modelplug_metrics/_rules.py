"""The rules that the settings ask for: `[alerts.rules.NAME]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from modelplug import ConfigError, Settings, Table

from modelplug_metrics._windows import MINUTES
from modelplug_metrics.alerts import Per, Rule, Value, What
from modelplug_metrics.health import WORSE

OPTIONS = ("enabled", "what", "threshold", "until", "window", "for", "per", "provider", "model", "least_calls")
BACK = 0.8
"""The part of the threshold that a value must be back at, unless `until` says otherwise."""

ENOUGH: Mapping[What, int] = {"error_rate": 10, "seconds": 10, "first_chunk": 10, "health": 10, "cost_per_hour": 0}
"""Calls that it takes for a value to mean anything."""

DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)?")
UNITS: Mapping[str | None, float] = {None: 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def rules_in(settings: Settings) -> tuple[Rule, ...]:
    """All rules, sorted by name. Raises ConfigError, naming the setting, for whatever is no rule."""
    if not settings.table("alerts").flag("enabled", True):
        return ()
    layers = (settings.argument, settings.file, settings.defaults)
    names = {name: None for layer in layers for name in _table(_table(layer, "alerts"), "rules")}
    tables = {name: settings.table("alerts", "rules", name) for name in sorted(names)}
    return tuple(_rule(name, table) for name, table in tables.items() if table.flag("enabled", True))


def duration(table: Table, option: str, default: float) -> float:
    """Seconds, written as a number or like 30s, 5m, 1h. Raises ConfigError for anything else."""
    found = table.find(option)
    if found is None:
        return default
    said = DURATION.fullmatch(str(found.value).strip())
    if said is None:
        raise ConfigError(found.setting, "is no length of time", 'Write it like 30, "30s", "5m" or "1h".')
    return float(said[1]) * UNITS[said[2]]


def _rule(name: str, table: Table) -> Rule:
    _check_options(table)
    what: What = _choice(table, "what", get_args(What))
    model = _text(table, "model")
    per: Per = _choice(table, "per", get_args(Per), "provider" if model is None else "model")
    if what == "health" and per == "all":
        raise _wrong(table, "per", "cannot be all: health is of a provider or a model", 'Write "provider" or "model".')
    if what == "health" and per == "provider" and model is not None:
        raise _wrong(
            table, "per", "cannot be provider: the rule names a model, whose health is its own", "Leave it out."
        )
    threshold = _threshold(table, what, "threshold", None)
    until = threshold if isinstance(threshold, str) else _threshold(table, what, "until", threshold * BACK)
    if not isinstance(threshold, str) and not isinstance(until, str) and until > threshold:
        raise _wrong(table, "until", "is above the threshold", "Write a number that is at most the threshold.")
    window = duration(table, "window", 300.0) / 60
    if window not in MINUTES:
        raise _wrong(table, "window", "is no window that is kept", 'Write "1m", "5m" or "60m".')
    least = table.number("least_calls", ENOUGH[what])
    return Rule(
        name=name,
        what=what,
        threshold=threshold,
        until=until,
        window=int(window),
        lasting=duration(table, "for", 60.0),
        per=per,
        provider=_text(table, "provider"),
        model=model,
        least_calls=int(least or 0),
    )


def _threshold(table: Table, what: What, option: str, default: float | None) -> Value:
    if what == "health":
        status: Value = _choice(table, option, tuple(s for s in WORSE if WORSE[s] > WORSE["healthy"]), "degraded")
        return status
    number = table.number(option, default)
    if number is None:
        raise _wrong(table, option, "is not set", "Write the number above which the rule is broken.")
    if number < 0 or (what == "error_rate" and number >= 1):
        raise _wrong(table, option, "can never be of use", "Write a part such as 0.1 for an error rate, or seconds.")
    return number


def _choice(table: Table, option: str, allowed: tuple[Any, ...], default: str | None = None) -> Any:
    value = table.get(option, default)
    if value not in allowed:
        problem = "is not set" if value is None else "is none of the words that are known"
        raise _wrong(table, option, problem, f"Write one of {', '.join(allowed)}.")
    return value


def _check_options(table: Table) -> None:
    for layer, label in ((table.settings.argument, "settings argument"), (table.settings.file, "config.toml")):
        for name in table.path:
            layer = _table(layer, name)
        for option in layer:
            if option not in OPTIONS:
                close = get_close_matches(str(option), OPTIONS, 1)
                hint = f"Did you mean {close[0]}?" if close else f"A rule has {', '.join(OPTIONS)}."
                raise ConfigError(f"{label}, [{'.'.join(table.path)}] {option}", "is no option of a rule", hint)


def _text(table: Table, option: str) -> str | None:
    value = table.get(option)
    return None if value is None else str(value)


def _wrong(table: Table, option: str, problem: str, step: str) -> ConfigError:
    found = table.find(option)
    return ConfigError(found.setting if found else f"[{'.'.join(table.path)}] {option}", problem, step)


def _table(layer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = layer.get(name, {})
    if not isinstance(table, Mapping):
        raise ConfigError(name, "is not a table", "Write it as a table: [alerts.rules.NAME].")
    return table
