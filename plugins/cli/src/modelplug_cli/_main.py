"""The door of the command: every ending becomes an exit status, and every error one readable line.

0 done, 1 it failed, or the reader of our output left; 2 wrong usage, 130 ended by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from modelplug_cli._commands import Commands
from modelplug_cli._output import complain, prepare
from modelplug_cli._verbosity import Verbosity


def main(arguments: Sequence[str]) -> int:
    """The exit status of the command with these arguments."""
    prepare()
    status = _run(arguments, Verbosity())
    try:
        sys.stdout.flush()
    except OSError:  # the reader left, as in `modelplug models list | head`; a full disk was told of above
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
        return 1
    return status


def _run(arguments: Sequence[str], verbosity: Verbosity) -> int:
    try:
        Commands().main(arguments, prog_name="modelplug", standalone_mode=False, obj=verbosity)
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "modelplug"
        complain(f"{error.format_message()} See `{where} --help`.")
        return error.exit_code
    except click.ClickException as error:
        if verbosity.debug and error.__cause__ is not None:
            raise error.__cause__ from None
        complain(error.format_message())
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return 130
    except Exception as error:  # the border to people: they get one line, and the traceback on request
        if verbosity.debug:
            raise
        complain(_said(error))
        return 1
    return 0


def _said(error: Exception) -> str:
    from modelplug import ModelplugError  # loaded by now, or this is a fault of ours

    if isinstance(error, ModelplugError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return f"unexpected {type(error).__name__}: {error} (--debug shows where)"
