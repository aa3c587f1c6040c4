"""Which commands there are. Each is imported when it is asked for, and none for the help page.

Plugins bring commands of their own: an entry point in the group `modelplug.commands` whose name is the command's name,
and which names a click command. On the help page stands the first line of its docstring.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from modelplug_cli._verbosity import verbosity_options

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "modelplug.commands"
"""The group of entry points with commands of plugins."""

OWN: Final[Mapping[str, str]] = {
    "chat": "Ask a model, or talk with it.",
    "models": "List and show models.",
    "plugins": "Show what became of each plugin.",
    "config": "Show the settings in force.",
    "doctor": "Look for what may be wrong, and say what to do.",
}
"""Our own commands with their first help line. Each is the attribute `command` of a module of its name."""

ELSEWHERE: Final[Mapping[str, str]] = {
    "new": "modelplug-testkit",
    "check": "modelplug-testkit",
    "serve": "modelplug-status",
    "top": "modelplug-top",
    "local": "modelplug-local",
    "providers": "modelplug-discovery",
    "models.refresh": "modelplug-discovery",
}
"""The distributions of this project whose commands the documentation tells of, for whoever has not installed one."""

HELP = """Call language models through installed plugins.

\b
  modelplug chat "Say hello in one sentence."
  modelplug models list
"""


class Commands(click.Group):
    """The command `modelplug` with all its commands."""

    def __init__(self) -> None:
        super().__init__("modelplug", help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
        verbosity_options(self)
        self.params.reverse()
        self.params.append(_version_option())

    def list_commands(self, context: click.Context) -> list[str]:
        """The names of all commands: our own, then those of plugins."""
        return [*OWN, *sorted(_brought())]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Imports the command. Raises ClickException when a plugin's command cannot be imported."""
        if name in OWN:
            command: click.Command = import_module(f"modelplug_cli.{name}").command
            return command
        return _found(context, _brought().get(name), name)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands on the help page, without importing them."""
        _list(formatter, OWN, _brought())


class Group(click.Group):
    """A command of ours under which plugins may bring more: `models.refresh` is `modelplug models refresh`."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Our own, then those of plugins."""
        own = super().list_commands(context)
        return [*own, *(name for name in sorted(_brought(f"{self.name}.")) if name not in own)]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Ours, or that of a plugin. Raises ClickException when it cannot be imported."""
        own, full = super().get_command(context, name), f"{self.name}.{name}"
        return own or _found(context, _brought(f"{self.name}.").get(name), full)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands on the help page, without importing those of plugins."""
        own = {name: command.get_short_help_str(limit=100) for name, command in self.commands.items()}
        brought = {name: point for name, point in _brought(f"{self.name}.").items() if name not in own}
        _list(formatter, own, brought)


def _brought(above: str = "") -> dict[str, EntryPoint]:
    """The commands of plugins; one with a name of ours, or a second one of a name, is not among them."""
    from importlib.metadata import entry_points

    found: dict[str, EntryPoint] = {}
    for entry_point in sorted(entry_points(group=GROUP), key=lambda e: e.dist.name if e.dist else ""):
        name = entry_point.name.removeprefix(above)
        if entry_point.name.startswith(above) and "." not in name and (above or name not in OWN):
            found.setdefault(name, entry_point)
    return found


def _list(formatter: click.HelpFormatter, own: Mapping[str, str], brought: Mapping[str, EntryPoint]) -> None:
    with formatter.section("Commands"):
        formatter.write_dl(list(own.items()))
    if brought:
        with formatter.section("Commands of plugins"):
            formatter.write_dl([(name, _summary(brought[name])) for name in sorted(brought)])


def _found(context: click.Context, entry_point: EntryPoint | None, name: str) -> click.Command | None:
    """The command of a plugin; None where there is none, or where it is broken and a shell only asks what there is."""
    try:
        if entry_point is None and name in ELSEWHERE:
            words = name.replace(".", " ")
            raise click.UsageError(f"The command {words!r} is part of {ELSEWHERE[name]}, not installed here.", context)
        return None if entry_point is None else _loaded(entry_point)
    except click.ClickException:
        if context.resilient_parsing:
            return None
        raise


def _loaded(entry_point: EntryPoint) -> click.Command:
    source = f"{entry_point.dist.name} {entry_point.dist.version}" if entry_point.dist else "no distribution"
    try:
        command: Any = entry_point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the border to foreign code: SystemExit of a plugin must not end us unexplained
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        raise click.ClickException(f"the command {entry_point.name!r} of {source} cannot be loaded: {said}") from error
    if not isinstance(command, click.Command):
        raise click.ClickException(f"the command {entry_point.name!r} of {source} is no click command")
    return command


def _summary(entry_point: EntryPoint) -> str:
    """The first line of the command's help, read from its source; else what its distribution says of itself."""
    try:
        return _documented(entry_point.module, entry_point.attr) or _described(entry_point)
    except Exception:  # the border to foreign code: a help page never fails for a plugin
        return _described(entry_point)


def _documented(module: str, name: str) -> str:
    """The first line of a function's docstring, without importing its module."""
    import ast
    from importlib.util import find_spec

    package, *places = module.split(".")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return ""
    source = Path(spec.origin).parent.joinpath(*places).with_suffix(".py") if places else Path(spec.origin)
    for node in ast.parse(source.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


def _described(entry_point: EntryPoint) -> str:
    """The summary of its distribution, read without parsing the rest."""
    text = (entry_point.dist.read_text("METADATA") or "") if entry_point.dist else ""
    for line in text.splitlines():
        if line.startswith("Summary: "):
            return line.removeprefix("Summary: ")
        if not line:
            break
    return ""


def _version_option() -> click.Option:
    return click.Option(
        ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version."
    )


def _version(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"modelplug {version('modelplug')}")
        context.exit()
