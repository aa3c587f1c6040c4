"""`modelplug plugins`: what became of each plugin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import click

from modelplug_cli._output import print_json, print_table
from modelplug_cli._verbosity import verbosity_options

_WORDS: Final[Mapping[str, str]] = {
    "wire_name": "wire names",
    "select_strategy": "strategies",
    "call_started": "a listener",
    "call_finished": "a listener",
}


@click.group("plugins", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Show what became of each plugin."""
    if context.invoked_subcommand is None:
        context.invoke(list_plugins)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@verbosity_options
def list_plugins(as_json: bool = False) -> None:
    """List the installed plugins: loaded, blocked or failed, and why."""
    from modelplug_cli import _board

    plugins = _board.load().plugins
    if as_json:
        print_json(plugins)
        return
    rows = (
        [
            plugin.name,
            plugin.state,
            " ".join(filter(None, (plugin.distribution, plugin.version))) or "added by hand",
            f"{plugin.seconds * 1000:.1f}",
            plugin.reason or _brought(plugin.hooks, plugin.models),
        ]
        for plugin in plugins
    )
    print_table(("PLUGIN", "STATE", "FROM", ">MS", "BROUGHT"), rows, fold=True)


def _brought(hooks: Iterable[str], models: int) -> str:
    """What a plugin brought, in words."""
    found = [f"{models:,} models" if models != 1 else "1 model"] if models else []
    return ", ".join([*found, *dict.fromkeys(_WORDS[hook] for hook in hooks if hook in _WORDS)]) or "nothing"
