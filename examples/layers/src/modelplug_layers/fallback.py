"""Fallback: when a model fails before its first chunk, the next one is called.

It stands above the board and is no layer, so that each try is a call of its own: with the credentials of its own
provider, a record of its own, and the price of the model that answered.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from modelplug import BadRequest, Call, CallFailed, Chunk, Chunks, ConfigError, ContextTooLong, Reply, Switchboard

__all__ = ["Fallback", "Fallen"]

Messages = Sequence[Mapping[str, Any]]


class Fallback:
    """Models in the order in which they are tried, each with its own retries and its own `timeout`.

    What another model would refuse as well is raised at once, and so is what the host must mend (ConfigError,
    UnknownModel). A name that is none is told by the first call, not on the day that it is needed. When all fail, the
    error is that of the last.
    """

    def __init__(self, board: Switchboard, *names: str) -> None:
        if not names:
            raise ConfigError("Fallback", "names no model", 'Write Fallback(board, "first", "second").')
        self.board = board
        self.names = names

    async def complete(self, messages: Messages, **more: Any) -> Reply:
        """The answer of the first model that gives one; `reply.call` says which. Arguments as of the board."""
        self._resolve()
        for name in self.names[:-1]:
            try:
                return await self.board.complete(name, messages, **more)
            except CallFailed as error:
                if not another_may(error):
                    raise
        return await self.board.complete(self.names[-1], messages, **more)

    @asynccontextmanager
    async def stream(self, messages: Messages, **more: Any) -> AsyncGenerator[Fallen, None]:
        """The chunks of the first model that says something. What fails after that is raised, and no model is tried."""
        self._resolve()
        async with AsyncExitStack() as stack:
            for name in self.names:
                chunks = self.board.stream(name, messages, **more)
                try:
                    await stack.enter_async_context(chunks)
                    opening = await _opening(chunks)
                    break
                except CallFailed as error:
                    if name == self.names[-1] or not another_may(error):
                        raise
            yield Fallen(opening, chunks)

    def _resolve(self) -> None:
        for name in self.names:
            self.board.resolve(name)


class Fallen:
    """The chunks of the model that answers, with their `reply` and `call` at the end, as those of a board."""

    def __init__(self, opening: Sequence[Chunk], chunks: Chunks) -> None:
        self._opening = opening
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        for chunk in self._opening:
            yield chunk
        async for chunk in self._chunks:
            yield chunk

    @property
    def reply(self) -> Reply:
        """The whole answer; raises ModelplugError while the stream is open."""
        return self._chunks.reply

    @property
    def call(self) -> Call | None:
        """The record, None until the stream has ended."""
        return self._chunks.call


def another_may(error: CallFailed) -> bool:
    """Whether another model may do what this one did not: a request that is wrong is wrong for all."""
    return error.kind != "shutdown" and (isinstance(error, ContextTooLong) or not isinstance(error, BadRequest))


async def _opening(chunks: Chunks) -> list[Chunk]:
    """The chunks up to the first that says something: a role alone is sent by servers that then fail."""
    opening = []
    async for chunk in chunks:
        opening.append(chunk)
        if chunk.text or chunk.reasoning or chunk.tool_calls or chunk.finish_reason:
            break
    return opening
