"""The command `modelplug new`: a whole plugin project, from a template, that passes the kit untouched."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import click
from attrs import frozen
from modelplug import ConfigError, Settings, Switchboard

Template = Literal["provider", "strategy", "listener"]
TEMPLATES = Path(__file__).with_name("templates")
LONGEST = 40
LICENSES = ("Apache-2.0", "MIT", "none")

README: Mapping[Template, str] = {
    "provider": "`{variable}_API_KEY` makes its models callable, `{variable}_API_BASE` sends them elsewhere.",
    "strategy": 'A provider is carried by it after one setting: `strategy = "{name}"` in its table of config.toml.',
    "listener": "Every host that has it installed tells it of every call. `MODELPLUG_BLOCK={name}` keeps it out.",
}
DESCRIPTION: Mapping[Template, str] = {
    "provider": "The models of {name}, for modelplug.",
    "strategy": "The strategy {name}, for modelplug.",
    "listener": "The listener {name}, for modelplug.",
}


@frozen(kw_only=True)
class Project:
    """What is asked for: a plugin's name, such as `acme-ai`, and what its template needs to know."""

    template: Template
    name: str
    license: str = "Apache-2.0"
    base: str = "https://api.example.com/v1"
    model: str = "large"
    strategy: str = "http"

    @property
    def distribution(self) -> str:
        """The name that pip installs."""
        return f"modelplug-{self.name}"

    @property
    def package(self) -> str:
        """The name that Python imports."""
        return self.distribution.replace("-", "_")

    def values(self) -> dict[str, Any]:
        """What templates are filled with."""
        variable = re.sub(r"[^A-Z0-9]", "_", self.name.upper())
        brings = {"http": "modelplug-http>=0.1", "direct": "modelplug-litellm>=0.1"}
        return {
            "name": self.name,
            "distribution": self.distribution,
            "package": self.package,
            "cls": "".join(word.capitalize() for word in self.name.split("-")),
            "variable": variable,
            "description": DESCRIPTION[self.template].format(name=self.name),
            "readme": README[self.template].format(name=self.name, variable=variable),
            "license": None if self.license == "none" else self.license,
            "needs": [brings[self.strategy]] if self.template == "provider" else [],
            "base": self.base,
            "model": self.model,
            "strategy": self.strategy,
        }


@click.group("new")
def new() -> None:
    """Make the project of a new plugin: code, test, README, CI."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--license", type=click.Choice(LICENSES), default=LICENSES[0], show_default=True),
        click.option("--directory", type=click.Path(path_type=Path), help="Where; default: a folder of its name here."),
        click.argument("name"),
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
    name: str, directory: Path | None, license: str, base: str | None, model: str | None, strategy: str
) -> None:
    """A provider: models behind an OpenAI-compatible interface."""
    _check_name(name)
    base = base or _ask("Address of its interface", f"https://api.{name}.com/v1")
    model = model or _ask("One of its models", "large")
    _check_base(base)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}", model):
        raise ConfigError("--model", "is no name of a model", "Use letters, digits and . _ : / -")
    _write(
        Project(template="provider", name=name, license=license, base=base, model=model, strategy=strategy), directory
    )


@new.command()
@_options
def strategy(name: str, directory: Path | None, license: str) -> None:
    """A strategy: an object that carries calls."""
    _check_name(name)
    _write(Project(template="strategy", name=name, license=license), directory)


@new.command()
@_options
def listener(name: str, directory: Path | None, license: str) -> None:
    """A listener: told of every call."""
    _check_name(name)
    _write(Project(template="listener", name=name, license=license), directory)


def write(project: Project, folder: Path) -> list[Path]:
    """Write the project into a folder that is new or empty; the files, sorted.

    Raises ConfigError for a folder that holds something.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(str(folder), "is there already", "Choose another with --directory.")
    values, written = project.values(), []
    for root in (TEMPLATES / "common", TEMPLATES / project.template):
        environment = Environment(  # noqa: S701  # it makes Python and TOML, and no pages
            loader=FileSystemLoader(root), undefined=StrictUndefined, keep_trailing_newline=True
        )
        for template in sorted(root.rglob("*.jinja")):
            place = template.relative_to(root)
            path = folder / str(place).removesuffix(".jinja").replace("PACKAGE", project.package)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(environment.get_template(place.as_posix()).render(values), "utf-8")
            written.append(path)
    typed = folder / "src" / project.package / "py.typed"
    typed.touch()
    return sorted([*written, typed])


def _write(project: Project, directory: Path | None) -> None:
    folder = directory or Path(project.distribution)
    for path in write(project, folder):
        click.echo(path)
    click.echo(f'next: cd {folder}; pip install --editable ".[dev]"; pytest', err=True)


def _ask(question: str, default: str) -> str:
    """Asks a person; without a terminal nobody is asked."""
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return default
    answer: str = click.prompt(question, default=default, err=True)
    return answer.strip()


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


def _check_base(base: str) -> None:
    try:
        Settings(argument={"providers": {"new": {"api_base": base}}}, environment={}).provider("new").api_base  # noqa: B018
    except ConfigError as error:
        raise ConfigError("--base", error.problem, error.next_step) from None
