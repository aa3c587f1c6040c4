"""Fakes for tests of hosts and plugins: a strategy that says what it is told, and a listener that remembers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any, Self

from modelplug.answers import Chunk, Embeddings, Reply
from modelplug.calls import Call
from modelplug.hooks import Hooks, hookimpl
from modelplug.models import Model
from modelplug.settings import Settings
from modelplug.strategy import Request, Strategy
from modelplug.switchboard import Switchboard

USAGE: Mapping[str, int] = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def reply_of(text: str = "hello there", *, finish_reason: str = "stop", model: str = "fake") -> Reply:
    """A Reply as a well-behaved provider gives it."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return Reply({"id": "1", "object": "chat.completion", "model": model, "choices": [choice], "usage": dict(USAGE)})


def chunks_of(text: str = "hello there", *, finish_reason: str | None = "stop", model: str = "fake") -> list[Chunk]:
    """The same answer as chunks, one for each word, with the usage last. Without a finish reason it is a cut stream."""

    def chunk(choices: list[dict[str, Any]], **more: Any) -> Chunk:
        return Chunk({"id": "1", "object": "chat.completion.chunk", "model": model, "choices": choices, **more})

    words = text.split(" ")
    pieces = [word + " " for word in words[:-1]] + words[-1:]
    chunks = [chunk([{"index": 0, "delta": {"content": piece}, "finish_reason": None}]) for piece in pieces]
    if finish_reason is not None:
        chunks.append(chunk([{"index": 0, "delta": {}, "finish_reason": finish_reason}]))
        chunks.append(chunk([], usage=dict(USAGE)))
    return chunks


class FakeStrategy:
    """A Strategy without a wire. Keeps its requests; raises `error`, where there is one, in place of the rest."""

    name = "fake"

    def __init__(
        self, text: str = "hello there", *, chunks: Iterable[Chunk] | None = None, error: BaseException | None = None
    ) -> None:
        self.text = text
        self.chunks = chunks_of(text) if chunks is None else list(chunks)
        self.error = error
        self.requests: list[Request] = []
        self.closed_streams = 0
        self.closed = 0

    async def complete(self, request: Request) -> Reply:
        """The text, or the error."""
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        return reply_of(self.text, model=request.wire_name)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The chunks, and then the error where there is one."""
        self.requests.append(request)
        try:
            for chunk in self.chunks:
                yield chunk
            if self.error is not None:
                raise self.error
        finally:
            self.closed_streams += 1

    async def embed(self, request: Request) -> Embeddings:
        """One vector of two numbers for each input."""
        self.requests.append(request)
        texts = [request.input] if isinstance(request.input, str) else request.input
        rows = [{"object": "embedding", "index": i, "embedding": [float(i), 1.0]} for i, _ in enumerate(texts)]
        return Embeddings({"object": "list", "model": request.wire_name, "data": rows, "usage": {"prompt_tokens": 3}})

    async def aclose(self) -> None:
        """Counts."""
        self.closed += 1


class FakePlugin(Hooks):
    """A provider with these models, carried by this strategy."""

    def __init__(self, *models: Model, strategy: Strategy | None = None) -> None:
        self.models = models or (Model(id="fake/one", provider="fake", aliases=("one",), requires=()),)
        self.provider = self.models[0].provider
        self.strategy = FakeStrategy() if strategy is None else strategy

    @hookimpl
    def provide_models(self, settings: Settings) -> Iterable[Model]:
        """These models."""
        return self.models

    @hookimpl
    def select_strategy(self, model: Model, settings: Settings) -> Strategy | None:
        """This strategy, for the models of this provider."""
        return self.strategy if model.provider == self.provider else None


class Listener(Hooks):
    """Remembers what it is told. `Listener.on(board)` plugs one in and waits, whenever it is read, for all events."""

    def __init__(self) -> None:
        self._started: list[Request] = []
        self._finished: list[Call] = []
        self._flush: Callable[[], object] = bool

    @classmethod
    def on(cls, board: Switchboard, *, name: str = "listener") -> Self:
        """A new listener on this board."""
        listener = cls()
        board.add(listener, name=name)
        listener._flush = board.flush
        return listener

    @property
    def started(self) -> list[Request]:
        """The requests of all calls so far."""
        self._flush()
        return self._started

    @property
    def finished(self) -> list[Call]:
        """The records of all calls that are over."""
        self._flush()
        return self._finished

    @hookimpl
    def call_started(self, request: Request) -> None:
        """Remember the request."""
        self._started.append(request)

    @hookimpl
    def call_finished(self, call: Call) -> None:
        """Remember the record."""
        self._finished.append(call)
