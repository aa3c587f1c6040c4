"""The command `modelplug models refresh`."""

from __future__ import annotations

import asyncio
import json
import sys

import click
from modelplug import ConfigError, Switchboard

from modelplug_discovery.kept import date_of
from modelplug_discovery.refreshing import Refreshed, discovered
from modelplug_discovery.refreshing import refresh as refresh_models

SHOWN = 8
"""Names of new or gone models that are shown."""


@click.command()
@click.argument("providers", nargs=-1, metavar="[PROVIDER]...")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def refresh(providers: tuple[str, ...], as_json: bool) -> None:
    """Ask endpoints for their models: PROVIDER, or all that have `discover = true`.

    What they list is kept on disk, and can be called from then on. An endpoint that fails takes no models away. Exit
    status 1 when one did, or when a provider's table is wrong, so that its models cannot be called.
    """
    board = Switchboard.load()
    known = {*board.settings.providers, *(model.provider for model in board.models)}
    for name in providers:
        if name not in known:
            raise ConfigError(f"provider {name!r}", "is not known", "Write [providers.NAME] into config.toml.")
        if not _wants(board, name):
            step = f"Write `discover = true` under [providers.{name}]."
            raise ConfigError(f"provider {name!r}", "takes no models from its endpoint's list", step)
    names = list(providers) or discovered(board)
    if not names:
        raise ConfigError("discover", "is set for no provider", "Write `discover = true` under [providers.NAME].")
    answers = asyncio.run(refresh_models(board, names))
    if as_json:
        click.echo(json.dumps([_fields(answer) for answer in answers], ensure_ascii=False, indent=2))
    else:
        for answer in answers:
            click.echo(_line(answer))
    problems = {name: told for plugin in board.plugins for name, told in plugin.problems.items()}
    if providers:
        problems = {name: told for name, told in problems.items() if name in providers}
    for name, told in problems.items():
        click.echo(f"{name}: its models cannot be called: {told}", err=True)
    sys.exit(1 if problems or any(answer.error for answer in answers) else 0)


def _wants(board: Switchboard, name: str) -> bool:
    """Whether somebody takes the list: this plugin, or the provider's own."""
    return name in board.settings.defaults.get("providers", {}) or board.settings.provider(name).flag("discover")


def _fields(answer: Refreshed) -> dict[str, object]:
    error = None if answer.error is None else str(answer.error)
    return {
        "provider": answer.provider,
        "count": answer.count,
        "new": list(answer.new),
        "gone": list(answer.gone),
        "whole": answer.whole,
        "fetched": answer.fetched,
        "error": error,
    }


def _line(answer: Refreshed) -> str:
    if answer.error is not None:
        before = "" if answer.fetched is None else f", its models of {date_of(answer.fetched)} stay"
        return f"{answer.provider}: not refreshed{before}: {answer.error}"
    changes = [f"{len(names)} {word} ({_some(names)})" for word, names in _changes(answer) if names]
    cut = "" if answer.whole else "; the list is cut: the endpoint names more"
    models = "1 model" if answer.count == 1 else f"{answer.count:,} models"
    return f"{answer.provider}: {models}" + (f"; {', '.join(changes)}" if changes else ", as before") + cut


def _changes(answer: Refreshed) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("new", answer.new), ("gone", answer.gone)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
