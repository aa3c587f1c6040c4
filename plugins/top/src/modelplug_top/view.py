"""What is to be shown of what was read: lines in their order, words for numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import evolve, field, frozen

from modelplug_top.command import SORTS, WINDOWS
from modelplug_top.reading import Json, Seen

COLUMNS: Final[Sequence[str]] = (
    "health", "calls", "/s", "ok", "p50", "p95", "first", "in", "out", "cost", "failed"
)  # fmt: skip
"""The headings of the figures of one line. `first` is the median until the first chunk."""


@frozen(kw_only=True)
class Line:
    """A provider (`depth` 0) or one of its models (1)."""

    name: str
    depth: int
    status: str = "no_data"
    reason: str = ""
    cells: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class Shown:
    """All that is to be shown at one moment."""

    url: str
    status: str = "no_data"
    reason: str = ""
    facts: Sequence[str] = ()
    lines: Sequence[Line] = ()
    alerts: Sequence[str] = ()
    failures: Sequence[tuple[str, str]] = ()
    window: str
    sort: str


@frozen(kw_only=True)
class View:
    """How a person wants to see it."""

    url: str
    window: str
    sort: str

    def sorted_next(self) -> View:
        """Sorted by the next column."""
        return evolve(self, sort=_after(SORTS, self.sort))

    def windowed_next(self) -> View:
        """Over the next window of time."""
        return evolve(self, window=_after(WINDOWS, self.window))

    def shown(self, seen: Seen | None) -> Shown:
        """What was read, as it is to be shown."""
        if seen is None:
            return Shown(url=self.url, window=self.window, sort=self.sort)
        health = seen.health
        return Shown(
            url=self.url,
            window=self.window,
            sort=self.sort,
            status=clean(health.get("status") or "no_data"),
            reason=clean(health.get("reason")),
            facts=_facts(health, seen.providers, self.window),
            lines=self._lines(seen),
            alerts=[_alert(alert) for alert in seen.alerts],
            failures=[(_failure(failed), clean(failed.get("advice"))) for failed in seen.failures],
        )

    def _lines(self, seen: Seen) -> Sequence[Line]:
        """Each provider, called or not, and below it its models that were called."""
        figures = {row.get("provider"): row for row in seen.providers}
        known = {row.get("provider"): row for row in seen.health.get("providers") or ()}
        lines = []
        for provider in self._ordered({name: figures.get(name, {}) for name in {*known, *figures}}):
            about = known.get(provider, {})
            models = {model.get("model"): model for model in about.get("models") or ()}
            lines.append(_line(provider, 0, about, figures.get(provider, {})))
            rows = {row.get("model"): row for row in seen.models if row.get("provider") == provider}
            lines += [_line(name, 1, models.get(name, {}), rows[name]) for name in self._ordered(rows)]
        return lines

    def _ordered(self, rows: Mapping[Any, Json]) -> list[Any]:
        def rank(name: Any) -> tuple[float, str]:
            row = rows[name]
            found = {
                "calls": row.get("calls"),
                "failed": row.get("failed"),
                "p95": (row.get("seconds") or {}).get("p95"),
                "cost": row.get("cost_usd"),
            }.get(self.sort)
            return -(found or 0), str(name)

        return sorted(rows, key=rank)


def _line(name: object, depth: int, about: Json, row: Json) -> Line:
    told = _cells(row) if row.get("calls") else {}
    status = clean(about.get("status") or "no_data")
    shown = clean(name).removeprefix(f"{clean(row.get('provider'))}/") if depth else clean(name)
    return Line(name=shown, depth=depth, status=status, reason=clean(about.get("reason")), cells=told)


def _cells(row: Json) -> Mapping[str, str]:
    seconds, first, tokens = (row.get(name) or {} for name in ("seconds", "first_chunk", "tokens"))
    failed, rate, per_second = row.get("failed") or 0, row.get("success_rate"), row.get("calls_per_second")
    errors = row.get("errors") or {}
    kind = clean(max(errors, key=lambda kind: errors[kind], default="")) + (" …" if len(errors) > 1 else "")
    unknown = row.get("cost_unknown") and not row.get("cost_usd")
    return {
        "calls": count(row.get("calls")),
        "/s": "-" if per_second is None else f"{per_second:.1f}",
        "ok": "-" if rate is None else share(rate),
        "p50": duration(seconds.get("p50")),
        "p95": duration(seconds.get("p95")),
        "first": duration(first.get("p50")),
        "in": count(tokens.get("input")),
        "out": count(tokens.get("output")),
        "cost": "?" if unknown else money(row.get("cost_usd")),
        "failed": f"{count(failed)} {kind}" if failed else "0",
    }


def _facts(health: Json, providers: Sequence[Json], window: str) -> Sequence[str]:
    tokens = [row.get("tokens") or {} for row in providers]
    rate = health.get("success_rate")
    used = [f"{sum(row.get('calls_per_second') or 0 for row in providers):.1f}/s"]
    used += [f"{count(sum(each.get('input') or 0 for each in tokens))} tokens in"]
    used += [f"{count(sum(each.get('output') or 0 for each in tokens))} out"]
    used += [money(sum(row.get("cost_usd") or 0 for row in providers))]
    return (
        f"{health.get('in_flight') or 0} in flight",
        f"{'all time' if window == 'all' else f'last {window}'}: {', '.join(used)}",
        f"{count(health.get('total_calls'))} calls{'' if rate is None else f', {share(rate)} ok,'} in {_up(health)}",
    )


def _up(health: Json) -> str:
    return span(health.get("uptime_seconds") or 0)


def _alert(alert: Json) -> str:
    of = " ".join(clean(alert[name]) for name in ("provider", "model") if alert.get(name))
    return f"{clean(alert.get('rule'))}{f' of {of}' if of else ''}: {clean(alert.get('reason'))}"


def _failure(failed: Json) -> str:
    when = clock(failed.get("timestamp"))
    return f"{when} {clean(failed.get('model'))} {clean(failed.get('kind'))}: {clean(failed.get('message'))}"


def clean(text: object) -> str:
    """Text from outside on one line, without characters that steer a terminal."""
    words = " ".join(str("" if text is None else text).split())
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in words)


def clock(time: object) -> str:
    """The time of day here, of an ISO 8601 time."""
    try:
        return f"{datetime.fromisoformat(str(time)).astimezone():%H:%M:%S}"
    except (ValueError, OverflowError):
        return "?"


def share(rate: float) -> str:
    """A part of one as a percentage that says 100% only when nothing is missing, and 0% when there is nothing."""
    return f"{rate:.0%}" if rate in (0, 1) else f"{min(max(rate, 0.001), 0.999):.1%}"


def duration(seconds: float | None) -> str:
    """Seconds in four or five characters."""
    if seconds is None:
        return "-"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 99.95 else f"{seconds:.0f} s"


def count(number: float | None) -> str:
    """A whole number in five characters or so."""
    if number is None:
        return "-"
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= size:
            unit = 1e3 if letter == "k" else size
            return f"{number / unit:.1f}{letter}"
    return f"{number:,.0f}"


def money(dollars: float | None) -> str:
    """US dollars, exact enough for small sums."""
    if dollars is None:
        return "-"
    if 0 < dollars < 0.0001:
        return "<$0.0001"
    return "$0" if not dollars else f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.4f}"


def span(seconds: float) -> str:
    """How long something is under way."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} m"
    return f"{minutes} m {rest} s" if minutes else f"{rest} s"


def _after(words: Sequence[str], word: str) -> str:
    return words[(words.index(word) + 1) % len(words)]
