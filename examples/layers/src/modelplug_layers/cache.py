"""Cache: what was answered well is remembered, and who asks the same again is answered from memory at no cost.

[cache]
seconds = 600   # how long an answer is remembered; without it nothing is
answers = 1000  # of each model; the oldest are forgotten first
"""

from __future__ import annotations

import copy
import json
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Generator
from typing import Any
from uuid import uuid4

from modelplug import (
    Chunk,
    ConfigError,
    Embeddings,
    Hooks,
    Layer,
    Model,
    Reply,
    Request,
    Settings,
    Strategy,
    Usage,
    hookimpl,
)

__all__ = ["Cache", "Caching"]

Answer = list[dict[str, Any]]
"""A reply, vectors, or the chunks of a stream, as JSON. Its last part says that no token was used."""

NOTHING = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
UNUSED = Usage(prompt_tokens=0, completion_tokens=0, total_tokens=0, source="reported", raw=NOTHING)
"""No provider was asked: the call costs $0, and not what the same answer cost before."""


class Caching(Hooks):
    """Puts a Cache round every strategy, `retry` included, where the settings say how long."""

    @hookimpl(wrapper=True)
    def select_strategy(self, model: Model, settings: Settings) -> Generator[None, Strategy | None, Strategy | None]:
        """The selected strategy with a memory of its own for each model."""
        inner = yield
        table = settings.table("cache")
        seconds, answers = table.number("seconds", 0) or 0, int(table.number("answers", 1_000) or 0)
        if seconds < 0 or answers < 1:
            raise ConfigError("cache", "has seconds below 0 or answers below 1", "Leave `seconds` out for no cache.")
        return inner if inner is None or not seconds else Cache(inner, seconds, answers)


class Cache(Layer):
    """Whole answers, streams and vectors. A question is all that is sent, and for whom: tenants share nothing.

    Two equal questions at once are both asked: one that waited for the other would end with its deadline, failure or
    cancellation.
    """

    def __init__(self, inner: Strategy, seconds: float, answers: int) -> None:
        super().__init__(inner)
        self._seconds = seconds
        self._answers = answers
        self._known: OrderedDict[object, tuple[float, Answer]] = OrderedDict()

    async def complete(self, request: Request) -> Reply:
        question = _question(request)
        if known := self._recall(question):
            return Reply(known[0], usage=UNUSED)
        reply = await super().complete(request)
        if _ended_well([reply]):
            self._remember(question, [reply.model_dump()])
        return reply

    async def embed(self, request: Request) -> Embeddings:
        question = _question(request)
        if known := self._recall(question):
            return Embeddings(known[0], usage=UNUSED)
        vectors = await super().embed(request)
        self._remember(question, [vectors.model_dump()])
        return vectors

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        question = _question(request)
        if known := self._recall(question):
            for data in known:
                yield Chunk(data, usage=UNUSED)
            return
        inner, heard = super().stream(request), list[Chunk]()
        try:
            async for chunk in inner:
                heard.append(Chunk(chunk.model_dump()))  # as it is now: whoever gets it may change it
                yield chunk  # a host that leaves, cancels or fails does not come back from here
        finally:
            await inner.aclose()
        if _ended_well(heard):
            self._remember(question, [chunk.data for chunk in heard])

    def _recall(self, question: object) -> Answer:
        until, answer = self._known.get(question, (0.0, []))
        return copy.deepcopy(answer) if time.monotonic() < until else []

    def _remember(self, question: object, answer: Answer) -> None:
        for part in answer:
            part.pop("usage", None)
        answer[-1]["usage"] = dict(NOTHING)
        self._known[question] = time.monotonic() + self._seconds, answer
        self._known.move_to_end(question)
        while len(self._known) > self._answers:
            self._known.popitem(last=False)


def _question(request: Request) -> object:
    sent = json.dumps(
        [request.body(), request.headers], sort_keys=True, default=lambda value: uuid4().hex
    )  # like no other
    return request.operation, sent, request.credentials, request.tenant


def _ended_well(parts: list[Reply] | list[Chunk]) -> bool:
    """Whether the model itself ended each choice, and said something."""
    choices = [choice for part in parts for choice in part.data.get("choices") or ()]
    ended = {choice.get("index", 0) for choice in choices if choice.get("finish_reason") in ("stop", "tool_calls")}
    said = any(part.text or part.tool_calls or part.reasoning for part in parts)
    return said and ended == {choice.get("index", 0) for choice in choices}
