"""The screen fits its terminal, whatever is to be shown."""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelplug_top.reading import Seen
from modelplug_top.screen import Screen, plain
from modelplug_top.view import View, clean, clock, count, duration, money, share, span
from rich.cells import cell_len
from rich.console import Console

VIEW = View(url="http://127.0.0.1:8400", window="5m", sort="name")
NAMES = st.text(min_size=1, max_size=60)


def row(provider: str, model: str | None = None, calls: int = 12) -> dict[str, object]:
    """A row as the endpoints give it."""
    figures = {"count": calls, "mean": 0.2, "p50": 0.123, "p90": 1.5, "p95": 2.25, "p99": 3.0}
    named = {"provider": provider} if model is None else {"provider": provider, "model": model}
    return {
        **named, "calls": calls, "ok": calls - 2, "failed": 2, "success_rate": 10 / 12, "errors": {"upstream": 2},
        "tokens": {"input": 123_456, "output": 7}, "cost_usd": 0.0123, "cost_unknown": 0, "seconds": figures,
        "first_chunk": figures, "calls_per_second": 0.5,
    }  # fmt: skip


def seen_of(*names: tuple[str, str], failures: int = 0, alerts: int = 0) -> Seen:
    providers = {provider for provider, _ in names}
    return Seen(
        health={
            "status": "degraded",
            "reason": "slow",
            "total_calls": 99,
            "success_rate": 0.9,
            "uptime_seconds": 75,
            "providers": [{"provider": name, "status": "degraded", "models": []} for name in providers],
        },
        providers=[row(name) for name in providers],
        models=[row(provider, model) for provider, model in names],
        alerts=[{"rule": "slow", "provider": "acme", "reason": "p95 4 s"}] * alerts,
        failures=[{"timestamp": "2026-11-23T03:00:00Z", "model": "m", "kind": "upstream", "message": "x"}] * failures,
    )


def drawn(screen: Screen, width: int, height: int) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    console.print(screen, height=height, end="")
    return out.getvalue().removesuffix("\n").split("\n")


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(NAMES, NAMES), max_size=30),
    st.integers(20, 200),
    st.integers(8, 60),
    st.integers(0, 20),
    st.integers(0, 5),
    st.none() | NAMES,
)
def test_it_fits_any_window(
    names: list[tuple[str, str]], width: int, height: int, failures: int, alerts: int, problem: str | None
) -> None:
    """No line is wider than the window, and there are no more of them than it has; the keys are the last."""
    screen = Screen(VIEW.shown(seen_of(*names, failures=failures, alerts=alerts)), problem=problem)
    lines = drawn(screen, width, height)
    assert len(lines) <= height and max(map(cell_len, lines)) <= width
    assert lines[-1].startswith("q end")


def test_a_narrow_window_leaves_out_what_matters_least() -> None:
    """Names, success and p95 are shown at 40 columns, everything at 140."""
    shown = VIEW.shown(seen_of(("acme", "acme/one")))
    narrow, wide = (next(line for line in drawn(Screen(shown), width, 24) if "provider" in line) for width in (40, 140))
    assert narrow.split() == ["provider,", "model", "calls", "ok", "p95"]
    assert wide.split()[2:] == ["health", "calls", "/s", "ok", "p50", "p95", "first", "in", "out", "cost", "failed"]


def test_what_has_no_room_is_said_to_be_there() -> None:
    """Rows beyond the window's height are counted, and failures give way to them."""
    shown = VIEW.shown(seen_of(*((f"p{i}", f"m{i}") for i in range(20)), failures=5))
    text = "\n".join(drawn(Screen(shown), 100, 20))
    assert "more: make the window higher" in text and "Latest failures" not in text


def test_text_from_outside_does_not_steer_the_terminal() -> None:
    """Escape sequences in names and messages are made visible."""
    shown = VIEW.shown(seen_of(("evil\x1b]0;title\x07", "m\x1b[2J")))
    assert "\x1b]0" not in "".join(drawn(Screen(shown), 100, 24)) and "\x1b" not in plain(shown)
    assert clean("a\x1b[31m\nb") == "a\N{REPLACEMENT CHARACTER}[31m b"


def test_rows_are_sorted_by_what_was_chosen() -> None:
    """By name, or the largest first; models below their provider."""
    seen = Seen(
        health={}, alerts=(), failures=(), providers=[row("a", calls=1), row("b", calls=5)],
        models=[row("b", "b/x", calls=1), row("b", "b/y", calls=4), row("a", "a/z", calls=1)],
    )  # fmt: skip
    by_name, by_calls = VIEW, VIEW.sorted_next()
    assert [line.name for line in by_name.shown(seen).lines] == ["a", "z", "b", "x", "y"]
    assert [line.name for line in by_calls.shown(seen).lines] == ["b", "y", "x", "a", "z"]


def test_what_is_unknown_is_no_zero() -> None:
    """A cost that nobody knows is a question mark; a model that was not called has no figures."""
    unknown = {**row("a"), "cost_usd": 0.0, "cost_unknown": 12}
    idle = {"provider": "b", "status": "no_data", "models": []}
    seen = Seen(health={"providers": [idle]}, providers=[unknown], models=(), alerts=(), failures=())
    called, idling = VIEW.shown(seen).lines
    assert called.cells["cost"] == "?" and idling.cells == {}


def test_failures_are_told_in_the_time_of_this_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers say UTC; whoever looks has the clock on the wall, like the page and the log."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert clock("2026-11-23T03:00:00.123Z") == "08:30:00"
        assert clock("soon") == clock(None) == clock("9999-12-31T23:59:59Z") == "?"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_numbers_are_short() -> None:
    """Each number takes a few characters, whatever its size."""
    assert [duration(s) for s in (None, 0.0004, 0.25, 0.9999, 12.34, 123.4)] == [
        "-", "0 ms", "250 ms", "1.0 s", "12.3 s", "123 s"
    ]  # fmt: skip
    assert [count(n) for n in (None, 0, 9_999, 12_345, 2_500_000, 3e9)] == ["-", "0", "9,999", "12.3k", "2.5M", "3.0G"]
    assert [money(d) for d in (None, 0, 0.00001, 0.01234, 1234.5)] == [
        "-", "$0", "<$0.0001", "$0.0123", "$1,234.50"
    ]  # fmt: skip
    assert [share(p) for p in (0, 0.00001, 0.5, 0.99999, 1)] == ["0%", "0.1%", "50.0%", "99.9%", "100%"]
    assert [span(s) for s in (48, 75, 3_700, 200_000)] == ["48 s", "1 m 15 s", "1 h 1 m", "2 d 7 h"]
