"""The command `modelplug check`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress

import click
from attrs import asdict, evolve
from modelplug import ConfigError, Model, ModelplugError, Settings, Switchboard

from modelplug_testkit import contract
from modelplug_testkit.run import MESSAGES, Verdict, run
from modelplug_testkit.subject import Subject
from modelplug_testkit.upstream import Upstream

Report = Mapping[str, list[Verdict]]
"""Verdicts by what they are about: the contract, answers, quirks, faults."""


@click.command()
@click.argument("plugin")
@click.option("--model", help="A name of one of its models; default: its first for chat.")
@click.option("--strategy", help="The strategy that is to carry the calls; default: the plugin's own.")
@click.option("-v", "--verbose", is_flag=True, help="A line for each row and point, not only for those that fail.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def check(plugin: str, model: str | None, strategy: str | None, verbose: bool, as_json: bool) -> None:
    """Run the rows and the contract against an installed plugin.

    The calls go to a faulty upstream on this machine, with a made-up key. Exit status 1 when something does not hold.
    """
    subject = subject_of(plugin, model, strategy)
    foreign = bool(subject.claims) and not asyncio.run(_reaches(subject))
    claims = frozenset() if foreign else subject.claims
    report = asyncio.run(report_on(evolve(subject, claims=claims)))
    verdicts = [verdict for part in report.values() for verdict in part]
    failed = [verdict for verdict in verdicts if not verdict.passed]
    if as_json:
        rows = [{**asdict(verdict), "passed": verdict.passed} for verdict in verdicts]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        click.echo(f"{plugin}: {', '.join([subject.model or 'no models', *sorted(claims)])}")
        for part, found in report.items():
            click.echo(f"  {part:9} {sum(verdict.passed for verdict in found):4} of {len(found)}")
        for verdict in verdicts if verbose else failed:
            click.echo(_line(verdict))
        if foreign:
            click.echo(
                "its calls do not go to credentials.api_base: no row was tried, nothing of its answers is proved"
            )
        click.echo(f"{len(verdicts) - len(failed)} passed, {len(failed)} failed", err=True)
    sys.exit(1 if failed else 0)


def subject_of(plugin: str, model: str | None = None, strategy: str | None = None) -> Subject:
    """What is tested of an installed plugin: one model for chat, one for embeddings, and what these say they can.

    Of a plugin without models only loading and listening are tested. Raises ConfigError for one that is not loaded.
    """
    board = Switchboard.load(settings=Settings(environment={}))
    state = next((each for each in board.plugins if each.name == plugin), None)
    if state is None or state.state != "loaded":
        reason = "is not installed" if state is None else f"is not loaded: {state.reason}"
        raise ConfigError(f"plugin {plugin!r}", reason, "`modelplug plugins list` shows all.")
    own = [each for each in board.models if board.catalog.owner(each.id) == plugin and each.enabled]
    chosen = board.resolve(model) if model else _first(own, "chat") or _first(own, "embeddings")
    if chosen is None:
        return Subject(claims=())
    embedding = chosen if "embeddings" in chosen.capabilities else _first(_beside(own, chosen), "embeddings")
    claims = chosen.capabilities & {"chat", "tools"} | ({"stream"} if "chat" in chosen.capabilities else set())
    return Subject(
        model=chosen.id,
        embedding_model=embedding.id if embedding else None,
        claims=claims | ({"embeddings"} if embedding else set()),
        settings={"strategy": strategy} if strategy else {},
    )


async def report_on(subject: Subject) -> Report:
    """All verdicts."""
    report: dict[str, list[Verdict]] = {"contract": list((await contract.check(subject)).values())}
    if subject.claims:
        for verdict in (await run(subject)).values():
            report.setdefault(_part(verdict), []).append(verdict)
    return report


async def _reaches(subject: Subject) -> bool:
    """Whether a call goes to the base that its credentials name. The embedded model, for one, has its own upstream."""
    async with Upstream(plays=[contract.well]) as server:
        board = subject.board(base=server.base)
        with suppress(ModelplugError):
            if "chat" in subject.claims:
                await board.complete(subject.model, MESSAGES, timeout=30)
            else:
                await board.embed(subject.embedding_model or subject.model, ["a"], timeout=30)
        await board.aclose()
        return bool(server.connections)


def _part(verdict: Verdict) -> str:
    return {"CQ": "quirks", "F": "faults"}.get(verdict.id.partition("-")[0], "answers")


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
