"""One question to a model: the answer on stdout as it arrives, everything else on stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from modelplug import Call, CallFailed, Chunk, Failure, Reply, Switchboard

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
        show = _Shown(self._json, self._quiet)
        self.heard = ""
        with Bar("fetching the model, once") as bar:
            self._watch(None if self._quiet else bar)
            if self._stream:
                reply = await self._streamed(messages, show, bar)
            else:
                reply = await self.board.complete(self._name, messages, **self._options)
                show.whole(reply)
                self.heard = reply.text
        if self._json:
            print_json({**reply.data, "call": reply.call})
        else:
            show.end()
            for call in reply.tool_calls:
                remark(f"tool call: {call.name}({call.arguments})")
            if reply.refusal:
                remark(f"refused: {reply.refusal}")
        if not self._quiet and reply.call is not None:
            remark(summary(reply.call))
        return reply

    async def _streamed(self, messages: Sequence[Message], show: _Shown, bar: Bar) -> Reply:
        chunks = self.board.stream(self._name, messages, **self._options)
        try:
            async with chunks:
                async for chunk in chunks:
                    bar.stop()
                    show.piece(chunk)
                    self.heard += chunk.text
        except BaseException as error:
            show.broken_off()
            if self._json and isinstance(error, CallFailed):
                _print_failure(error, chunks.call)
            raise
        return chunks.reply

    def _watch(self, bar: Bar | None) -> None:
        """Let the plugin that brought the model tell of what it fetches, if it does that."""
        plugin = self.board.plugin(self.board.catalog.owner(self.model.id) or "")
        if hasattr(plugin, "progress"):
            plugin.progress = bar


class _Shown:
    """What of one answer stands on the two streams."""

    def __init__(self, json: bool, quiet: bool) -> None:
        self._silent = json
        self._quiet = quiet
        self._thinking = False
        self._last = ""

    def piece(self, chunk: Chunk) -> None:
        """Show what a chunk adds."""
        self._show(chunk.reasoning, chunk.text)

    def whole(self, reply: Reply) -> None:
        """Show an answer that came in one piece."""
        self._show(reply.reasoning, reply.text)

    def _show(self, reasoning: str, text: str) -> None:
        if self._silent:
            return
        if reasoning and not self._quiet:
            remark(reasoning if self._thinking else f"thinking: {reasoning}", end="")
            self._thinking = True
        if text:
            self._end_thinking()
            answer(text)
            self._last = text

    def end(self) -> None:
        """The answer is whole: one line break after it, on a terminal only where there is none yet."""
        self._end_thinking()
        if not (on_terminal(sys.stdout) and self._last.endswith("\n")):
            answer("\n")

    def broken_off(self) -> None:
        """The answer ended early: what comes next on the terminal begins on a line of its own."""
        self._end_thinking()
        if self._last and on_terminal(sys.stdout) and not self._last.endswith("\n"):
            answer("\n")

    def _end_thinking(self) -> None:
        if self._thinking:
            self._thinking = False
            remark("")


def _print_failure(error: CallFailed, call: Call | None) -> None:
    print_json({"error": {**_fields(Failure.of(error)), "partial": error.partial}, "call": call})


def _fields(failure: Failure) -> dict[str, Any]:
    import attrs

    return attrs.asdict(failure)
