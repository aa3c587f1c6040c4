"""What goes to the two streams: answers and tables to stdout, remarks to stderr, in UTF-8 and without control codes.

A terminal gets colours and tables, a pipe gets the bare text: lines with tabs, or JSON with `--json`.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

import click

_CONTROLS: Final[Mapping[int, int | None]] = {
    **{code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"},
    ord("\r"): None,
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
}


def prepare() -> None:
    """UTF-8 whatever the system's encoding. No character that cannot be written ends us, and no closed stream."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  # it stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8", errors="replace", newline="")


def on_terminal(stream: TextIO) -> bool:
    """Whether a person looks at this stream."""
    return stream.isatty()


def in_colour(stream: TextIO) -> bool:
    """Whether colours are wanted: on a terminal that has them, unless NO_COLOR says no."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def safe(text: str) -> str:
    """The text with control characters made visible: what comes from outside never steers the terminal."""
    return text.translate(_CONTROLS)


def answer(text: str) -> None:
    """Write a piece of an answer to stdout at once; byte for byte when it is no terminal."""
    sys.stdout.write(safe(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def remark(text: str, *, end: str = "\n") -> None:
    """Say something quietly beside the answer."""
    shown = click.style(safe(text), dim=True) if text and in_colour(sys.stderr) else safe(text)
    click.echo(shown + end, err=True, nl=False, color=in_colour(sys.stderr))


def complain(text: str) -> None:
    """Say in one line what went wrong."""
    line = " ".join(safe(text).split())
    mark = click.style("error:", fg="red", bold=True) if in_colour(sys.stderr) else "error:"
    click.echo(f"{mark} {line}", err=True, color=in_colour(sys.stderr))


def _in_one_line(text: str) -> str:
    return text if text.isprintable() else " ".join(safe(text).split())


def print_json(data: Any) -> None:
    """JSON for programs."""
    import json

    from modelplug_cli._json import plain

    click.echo(json.dumps(data, ensure_ascii=False, indent=2, default=plain))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, fold: bool = False) -> None:
    """A table on a terminal, see `_table.lines`; in a pipe one line a row, with tabs and without headings."""
    rows = [[_in_one_line(cell) for cell in row] for row in rows]
    if not on_terminal(sys.stdout):
        click.echo("".join("\t".join(row) + "\n" for row in rows), nl=False)
    elif rows:
        from modelplug_cli._table import lines

        heading, *others = lines(headings, rows, fold=fold)
        if any(headings):
            click.secho(heading, bold=True, color=in_colour(sys.stdout))
        click.echo("\n".join(others))
