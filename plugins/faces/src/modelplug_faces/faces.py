"""Objects with the shape of `openai.AsyncOpenAI` and of `litellm.acompletion`, a few lines over a board.

Answers and chunks are the board's: they read like OpenAI's. Errors are the board's too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, overload

from modelplug import Call, Chunk, Chunks, Reply, Switchboard
from modelplug.answers import View


class OpenAIFace:
    """`client.chat.completions.create(...)` and `client.embeddings.create(...)` on a board."""

    def __init__(self, board: Switchboard) -> None:
        self.chat = _Chat(board)
        self.embeddings = _Embeddings(board)


class _Chat:
    def __init__(self, board: Switchboard) -> None:
        self.completions = _Completions(board)


class _Completions:
    def __init__(self, board: Switchboard) -> None:
        self._board = board

    @overload
    async def create(
        self, *, model: str, messages: Sequence[Mapping[str, Any]], stream: Literal[False] = False, **params: Any
    ) -> Reply: ...

    @overload
    async def create(
        self, *, model: str, messages: Sequence[Mapping[str, Any]], stream: Literal[True], **params: Any
    ) -> Stream: ...

    async def create(
        self, *, model: str, messages: Sequence[Mapping[str, Any]], stream: bool = False, **params: Any
    ) -> Reply | Stream:
        """The answer, or with `stream=True` what yields it in chunks.

        Beside OpenAI's parameters it takes those of the board: `timeout`, `credentials`, `tenant`. Raises as
        `Switchboard.complete` does.
        """
        if stream:
            return await Stream(self._board.stream(model, messages, **params)).open()
        return await self._board.complete(model, messages, **params)


class _Embeddings:
    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def create(self, *, model: str, input: str | Sequence[Any], **params: Any) -> View:
        """The answer with its vectors, `answer.data[0].embedding`. Raises as `Switchboard.embed` does."""
        return View((await self._board.embed(model, input, **params)).data)


class Stream:
    """The chunks of one answer, as OpenAI's client gives them: iterate, or close; `async with` does both.

    A stream that is left without being closed ends when nobody holds it any more.
    """

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks

    async def open(self) -> Self:
        """Begin the call."""
        await self._chunks.__aenter__()
        return self

    @property
    def call(self) -> Call | None:
        """The record of the call, once it is over."""
        return self._chunks.call

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Chunk:
        return await anext(self._chunks)

    async def close(self) -> None:
        """Hang up."""
        await self._chunks.__aexit__(None, None, None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._chunks.__aexit__(kind, error, traceback)


def acompletion_on(board: Switchboard) -> Callable[..., Awaitable[Reply | Stream]]:
    """A function like `litellm.acompletion`. `num_retries` and the like are settings of the board, and refused here."""
    create: Callable[..., Awaitable[Reply | Stream]] = OpenAIFace(board).chat.completions.create

    async def acompletion(
        model: str, messages: Sequence[Mapping[str, Any]], *, stream: bool = False, **params: Any
    ) -> Reply | Stream:
        return await create(model=model, messages=messages, stream=stream, **params)

    return acompletion
