"""The command `modelplug check`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable

import click
from attrs import asdict
from modelplug import ConfigError, Model, Settings, Switchboard

from modelplug_testkit import contract
from modelplug_testkit.run import Verdict, run
from modelplug_testkit.subject import Subject


@click.command()
@click.argument("plugin")
@click.option("--model", help="A name of one of its models; default: its first for chat.")
@click.option("--strategy", help="The strategy that is to carry the calls; default: the plugin's own.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def check(plugin: str, model: str | None, strategy: str | None, as_json: bool) -> None:
    """Run the rows and the contract against an installed plugin.

    The calls go to a faulty upstream on this machine, with a made-up key. Exit status 1 when something does not hold.
    """
    subject = subject_of(plugin, model, strategy)
    verdicts = asyncio.run(verdicts_on(subject))
    failed = [verdict for verdict in verdicts if not verdict.passed]
    if as_json:
        rows = [{**asdict(verdict), "passed": verdict.passed} for verdict in verdicts]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for verdict in verdicts:
            click.echo(_line(verdict))
        click.echo(f"{len(verdicts) - len(failed)} passed, {len(failed)} failed", err=True)
    sys.exit(1 if failed else 0)


def subject_of(plugin: str, model: str | None = None, strategy: str | None = None) -> Subject:
    """What is tested of an installed plugin: one model for chat, one for embeddings, and what these say they can."""
    board = Switchboard.load(settings=Settings(environment={}))
    state = next((each for each in board.plugins if each.name == plugin), None)
    if state is None or state.state != "loaded":
        reason = "is not installed" if state is None else f"is not loaded: {state.reason}"
        raise ConfigError(f"plugin {plugin!r}", reason, "`modelplug plugins list` shows all.")
    own = [each for each in board.models if board.catalog.owner(each.id) == plugin and each.enabled]
    chosen = board.resolve(model) if model else _first(own, "chat") or _first(own, "embeddings")
    if chosen is None:
        raise ConfigError(f"plugin {plugin!r}", "brings no models", "Name one that it carries with --model.")
    embedding = chosen if "embeddings" in chosen.capabilities else _first(_beside(own, chosen), "embeddings")
    claims = chosen.capabilities & {"chat", "tools"} | ({"stream"} if "chat" in chosen.capabilities else set())
    return Subject(
        model=chosen.id,
        embedding_model=embedding.id if embedding else None,
        claims=claims | ({"embeddings"} if embedding else set()),
        settings={"strategy": strategy} if strategy else {},
    )


async def verdicts_on(subject: Subject) -> list[Verdict]:
    """All verdicts, those on the contract first."""
    about = await contract.check(subject)
    return [*about.values(), *(await run(subject)).values()]


def _first(models: Iterable[Model], capability: str) -> Model | None:
    return next((model for model in models if capability in model.capabilities), None)


def _beside(models: Iterable[Model], chosen: Model) -> list[Model]:
    return [model for model in models if model.provider == chosen.provider]


def _line(verdict: Verdict) -> str:
    mark = "ok  " if not verdict.problems else "n/a " if verdict.unmet else "FAIL"
    line = f"{mark} {verdict.id}: {verdict.what}"
    if verdict.unmet:
        return f"{line} ({verdict.unmet})"
    if verdict.problems:
        wrong = "; ".join(verdict.problems)
        return f"{line}\n       {wrong}\n       expected: {verdict.expected}\n       seen: {verdict.seen}"
    return line
