"""`modelplug models`: which models there are, and which can be called now."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from modelplug_cli._commands import Group
from modelplug_cli._output import on_terminal, print_json, print_table, remark
from modelplug_cli._verbosity import verbosity_options

if TYPE_CHECKING:
    from modelplug import Model, Switchboard

_SCREENFUL = 100
"""Rows shown on a terminal unless --limit says otherwise."""


@click.group("models", cls=Group, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List and show models."""
    if context.invoked_subcommand is None:
        context.invoke(list_models)


@command.command("list")
@click.argument("query", required=False, default="")
@click.option("-a", "--all", "everything", is_flag=True, help="Also those that cannot be called yet.")
@click.option("-c", "--capability", multiple=True, metavar="WORD",
              help="Only with it: chat, embeddings, tools, vision, audio, reasoning, json_schema.")  # fmt: skip
@click.option("-p", "--provider", metavar="NAME", help="Only of this provider.")
@click.option("-n", "--limit", type=click.IntRange(min=0), metavar="N",
              help=f"At most so many; 0 for all of them. On a terminal {_SCREENFUL} unless you say more.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@verbosity_options
def list_models(
    query: str = "",
    everything: bool = False,
    capability: Sequence[str] = (),
    provider: str | None = None,
    limit: int | None = None,
    as_json: bool = False,
) -> None:
    """List the models that can be called now, because nothing that they need is missing.

    QUERY is any part of an id, alias or name; with several words, all of them.
    """
    from modelplug_cli import _board

    board = _board.load()
    wanted = [model for model in board.models if _fits(model, query, capability, provider)]
    ready = _ready(board, wanted)
    shown = [m for m in wanted if everything or m.id in ready]
    hidden = [m for m in wanted if not everything and m.id not in ready]
    if limit is None:
        limit = _SCREENFUL if on_terminal(sys.stdout) and not as_json else 0
    cut = shown[:limit] if limit else shown
    if as_json:
        print_json([{**_facts(board, model), "ready": model.id in ready} for model in cut])
    else:
        _print_models(cut)
    if not cut:
        remark(f"no model {'fits' if not hidden else 'that can be called now fits'}")
    if len(cut) < len(shown):
        remark(f"{len(cut)} of {len(shown):,} shown; narrow it with QUERY or --provider, or see all with --limit 0")
    if hidden:
        remark(_why_hidden(board, hidden))
    for name, reason in ((name, reason) for plugin in board.plugins for name, reason in plugin.problems.items()):
        if provider in (None, name):
            remark(f"provider {name} has no models: {reason}")


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@verbosity_options
def show_model(name: str, as_json: bool) -> None:
    """Show what is known of the model called NAME, an id or alias."""
    from modelplug_cli import _board
    from modelplug_cli._facts import print_facts

    board = _board.load()
    print_facts(board, board.resolve(name), as_json=as_json)


def _fits(model: Model, query: str, capabilities: Iterable[str], provider: str | None) -> bool:
    if provider is not None and model.provider != provider:
        return False
    if not model.capabilities.issuperset(capabilities):
        return False
    if not query:
        return True
    text = " ".join((model.id, model.name, *model.aliases)).lower()
    return all(word in text for word in query.lower().split())


def _ready(board: Switchboard, models: Iterable[Model]) -> frozenset[str]:
    """Ids of the models that can be called now. Asked once for each provider and what its models require."""
    known: dict[tuple[str, tuple[str, ...]], bool] = {}
    ready = set()
    for model in models:
        key = (model.provider, model.requires)
        if key not in known:
            known[key] = board.ready(model)
        if known[key]:
            ready.add(model.id)
    return frozenset(ready)


def _print_models(models: Iterable[Model]) -> None:
    from modelplug_cli._facts import price, tokens

    headings = ("MODEL", "~PROVIDER", ">CONTEXT", ">$/M IN", ">$/M OUT", "CAN")
    rows = (
        (
            model.id,
            model.provider,
            tokens(model.context_window),
            price(model.prices.input),
            price(model.prices.output),
            " ".join(sorted(model.capabilities, key=_by_interest)),
        )
        for model in models
    )
    print_table(headings, rows)


def _by_interest(capability: str) -> tuple[bool, bool, str]:
    """What nearly all models can do comes last, where a narrow window cuts it off."""
    return capability == "chat", capability == "json_schema", capability


def _facts(board: Switchboard, model: Model) -> dict[str, object]:
    from modelplug_cli._facts import facts

    return facts(board, model)


def _why_hidden(board: Switchboard, hidden: Sequence[Model]) -> str:
    """How many are not shown, and the settings that would bring the most of them."""
    missing = Counter((model.provider, model.requires[0]) for model in hidden if model.requires)
    most = [
        f"{board.settings.provider(provider).variable(option)} ({count:,})"
        for (provider, option), count in missing.most_common(3)
    ]
    return f"{len(hidden):,} more need a setting first, such as {', '.join(most)}; --all lists them"
