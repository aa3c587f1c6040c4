"""How much the command says of what it does: `-v`, `-vv` and `--debug`, at any place of the line."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class Verbosity:
    """What was asked for so far; the `obj` of every click context."""

    def __init__(self) -> None:
        self.level = 0
        self.debug = bool(os.environ.get("MODELPLUG_DEBUG"))

    def louder(self, level: int) -> None:
        """Show on stderr how calls end and what is wrong (1), or each step and everybody's log, with the time (2)."""
        self.level = max(self.level, level)
        if self.level:
            import logging

            when = "%(asctime)s.%(msecs)03d " if self.level > 1 else ""
            said = f"{when}%(levelname)s %(name)s: %(message)s"
            logging.basicConfig(format=said, datefmt="%H:%M:%S", force=True)
            logging.getLogger("modelplug").setLevel(logging.INFO)
            if self.level > 1:
                logging.getLogger().setLevel(logging.DEBUG)
                logging.getLogger("modelplug").setLevel(logging.DEBUG)


def verbosity_options(command: F) -> F:
    """Gives a command the options `-v` and `--debug`; their values are in the context's Verbosity."""
    louder = click.option(
        "-v", "--verbose", count=True, expose_value=False, callback=_louder, help="Show the log; -vv shows all of it."
    )
    debug = click.option(
        "--debug", is_flag=True, expose_value=False, callback=_debug, help="Show the traceback of an error."
    )
    return louder(debug(command))


def _louder(context: click.Context, option: click.Parameter, count: int) -> None:
    context.ensure_object(Verbosity).louder(count)


def _debug(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.ensure_object(Verbosity).debug = True
