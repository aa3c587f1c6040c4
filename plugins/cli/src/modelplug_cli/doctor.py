"""`modelplug doctor`: what may be wrong, and what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

import click

from modelplug_cli._output import in_colour, print_json, safe
from modelplug_cli._verbosity import verbosity_options

_MARKS: Final[Mapping[str, tuple[str, str]]] = {
    "ok": ("ok     ", "green"),
    "warning": ("warning", "yellow"),
    "wrong": ("WRONG  ", "red"),
}


@click.command("doctor")
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@verbosity_options
def command(model: str | None = None, as_json: bool = False) -> None:
    """Look for what may be wrong, and say what to do.

    With MODEL, an id or alias, tell the way of a call to it: the name that is sent, who carries it, where its key and
    address come from. Reads the installation and its settings; nothing is called and nobody is asked. Exit status 1
    when something is wrong.
    """
    from modelplug_cli import _board
    from modelplug_cli._findings import findings
    from modelplug_cli._way import way

    board = _board.load()
    found = list(findings(board) if model is None else way(board, model))
    if as_json:
        print_json(found)
    else:
        for finding in found:
            mark, colour = _MARKS[finding.state]
            shown = click.style(mark, fg=colour) if in_colour(sys.stdout) else mark
            click.echo(f"{shown} {safe(finding.subject)}: {safe(finding.said)}")
            if finding.next_step:
                click.echo(f"        {safe(finding.next_step)}")
    sys.exit(1 if any(finding.state == "wrong" for finding in found) else 0)
