"""The commands `modelplug providers ...`."""

from __future__ import annotations

import json
import os
import sys
from decimal import ROUND_UP, Context, Decimal
from typing import TYPE_CHECKING

import click
from attrs import asdict, evolve
from modelplug import ConfigError, Model, Switchboard
from modelplug.settings import config_path

if TYPE_CHECKING:
    from modelplug_discovery.steps import Step
    from modelplug_discovery.tiny import Planned


@click.group("providers")
def providers() -> None:
    """Add a provider without code, and look whether it can be called."""


@providers.command("add")
@click.argument("name")
@click.option("--base", help="Address of its OpenAI-compatible interface, such as https://llm.acme.com/v1.")
@click.option("--key-variable", help="The variable that holds its key; the key itself is never written.")
@click.option(
    "--model", "models", multiple=True, help="A model, as the provider calls it; as often as there are models."
)
@click.option("--discover", is_flag=True, help="Its models are those that it lists: `models refresh` fetches them.")
def add_command(name: str, base: str | None, key_variable: str | None, models: tuple[str, ...], discover: bool) -> None:
    """Write a provider's table into config.toml, behind what is there."""
    from modelplug_discovery.adding import add, check_name, table

    check_name(name)
    board = Switchboard.load()
    _free(board, name)
    asked_for_all = base is None
    base = base or _ask("Address of its interface, with /v1")
    if base is None:
        raise ConfigError("--base", "is not given", "Say where the provider is: --base https://host/v1.")
    if asked_for_all and key_variable is None:
        key_variable = _ask("Variable that holds its key, such as ACME_KEY; none where no key is needed")
    if not models and not discover:
        asked = _ask("Its models, with spaces between them; none to discover them") or ""
        models, discover = tuple(asked.split()), not asked.split()
    path = board.settings.path or config_path(os.environ)
    written = table(name, base=base, key_variable=key_variable, models=list(models), discover=discover)
    add(path, name, written)
    click.echo(written, nl=False)
    refresh = f"modelplug models refresh {name}; " if discover else ""
    click.echo(f"written to {path}. next: {refresh}modelplug providers test {name}", err=True)


@providers.command("test")
@click.argument("name")
@click.option(
    "--call", "calls", is_flag=True, help="Also make one tiny call for each capability, which may cost money."
)
@click.option("--model", help="With --call: the only model to call; default: for each capability the cheapest.")
@click.option("-y", "--yes", is_flag=True, help="With --call: do not ask before the calls.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def test_command(name: str, calls: bool, model: str | None, yes: bool, as_json: bool) -> None:
    """Look whether a provider can be called: settings, name, connection, encryption, models, and calls where asked.

    The first step that fails ends it, with what to do; what the calls may cost is shown before they are made, and on a
    terminal you are asked. Exit status 1 when something failed.
    """
    from modelplug_discovery.calling import called
    from modelplug_discovery.steps import Look

    board = Switchboard.load(settings={"retry": {"attempts": 1}})  # each call is made, and paid for, once
    own = [each for each in board.models if each.provider == name]
    if not own and name not in board.settings.providers:
        raise ConfigError(f"provider {name!r}", "is not known", f"Add it: modelplug providers add {name}.")
    if model is not None and not calls:
        raise ConfigError("--model", "says what to call, and no call is asked for", "Add --call.")
    look = Look(board, name, calls=calls)
    able = _able(board, own, name, model) if calls and look.problem is None else []
    found = [_shown(step, as_json=as_json) for step in look.steps()]
    if calls and all(step.ok for step in found) and _agreed(plan := _planned(board, able, look.listed), yes=yes):
        found += [_shown(step, as_json=as_json) for step in called(board, plan)]
    if as_json:
        click.echo(json.dumps([asdict(step) for step in found], ensure_ascii=False, indent=2, default=str))
    sys.exit(0 if all(step.ok for step in found) else 1)


def _free(board: Switchboard, name: str) -> None:
    """Raises ConfigError for the name of a provider that a plugin brings: its models would have two owners."""
    owners = {board.catalog.owner(model.id) for model in board.models if model.provider == name} - {"discovery"}
    if owners:
        own = board.settings.provider(name)
        step = (
            f"Set {own.variable('api_key')}, and {own.variable('api_base')} for another address; or take another name."
        )
        raise ConfigError(f"provider {name!r}", f"is brought by the plugin {min(map(str, owners))!r}", step)


def _shown(step: Step, *, as_json: bool) -> Step:
    if not as_json:
        cost = "" if step.model is None or not step.ok else f", {_dollars(step.cost)}"
        click.echo(f"{'ok    ' if step.ok else 'FAILED'} {step.name}: {step.said}{cost}")
        if step.next_step:
            click.echo(f"       {step.next_step}")
    return step


def _able(board: Switchboard, own: list[Model], provider: str, name: str | None) -> list[Model]:
    """The models that may be called. Raises ConfigError where of none it is known what it can do."""
    from modelplug_discovery.tiny import plan

    if name is not None:
        model = board.resolve(name)
        if model.provider != provider:
            raise ConfigError("--model", f"is of the provider {model.provider!r}", f"Name one of {provider!r}.")
        # Of a model of which nothing is known, its user knows that one can chat with it.
        return [model if model.capabilities else evolve(model, capabilities=frozenset({"chat"}))]
    if not own:
        raise ConfigError("--call", "has no model to call", "Name one in the provider's table, or refresh its models.")
    if not plan(own):
        step = f"Name one to chat with: --model {own[0].id}."
        raise ConfigError("--call", f"finds no model of which it is known what it can do ({len(own)} looked at)", step)
    return own


def _planned(board: Switchboard, able: list[Model], listed: frozenset[str]) -> list[Planned]:
    """The calls to make: to models that the provider lists, where one of them can do what is tried."""
    from modelplug_discovery.tiny import plan, untried

    preferred = {model.id for model in able if listed and board.route(model)[0] in listed}
    if more := untried(able):
        click.echo(f"not tried, as there is no tiny call for it: {', '.join(more)}", err=True)
    return plan(able, preferred)


def _agreed(plan: list[Planned], *, yes: bool) -> bool:
    """Shows what the calls cost at most; whether to make them: without a terminal the option --call says so."""
    for model in dict.fromkeys(each.model for each in plan):
        mine = [each for each in plan if each.model == model]
        known = [each.dearest for each in mine if each.dearest is not None]
        most = _dollars(sum(known, Decimal(0))) if len(known) == len(mine) else None
        calls = (
            f"{len(mine)} tiny call{'s' * (len(mine) > 1)} to {model.id} ({', '.join(each.tiny.name for each in mine)})"
        )
        click.echo(f"{calls}: {f'at most {most}' if most else 'cost unknown'}", err=True)
    if yes or not _at_terminal():
        return True
    agreed = click.confirm("go on?", err=True)
    if not agreed:
        click.echo("no call was made", err=True)
    return agreed


def _dollars(amount: Decimal | None) -> str:
    """An amount in two digits, rounded up."""
    if amount is None:
        return "cost unknown"
    return f"${Context(prec=2, rounding=ROUND_UP).create_decimal(amount).normalize():f}"


def _at_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def _ask(question: str) -> str | None:
    """Asks a person; without a terminal nobody is asked."""
    if not _at_terminal():
        return None
    answer: str = click.prompt(question, default="", show_default=False, err=True)
    return answer.strip() or None
