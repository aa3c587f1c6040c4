"""The commands `modelplug providers ...`."""

from __future__ import annotations

import json
import sys

import click
from attrs import asdict
from modelplug import ConfigError, Model, Settings, Switchboard


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
    from modelplug_discovery.adding import add, table

    base = base or _ask("Address of its interface, with /v1")
    if base is None:
        raise ConfigError("--base", "is not given", "Say where the provider is: --base https://host/v1.")
    if not models and not discover:
        asked = _ask("Its models, with spaces between them; none to discover them") or ""
        models, discover = tuple(asked.split()), not asked.split()
    settings = Settings.read()
    if settings.path is None:
        raise ConfigError("config.toml", "has no place", "Set MODELPLUG_CONFIG to a path.")
    written = table(name, base=base, key_variable=key_variable, models=list(models), discover=discover)
    add(settings.path, name, written)
    click.echo(written, nl=False)
    refresh = f"modelplug models refresh {name}; " if discover else ""
    click.echo(f"written to {settings.path}. next: {refresh}modelplug providers test {name}", err=True)


@providers.command("test")
@click.argument("name")
@click.option("--call", "calls", is_flag=True, help="Also make one call of at most 16 tokens, which may cost money.")
@click.option("--model", help="The model to call; default: its first for chat.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def test_command(name: str, calls: bool, model: str | None, as_json: bool) -> None:
    """Look whether a provider can be called: settings, name, connection, encryption, models, and a call where asked.

    Exit status 1 at the first step that fails, with what to do.
    """
    from modelplug_discovery.steps import steps

    board = Switchboard.load()
    own = [each for each in board.models if each.provider == name]
    if not own and name not in board.settings.providers:
        raise ConfigError(f"provider {name!r}", "is not known", f"Add it: modelplug providers add {name}.")
    chosen = _chosen(board, own, model) if calls or model else None
    if chosen is not None:
        price = chosen.prices.output
        said = "its price is not known" if price is None else f"${price:f} for a million tokens of the answer"
        click.echo(f"one call to {chosen.id}: {said}", err=True)
    found = []
    for step in steps(board, name, call=chosen):
        found.append(step)
        if not as_json:
            click.echo(f"{'ok    ' if step.ok else 'FAILED'} {step.name}: {step.said}")
            if step.next_step:
                click.echo(f"       {step.next_step}")
    if as_json:
        click.echo(json.dumps([asdict(step) for step in found], ensure_ascii=False, indent=2))
    sys.exit(0 if all(step.ok for step in found) else 1)


def _chosen(board: Switchboard, own: list[Model], name: str | None) -> Model:
    if name is not None:
        return board.resolve(name)
    found = next((model for model in own if "chat" in model.capabilities), own[0] if own else None)
    if found is None:
        raise ConfigError("--call", "has no model to call", "Name one in the provider's table, or refresh its models.")
    return found


def _ask(question: str) -> str | None:
    """Asks a person; without a terminal nobody is asked."""
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    answer: str = click.prompt(question, default="", show_default=False, err=True)
    return answer.strip() or None
