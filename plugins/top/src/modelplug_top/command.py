"""The command `modelplug top`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import click

URL = "http://127.0.0.1:8400"
"""Where `modelplug serve` serves unless told otherwise."""

WINDOWS: Final[Sequence[str]] = ("1m", "5m", "60m", "all")
SORTS: Final[Sequence[str]] = ("name", "calls", "failed", "p95", "cost")


HELP = """Watch the providers and models of a running server.

\b
  q  end            p  pause
  s  sort by next   w  next window of time

The token that a server asks for is the setting status.token: MODELPLUG_STATUS_TOKEN.
"""


@click.command(help=HELP)
@click.option("--url", help=f"Where the status app is.  [default: status.url, or {URL}]")
@click.option("--window", type=click.Choice(WINDOWS), default="5m", show_default=True, help="Time that figures are of.")
@click.option("--sort", type=click.Choice(SORTS), default="name", show_default=True, help="What rows are sorted by.")
@click.option(
    "--every", type=click.FloatRange(0.2, 3600), default=1.0, show_default=True, help="Seconds between looks."
)
@click.option("--once", is_flag=True, help="Print one table and end, as where there is no terminal.")
def top(url: str | None, window: str, sort: str, every: float, once: bool) -> None:
    """Watch the providers and models of a running server."""
    from modelplug import Settings

    from modelplug_top.reading import Reader, Unread
    from modelplug_top.view import View

    settings = Settings.read(None).table("status")
    reader = Reader(url or str(settings.get("url") or URL), settings.secret("token"))
    view = View(url=reader.url, window=window, sort=sort)
    if not once and sys.stdin.isatty() and sys.stdout.isatty():
        from modelplug_top.live import watch

        watch(reader, view, every)
        return
    from modelplug_top.screen import plain

    try:
        click.echo(plain(view.shown(reader.read(window))))
    except Unread as error:
        raise click.ClickException(str(error)) from None
