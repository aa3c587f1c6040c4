"""The command `modelplug new`: a whole plugin project, from a template, that passes the kit untouched."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click
from modelplug import ConfigError, Settings, Switchboard

from modelplug_testkit.project import LICENSES, Project, check_room, write

LONGEST = 40
"""Characters of a plugin's name."""


@click.group("new")
def new() -> None:
    """Make the project of a new plugin: code, test, README, CI."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--author", help="Who has the rights in it; default: user.name of git."),
        click.option("--license", type=click.Choice(LICENSES), default=LICENSES[0], show_default=True),
        click.option("--directory", type=click.Path(path_type=Path), help="Where; default: a folder of its name here."),
        click.argument("name", required=False),
    ):
        command = option(command)
    return command


@new.command()
@_options
@click.option("--base", help="Address of its OpenAI-compatible interface, such as https://api.acme.com/v1.")
@click.option("--model", help="One of its models, as the provider calls it.")
@click.option("--strategy", type=click.Choice(["http", "direct"]), default="http", show_default=True,
              help="Who carries its calls: http as they are, direct through LiteLLM.")  # fmt: skip
def provider(
    name: str | None, base: str | None, model: str | None, strategy: str,
    author: str | None, directory: Path | None, license: str,
) -> None:  # fmt: skip
    """A provider: models behind an OpenAI-compatible interface."""
    name, folder = _begin(name, directory)
    base = _given(base, "Address of its interface", _check_base, f"https://api.{name}.com/v1")
    model = _given(model, "One of its models", _check_model, "large")
    own = {"base": base, "model": model, "strategy": strategy}
    _write(
        Project(template="provider", name=name, license=license, author=_author(author, name, license), **own), folder
    )


@new.command()
@_options
def strategy(name: str | None, author: str | None, directory: Path | None, license: str) -> None:
    """A strategy: an object that carries calls."""
    name, folder = _begin(name, directory)
    _write(Project(template="strategy", name=name, license=license, author=_author(author, name, license)), folder)


@new.command()
@_options
def listener(name: str | None, author: str | None, directory: Path | None, license: str) -> None:
    """A listener: told of every call."""
    name, folder = _begin(name, directory)
    _write(Project(template="listener", name=name, license=license, author=_author(author, name, license)), folder)


def _begin(name: str | None, directory: Path | None) -> tuple[str, Path]:
    """The name and the folder, before anything else is asked."""
    name = _given(name, "Name", _check_name)
    folder = directory or Path(f"modelplug-{name}")
    check_room(folder)
    return name, folder


def _author(author: str | None, name: str, license: str) -> str:
    """Asked for where the licence names somebody."""
    known = _git_user() or f"the authors of modelplug-{name}"
    return _given(author if license == "MIT" else author or known, "Author", _check_author, known)


def _write(project: Project, folder: Path) -> None:
    for path in write(project, folder):
        click.echo(path)
    click.echo(f'next: cd {folder}; pip install --editable ".[dev]"; pytest', err=True)


def _given(value: str | None, question: str, check: Callable[[str], None], default: str | None = None) -> str:
    """An option; else the answer of a person, who is asked again until it will do; without a terminal the default.

    Raises ConfigError for an option that will not do, and UsageError where there is nothing to go by.
    """

    def answer(text: str) -> str:
        try:
            check(text.strip())
        except ConfigError as error:
            raise click.UsageError(str(error)) from None
        return text.strip()

    if value is None and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        answered: str = click.prompt(question, default=default, err=True, value_proc=answer)
        return answered
    value = default if value is None else value
    if value is None:
        raise click.UsageError("Missing argument 'NAME'.", click.get_current_context())
    check(value)
    return value


def _git_user() -> str | None:
    """Whoever commits here, if git knows, and if it is a name."""
    with suppress(OSError, UnicodeDecodeError, subprocess.TimeoutExpired, ConfigError):
        asking = ["git", "config", "user.name"]
        asked = subprocess.run(asking, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
        _check_author(name := asked.stdout.strip())
        return name
    return None


def _check_name(name: str) -> None:
    """Raises ConfigError for what is no name of a plugin, or is one already."""
    step = "Use words of small letters and digits with - between them, such as acme-ai."
    if name.startswith("modelplug"):
        raise ConfigError(f"name {name!r}", "begins with modelplug", "Leave that out: the distribution gets it anyway.")
    if len(name) > LONGEST or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise ConfigError(f"name {name[:60]!r}", f"is no name of a plugin of at most {LONGEST} characters", step)
    board = Switchboard.load(settings=Settings(environment={}))
    plugins, providers = {plugin.name for plugin in board.plugins}, {model.provider for model in board.models}
    if name in plugins | providers:
        what = "plugin" if name in plugins else "provider"
        raise ConfigError(f"name {name!r}", f"is that of an installed {what}", "Choose another.")
    with suppress(importlib.metadata.PackageNotFoundError):
        importlib.metadata.distribution(f"modelplug-{name}")
        raise ConfigError(f"name {name!r}", f"is taken: modelplug-{name} is installed", "Choose another.")


def _check_base(base: str) -> None:
    try:
        Settings(argument={"providers": {"new": {"api_base": base}}}, environment={}).provider("new").api_base  # noqa: B018
    except ConfigError as error:
        raise ConfigError("--base", error.problem, error.next_step) from None


def _check_model(model: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}", model):
        raise ConfigError("--model", "is no name of a model", "Use letters, digits and . _ : / -")


def _check_author(author: str) -> None:
    if not 0 < len(author) <= 80 or not author.isprintable() or set(author) & set('"\\'):
        raise ConfigError("--author", "is no name", "Write it in at most 80 characters, without quotes.")
