"""Tables for people: columns with their headings, the last one cut or folded at the terminal's edge."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence

_LEAST = 8
"""Characters of the last column that are always shown; in a narrower window the terminal breaks the lines."""


def lines(headings: Sequence[str], rows: Iterable[Sequence[str]], *, fold: bool = False) -> Iterator[str]:
    """The heading, then each row. A heading that begins with `>` is that of a column of numbers.

    All columns but the last are shown whole, so that names can be copied. `fold` breaks the last one into lines
    instead of cutting it.
    """
    cells = [[heading.lstrip(">") for heading in headings], *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headings) - 1)]
    room = max(_LEAST, shutil.get_terminal_size().columns - sum(widths) - 2 * len(widths))
    for row in cells:
        start = "".join(
            (cell.rjust(width) if heading.startswith(">") else cell.ljust(width)) + "  "
            for cell, width, heading in zip(row, widths, headings, strict=False)
        )
        if fold:
            last = textwrap.wrap(row[-1], room, break_on_hyphens=False) or [""]
            yield (start + last[0]).rstrip()
            yield from (" " * len(start) + line for line in last[1:])
        else:
            last_cell = row[-1] if len(row[-1]) <= room else row[-1][: room - 1] + "…"
            yield (start + last_cell).rstrip()
