"""Echo: a strategy that says what it hears."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any, ClassVar

from modelplug import Chunk, Hooks, Model, Reply, Request, Settings, Strategy, hookimpl

__all__ = ["Echo", "Echoing"]


class Echo:
    """The strategy `echo`. Answers and chunks have OpenAI's shape."""

    async def complete(self, request: Request) -> Reply:
        message = {"role": "assistant", "content": _heard(request)}
        return Reply(
            {"model": request.wire_name, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        )

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        for word in _heard(request).split(" "):
            yield _chunk(request, {"content": word + " "}, None)
        yield _chunk(request, {}, "stop")  # without a finish reason the stream would count as cut


class Echoing(Hooks):
    """Brings the strategy, and one model that uses it."""

    defaults: ClassVar[Mapping[str, Any]] = {"providers": {"echo": {"strategy": "echo"}}}

    @hookimpl
    def provide_models(self, settings: Settings) -> Iterable[Model]:
        return [Model(id="echo/echo", provider="echo", requires=())]

    @hookimpl
    def select_strategy(self, model: Model, settings: Settings) -> Strategy | None:
        return Echo() if settings.provider(model.provider).strategy == "echo" else None


def _heard(request: Request) -> str:
    return str(request.messages[-1]["content"])


def _chunk(request: Request, delta: dict[str, str], finish_reason: str | None) -> Chunk:
    return Chunk(
        {"model": request.wire_name, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}
    )
