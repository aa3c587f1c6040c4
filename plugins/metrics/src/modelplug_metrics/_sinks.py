"""Who is told of alerts: the log, a webhook, and what other distributions bring.

`[alerts] sinks` names them. A name that is neither `log` nor `webhook` is an entry point in the group
`modelplug.alerts`: a function that is given the settings and returns a sink.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from importlib import metadata

from modelplug import ConfigError, Settings

from modelplug_metrics._delivery import Delivery
from modelplug_metrics.alerts import Alert, Sink

log = logging.getLogger("modelplug.alerts")

GROUP = "modelplug.alerts"


def deliveries_in(settings: Settings) -> tuple[Delivery, ...]:
    """The sinks of the settings. Raises ConfigError for one that is not there; brought ones are not imported yet."""
    table = settings.table("alerts")
    said = table.get("sinks", ("log",))
    names = said.split(",") if isinstance(said, str) else said
    if not isinstance(names, (list, tuple)):
        raise ConfigError("[alerts] sinks", "is no list of names", 'Write it like ["log", "webhook"].')
    return tuple(_delivery(str(name).strip(), settings) for name in dict.fromkeys(names) if str(name).strip())


def tell_log(alerts: Sequence[Alert]) -> None:
    """The sink `log`: one line at WARNING for each alert that fires, and for each that is over."""
    for alert in alerts:
        of = " ".join(name for name in (alert.provider, alert.model) if name) or "all calls"
        step = f". {alert.next_step}" if alert.next_step else ""
        log.warning("%s: %r of %s: %s%s", alert.state, alert.rule, of, alert.reason, step)


def _delivery(name: str, settings: Settings) -> Delivery:
    if name == "log":
        return Delivery(name, tell_log)
    if name == "webhook":
        from modelplug_metrics._webhook import Webhook

        return Delivery(name, Webhook.of(settings))
    points = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if name not in points:
        known = ", ".join(("log", "webhook", *sorted(points)))
        found = settings.table("alerts").find("sinks")
        setting = "[alerts] sinks" if found is None else found.setting
        raise ConfigError(setting, "names a sink that is not there", f"There is {known}.")
    return Delivery(name, _Late(points[name], settings))


class _Late:
    """A sink of another distribution, imported when the first alert comes: loading imports nothing of it."""

    def __init__(self, point: metadata.EntryPoint, settings: Settings) -> None:
        self._open: Callable[[], Sink] = lambda: point.load()(settings)
        self._sink: Sink | None = None

    def __call__(self, alerts: Sequence[Alert]) -> None:
        if self._sink is None:
            self._sink = self._open()
        self._sink(alerts)
