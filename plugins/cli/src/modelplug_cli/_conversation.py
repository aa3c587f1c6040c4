"""A conversation on the terminal: lines with a history, answers that Ctrl-C stops, the end at Ctrl-D."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from modelplug import ModelplugError

from modelplug_cli._asking import Asking, Message
from modelplug_cli._output import complain, on_terminal, remark

_KEPT_LINES = 1_000


def converse(asking: Asking, messages: Iterable[Message]) -> None:
    """Asks what the person types until they end it. An answer that failed or was stopped ends nothing."""
    remark(f"{asking.model.name} · Ctrl-C stops an answer, Ctrl-D ends")
    history = _History()
    said = list(messages)
    with asyncio.Runner() as runner:
        try:
            while (line := _next_line()) is not None:
                if not line.strip():
                    continue
                said.append({"role": "user", "content": line})
                text = _answer(runner, asking, said)
                if text:
                    said.append({"role": "assistant", "content": text})
                else:
                    said.pop()  # a question without an answer would confuse the next one
        finally:
            history.save()
            runner.run(asking.board.aclose())


def _answer(runner: asyncio.Runner, asking: Asking, messages: list[Message]) -> str:
    """What the model said, as far as it came."""
    try:
        runner.run(asking.ask(messages))
    except KeyboardInterrupt:
        remark("stopped")
    except ModelplugError as error:
        complain(str(error))
    return asking.heard


def _next_line() -> str | None:
    """A line that was typed; None at the end. Ctrl-C throws the line away."""
    prompt = "> "
    while True:
        try:
            if on_terminal(sys.stdout):
                return input(prompt)
            remark(prompt, end="")
            return input()
        except KeyboardInterrupt:
            remark("\nCtrl-D ends")
        except EOFError:
            remark("")
            return None


class _History:
    """The lines of earlier conversations, where this Python has readline."""

    def __init__(self) -> None:
        self._path: Path | None = None
        with suppress(ImportError, OSError):
            import readline  # from now on input() edits lines

            from platformdirs import user_state_path

            self._path = user_state_path("modelplug", appauthor=False) / "history"
            readline.read_history_file(self._path)

    def save(self) -> None:
        """Keep the last lines for the next time, readable by this user alone."""
        if self._path is None:
            return
        with suppress(OSError):
            import readline

            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            readline.set_history_length(_KEPT_LINES)
            readline.write_history_file(self._path)
