"""The screen: rich's table within the terminal's width and height, or one plain table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from modelplug_top.view import COLUMNS, Line, Shown, clean

MARKS: Final[Mapping[str, tuple[str, str]]] = {
    "healthy": ("●", "green"),
    "degraded": ("▲", "yellow"),
    "unhealthy": ("✖", "red"),
    "no_data": ("○", "dim"),
}
"""Health in a sign and a colour: never in the colour alone."""

_LEFT_OUT: Final[Sequence[Sequence[str]]] = (
    (), ("health",), ("in", "out"), ("/s",), ("p50",), ("cost",), ("first",), ("failed",), ("calls",)
)  # fmt: skip
"""What goes where the window is too narrow, first to last; the sign before a name tells its health too."""
_SHORTEST_NAME = 12
_FAILURES = 5


class Screen:
    """Draws what is to be shown, as much as there is room for."""

    def __init__(self, shown: Shown, *, problem: str | None = None, paused: bool = False) -> None:
        self._shown = shown
        self._problem = problem
        self._paused = paused

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines that fit."""
        width, height = options.max_width, options.max_height
        top, bottom = self._top(), [_keys(self._shown, self._paused)]
        top_height = len(console.render_lines(Group(*top), options.update(height=None)))
        room = max(3, height - top_height - len(bottom))
        lines = self._shown.lines
        failures = self._failures(room - min(len(lines), room - 2) - 1)
        fit = room - len(failures) - 2
        kept = lines[: max(1, fit)] if len(lines) > fit + 1 else lines
        body: list[RenderableType] = [table(kept, width)] if lines else [Text("no calls yet", style="dim")]
        if len(kept) < len(lines):
            body.append(Text(f"… {len(lines) - len(kept)} more: make the window higher", style="dim"))
        drawn = console.render_lines(Group(*top, *body, *failures), options.update(height=None), pad=False)
        blank: list[Segment] = []
        drawn = [*drawn[: height - 1], *[blank] * (height - 1 - len(drawn))]
        for line in [*drawn, *console.render_lines(bottom[0], options.update(height=None), pad=False)[:1]]:
            yield from line
            yield Segment.line()

    def _top(self) -> list[RenderableType]:
        shown = self._shown
        mark, style = MARKS.get(shown.status, MARKS["no_data"])
        first = Text.assemble(
            ("modelplug top ", "bold"), (f"{mark} {shown.status.replace('_', ' ')}", style), f"  {shown.reason}"
        )
        lines: list[RenderableType] = [first, Text(" · ".join(shown.facts) or shown.url, style="dim")]
        if self._problem is not None:
            lines.append(Text(f"✖ Trying again: {clean(self._problem)}", style="bold red"))
        lines += [Text(f"▲ {alert}", style="bold yellow") for alert in shown.alerts[:3]]
        if len(shown.alerts) > 3:
            lines.append(Text(f"▲ and {len(shown.alerts) - 3} more alerts", style="yellow"))
        return [_cut(line) for line in lines if isinstance(line, Text)]

    def _failures(self, room: int) -> list[RenderableType]:
        """The latest failures with what to do, where there is room for two lines of them at least."""
        failures = self._shown.failures[: min(_FAILURES, (room - 1) // 2)]
        if not failures or room < 3:
            return []
        lines: list[RenderableType] = [Text("Latest failures", style="bold")]
        for said, advice in failures:
            lines += [_cut(Text(said)), _cut(Text(f"  → {advice}", style="dim"))]
        return lines


def table(lines: Sequence[Line], width: int) -> Table:
    """The table, with the columns that there is room for."""
    columns = _fitting(lines, width)
    drawn = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False, width=width)
    drawn.add_column("provider, model", no_wrap=True, overflow="ellipsis", ratio=1)
    for name in columns:
        left = name in ("health", "failed")
        drawn.add_column(name, justify="left" if left else "right", no_wrap=True, overflow="ellipsis")
    for line in lines:
        mark, style = MARKS.get(line.status, MARKS["no_data"])
        named = Text.assemble("  " * line.depth, (mark, style), " ", (line.name, "" if line.depth else "bold"))
        drawn.add_row(named, *(_cell(line, column) for column in columns))
    return drawn


def plain(shown: Shown) -> str:
    """One table without colours or a frame, as wide as it needs to be."""
    head = ["provider", "model", *COLUMNS]
    rows, provider = [], ""
    for line in shown.lines:
        provider = provider if line.depth else line.name
        told = [line.cells.get(name, "-") for name in COLUMNS if name != "health"]
        rows.append([provider, line.name if line.depth else "*", line.status, *told])
    widths = [max(cell_len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    body = ["  ".join(_padded(*pair) for pair in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]]
    words = f"{shown.status}: {shown.reason} ({'; '.join(shown.facts)})"
    return "\n".join([words, *body, *(f"alert: {alert}" for alert in shown.alerts)])


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - cell_len(cell))


def _fitting(lines: Sequence[Line], width: int) -> list[str]:
    """The columns, less those that a narrow window has no room for."""
    columns = list(COLUMNS)
    needed = {name: max(cell_len(name), *(cell_len(_cell(line, name).plain) for line in lines), 0) for name in columns}
    longest = max((cell_len(line.name) + 2 + 2 * line.depth for line in lines), default=0)
    for names in _LEFT_OUT:
        columns = [column for column in columns if column not in names]
        room = width - sum(needed[column] + 2 for column in columns)
        if room >= max(_SHORTEST_NAME, min(longest, width // 3)):
            break
    return columns


def _cell(line: Line, column: str) -> Text:
    if column == "health":
        _, style = MARKS.get(line.status, MARKS["no_data"])
        return Text(line.status.replace("_", " "), style=style)
    text = line.cells.get(column, "" if line.cells else "-")
    style = "dim" if text in ("-", "0", "$0") else "red" if column == "failed" else "" if line.depth else "bold"
    return Text(text, style=style)


def _keys(shown: Shown, paused: bool) -> Text:
    keys = {"q": "end", "p": "pause", "s": f"sort: {shown.sort}", "w": f"window: {shown.window}"}
    line = Text.assemble(("PAUSED", "reverse"), "  ") if paused else Text()
    for key, what in keys.items():
        line.append(key, "bold").append(f" {what}  ")
    return _cut(line.append(shown.url, "dim"))


def _cut(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
