"""`modelplug chat`: one question, piped input, or a conversation."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from modelplug_cli._output import remark
from modelplug_cli._verbosity import verbosity_options

if TYPE_CHECKING:
    from modelplug import Switchboard

    from modelplug_cli._asking import Asking, Message

_PATIENCE = 5.0
"""Seconds until we say that we wait for standard input: a caller may have left it open by mistake."""

_NO_PARAMETERS = frozenset({"self", "name", "messages", "credentials", "tenant"})
"""What the board's methods are told besides parameters, and nobody can tell them from here."""


def parameters(context: click.Context, option: click.Parameter, texts: Iterable[str]) -> dict[str, Any]:
    """Parameters of the call from `name=value`: a value is JSON where it is JSON, else text."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not (equals and name):
            raise click.BadParameter(f"{text!r} is not NAME=VALUE, such as temperature=0.2.", context, option)
        if name in _NO_PARAMETERS:
            raise click.BadParameter(f"{name!r} is no parameter of a call.", context, option)
        found[name] = parsed(value)
    return found


def parsed(text: str) -> Any:
    """The value that JSON text stands for; text that is no JSON is itself."""
    import json

    def refuse(word: str) -> Any:
        raise ValueError(word)  # Python's NaN and Infinity are not JSON

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return text


@click.command("chat")
@click.argument("prompt", required=False)
@click.option("-m", "--model", metavar="MODEL", help="Id or alias; default: the setting default_model.")
@click.option("-s", "--system", metavar="TEXT", help="What the model is told before anything else.")
@click.option("-o", "--option", "params", callback=parameters, multiple=True, metavar="NAME=VALUE",
              help="A parameter of the call: -o temperature=0.2 -o 'stop=[\"x\"]'. Repeatable.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="For the whole call.")
@click.option("--no-stream", is_flag=True, help="Wait for the whole answer.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON, with the record of the call.")
@click.option("--no-stdin", is_flag=True, help="Do not read standard input; for scripts that leave it open.")
@click.option("-q", "--quiet", is_flag=True, help="Nothing on stderr but errors.")
@verbosity_options
def command(
    prompt: str | None,
    model: str | None,
    system: str | None,
    params: Mapping[str, Any],
    timeout: float | None,
    no_stream: bool,
    as_json: bool,
    no_stdin: bool,
    quiet: bool,
) -> None:
    """Ask a model, or talk with it.

    Asks PROMPT, or what is piped in, or PROMPT about what is piped in. Without any of them it is a conversation: Ctrl-C
    stops an answer, Ctrl-D ends it.

    The answer goes to stdout as it arrives, everything else to stderr.
    """
    question = _question(prompt and _readable(prompt), no_stdin=no_stdin)
    if question is None and (as_json or no_stdin):
        raise click.UsageError(f"{'--json' if as_json else '--no-stdin'} needs a PROMPT.")
    from modelplug import ModelplugError

    from modelplug_cli import _board
    from modelplug_cli._asking import Asking, print_failure

    try:
        board = _board.load()
        name = model or _default(board)
        asking = Asking(board, name, params, timeout=timeout, stream=not no_stream, json=as_json, quiet=quiet)
        _chat(asking, [{"role": "system", "content": _readable(system)}] if system else [], question)
    except ModelplugError as error:
        if as_json:
            print_failure(error)
        raise


def _default(board: Switchboard) -> str:
    from modelplug import ConfigError

    name = board.settings.get("default_model")
    if name is None:
        raise ConfigError("default_model", "is not set", "Give -m MODEL; `modelplug models list` shows which.")
    return str(name)


def _chat(asking: Asking, told: Sequence[Message], question: str | None) -> None:
    """Asks the question; without one, a conversation."""
    if question is None:
        from modelplug_cli._conversation import converse

        converse(asking, told)
        return
    import asyncio

    async def ask() -> None:
        async with asking.board:
            await asking.ask([*told, {"role": "user", "content": question}])

    asyncio.run(ask())


def _question(prompt: str | None, *, no_stdin: bool) -> str | None:
    """The prompt and what is piped in; None when there is neither and a person sits at the keyboard."""
    piped = None if no_stdin or sys.stdin.isatty() else _read_stdin()
    if prompt is None and piped is None:
        return None
    question = "\n\n".join(part for part in (prompt, piped) if part and part.strip())
    if not question:
        raise click.UsageError("there is nothing to ask: no PROMPT, and nothing came on standard input.")
    return question


def _readable(argument: str) -> str:
    """The argument with a sign for every byte that is no UTF-8, as in what is piped in."""
    return argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _read_stdin() -> str:
    note = threading.Timer(_PATIENCE, remark, ["waiting for the end of standard input; --no-stdin leaves it alone"])
    note.daemon = True
    note.start()
    try:
        return sys.stdin.buffer.read().decode("utf-8", "replace")
    finally:
        note.cancel()
