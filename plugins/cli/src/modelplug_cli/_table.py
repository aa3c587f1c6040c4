"""Tables for people: columns with their headings, the last one cut or folded at the terminal's edge."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence

_LEAST = 12
"""Characters of the last column that are always shown; in a narrower window the terminal breaks the lines."""


def lines(headings: Sequence[str], rows: Iterable[Sequence[str]], *, fold: bool = False) -> Iterator[str]:
    """The heading, then each row.

    A heading that begins with `>` is that of a column of numbers, one with `~` is left out where room is scarce. All
    other columns but the last are shown whole, so that names can be copied. `fold` breaks the last one into lines
    instead of cutting it.
    """
    cells = [headings, *rows]
    if (room := _room(cells)) < _LEAST:
        kept = [i for i, heading in enumerate(headings) if not heading.startswith("~")]
        cells = [[row[i] for i in kept] for row in cells]
        room = max(_LEAST, _room(cells))
    widths, numbers = _widths(cells), [heading.startswith(">") for heading in cells[0]]
    for row in [[heading.lstrip(">~") for heading in cells[0]], *cells[1:]]:
        start = "".join(
            (cell.rjust(width) if number else cell.ljust(width)) + "  "
            for cell, width, number in zip(row, widths, numbers, strict=False)
        )
        if fold:
            first, *others = textwrap.wrap(row[-1], room, break_on_hyphens=False) or [""]
            yield (start + first).rstrip()
            yield from (" " * len(start) + line for line in others)
        else:
            yield (start + (row[-1] if len(row[-1]) <= room else row[-1][: room - 1] + "…")).rstrip()


def _room(cells: Sequence[Sequence[str]]) -> int:
    """Characters that the other columns leave for the last one."""
    return shutil.get_terminal_size().columns - sum(width + 2 for width in _widths(cells))


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    """The width of each column but the last."""
    headings, *rows = cells
    return [
        max(len(heading.lstrip(">~")), *(len(row[i]) for row in rows)) if rows else len(heading)
        for i, heading in enumerate(headings[:-1])
    ]
