"""`modelplug config`: which settings are in force, and where each one comes from."""

from __future__ import annotations

import click

from modelplug_cli._output import print_json, print_table, remark
from modelplug_cli._verbosity import verbosity_options


@click.group("config", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Show the settings in force."""
    if context.invoked_subcommand is None:
        context.invoke(show_config)


@command.command("show")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@verbosity_options
def show_config(as_json: bool = False) -> None:
    """Show every setting in force and where it comes from; secrets as ***."""
    from modelplug_cli import _board
    from modelplug_cli._settings import in_force

    board = _board.load()
    settings = in_force(board)
    if as_json:
        print_json(settings)
        return
    print_table(("SETTING", "FROM", "VALUE"), ([s.name, s.source, s.shown] for s in settings), fold=True)
    if not settings:
        remark("nothing is set")


@command.command("path")
@verbosity_options
def path() -> None:
    """Print where config.toml is, or would be."""
    import os

    from modelplug.settings import config_path

    found = config_path(os.environ)
    click.echo(str(found))
    if not found.exists():
        remark("there is no such file yet")
