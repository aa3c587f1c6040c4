"""Objects with the shape of `openai.AsyncOpenAI` and of `litellm.acompletion`, a few lines over a board.

Answers and chunks are the board's: they read like OpenAI's. Errors are the board's too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Never, Self, overload

from modelplug import BadRequest, Call, Chunk, Chunks, Reply, Switchboard
from modelplug.answers import View

_NEVER_GIVEN = frozenset({"NotGiven", "Omit"})
"""Types of OpenAI's that stand for a parameter that is left out."""

INSTEAD: Mapping[str, str] = {
    **dict.fromkeys(("num_retries", "max_retries"), "set [retry] attempts"),
    **dict.fromkeys(("fallbacks", "context_window_fallback_dict"), "use a Fallback of examples/layers"),
    **dict.fromkeys(("request_timeout", "stream_timeout", "force_timeout"), "write timeout="),
    **dict.fromkeys(("drop_params", "additional_drop_params", "allowed_openai_params"), "leave out what it refuses"),
    **dict.fromkeys(("mock_response", "mock_tool_calls"), "use modelplug.testing.FakeStrategy"),
    **dict.fromkeys(("caching", "cache"), "use the cache of examples/layers"),
    **dict.fromkeys(("metadata", "logger_fn"), "write tenant=, and a plugin with call_finished"),
    **dict.fromkeys(("api_version", "ssl_verify", "cooldown_time"), "use settings of the provider"),
}  # fmt: skip
"""Parameters of LiteLLM's that no provider knows, and what a board has in their place."""


class _Part:
    """A part of OpenAI's client. What it does not have, it says."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    def __getattr__(self, name: str) -> Never:
        raise AttributeError(f"OpenAIFace has no {name!r}; openai_client(board) is the whole of OpenAI's client")


class OpenAIFace(_Part):
    """`client.chat.completions.create(...)` and `client.embeddings.create(...)` on a board."""

    def __init__(self, board: Switchboard) -> None:
        super().__init__(board)
        self.chat = _Chat(board)
        self.embeddings = _Embeddings(board)

    async def close(self) -> None:
        """Nothing: the board is its owner's to close."""


class _Chat(_Part):
    def __init__(self, board: Switchboard) -> None:
        super().__init__(board)
        self.completions = _Completions(board)


class _Completions(_Part):
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
        params = _given(params)
        if stream:
            return await Stream(self._board.stream(model, messages, **params)).open()
        return await self._board.complete(model, messages, **params)


class _Embeddings(_Part):
    async def create(self, *, model: str, input: str | Sequence[Any], **params: Any) -> View:
        """The answer with its vectors, `answer.data[0].embedding`. Raises as `Switchboard.embed` does."""
        return View((await self._board.embed(model, input, **_given(params))).data)


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

    @property
    def reply(self) -> Reply:
        """The whole answer, once the call is over: what `litellm.stream_chunk_builder` makes of the chunks."""
        return self._chunks.reply

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
    """A function like `litellm.acompletion`. `num_retries` and the like are the board's, and refused: see INSTEAD."""
    create: Callable[..., Awaitable[Reply | Stream]] = OpenAIFace(board).chat.completions.create

    async def acompletion(
        model: str, messages: Sequence[Mapping[str, Any]], *, stream: bool = False, **params: Any
    ) -> Reply | Stream:
        return await create(model=model, messages=messages, stream=stream, **_openais(params))

    return acompletion


def completion_on(board: Switchboard) -> Callable[..., Reply | Iterator[Chunk]]:
    """A function like `litellm.completion`, for code that is not async. A stream begins when it is read."""

    def completion(
        model: str, messages: Sequence[Mapping[str, Any]], *, stream: bool = False, **params: Any
    ) -> Reply | Iterator[Chunk]:
        params = _given(_openais(params))
        return read(model, messages, params) if stream else board.sync.complete(model, messages, **params)

    def read(model: str, messages: Sequence[Mapping[str, Any]], params: Mapping[str, Any]) -> Iterator[Chunk]:
        with board.sync.stream(model, messages, **params) as chunks:
            yield from chunks

    return completion


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if type(value).__name__ not in _NEVER_GIVEN}


def _openais(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same parameters. Raises BadRequest for one of LiteLLM's own, which would go to the provider."""
    for name in params:
        if name in INSTEAD:
            raise BadRequest(f"{name!r} is a parameter of LiteLLM's and not of a board; {INSTEAD[name]}")
    return params
