"""One question to a model: the answer on stdout as it arrives, everything else on stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from modelplug import AmbiguousModel, CallFailed, Failure, ModelplugError, Reply, Switchboard, UnknownModel

from modelplug_cli._interrupts import waking_the_loop
from modelplug_cli._output import answer, on_terminal, print_json, remark
from modelplug_cli._progress import Bar
from modelplug_cli._summary import summary

Message = Mapping[str, Any]


class Asking:
    """How questions are asked in this run of the command: which model, with which parameters, shown how."""

    def __init__(
        self,
        board: Switchboard,
        model: str,
        params: Mapping[str, Any],
        *,
        timeout: float | None = None,
        stream: bool = True,
        json: bool = False,
        quiet: bool = False,
    ) -> None:
        self.board = board
        self.model = board.resolve(model)
        self._name = model
        self._options = {"timeout": timeout, **params}
        self._stream = stream
        self._json = json
        self._quiet = quiet
        self.heard = ""
        """The text of the latest answer, as far as it came."""

    async def ask(self, messages: Sequence[Message]) -> Reply:
        """The reply, shown. Raises what the board raises, with what had arrived shown as well."""
        show = _Shown(silent=self._json, quiet=self._quiet)
        self.heard = ""
        try:
            with waking_the_loop(), Bar("fetching the model, once") as bar:
                self._watch(None if self._quiet else bar)
                reply = await (self._streamed(messages, show, bar) if self._stream else self._whole(messages, show))
        except BaseException:
            show.broken_off()
            raise
        if self._json:
            print_json({**reply.data, "call": reply.call})
        else:
            show.end()
            _remark_on(reply)
        if not self._quiet and reply.call is not None:
            remark(summary(reply.call))
        return reply

    async def _streamed(self, messages: Sequence[Message], show: _Shown, bar: Bar) -> Reply:
        async with self.board.stream(self._name, messages, **self._options) as chunks:
            async for chunk in chunks:
                bar.stop()
                self.heard += chunk.text
                show.piece(chunk.reasoning, chunk.text)
                if chunk.finish_reason:
                    show.end()  # now: what the log says of the end comes on a line of its own
        return chunks.reply

    async def _whole(self, messages: Sequence[Message], show: _Shown) -> Reply:
        reply = await self.board.complete(self._name, messages, **self._options)
        self.heard = reply.text
        show.piece(reply.reasoning, reply.text)
        return reply

    def _watch(self, bar: Bar | None) -> None:
        """Let the plugin that brought the model tell of what it fetches, if it does that."""
        plugin = self.board.plugin(self.board.catalog.owner(self.model.id) or "")
        if hasattr(plugin, "progress"):
            plugin.progress = bar


class _Shown:
    """What of one answer stands on the two streams."""

    def __init__(self, *, silent: bool, quiet: bool) -> None:
        self._silent = silent
        self._quiet = quiet
        self._thinking = False
        self._last = ""
        self._ended = False

    def piece(self, reasoning: str, text: str) -> None:
        """Show what arrived."""
        if self._silent:
            return
        if reasoning and not self._quiet:
            remark(reasoning if self._thinking else f"thinking: {reasoning}", end="")
            self._thinking = True
        if text:
            self._end_thinking()
            answer(text)
            self._last, self._ended = text, False

    def end(self) -> None:
        """The answer is whole: one line break after it, on a terminal only where there is none yet."""
        if self._silent or self._ended:
            return
        self._end_thinking()
        if not (on_terminal(sys.stdout) and self._last.endswith("\n")):
            answer("\n")
        self._last, self._ended = "\n", True

    def broken_off(self) -> None:
        """The answer ended early: what comes next on the terminal begins on a line of its own."""
        self._end_thinking()
        if self._last and on_terminal(sys.stdout) and not self._last.endswith("\n"):
            answer("\n")

    def _end_thinking(self) -> None:
        if self._thinking:
            self._thinking = False
            remark("")


def _remark_on(reply: Reply) -> None:
    """What an answer holds besides text."""
    for call in reply.tool_calls:
        remark(f"tool call: {call.name}({call.arguments})")
    if reply.refusal:
        remark(f"refused: {reply.refusal}")


def print_failure(error: ModelplugError) -> None:
    """A call that failed, or that could not be made, as JSON."""
    import attrs

    if isinstance(error, CallFailed):
        failure, partial, attempts = Failure.of(error), error.partial, error.attempts
    else:
        kind = "not_found" if isinstance(error, UnknownModel | AmbiguousModel) else "config"
        failure = Failure(type=type(error).__name__, kind=kind, message=str(error))
        partial, attempts = None, ()
    print_json({"error": {**attrs.asdict(failure, recurse=False), "partial": partial}, "attempts": attempts})
