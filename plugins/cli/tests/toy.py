"""A plugin as a stranger would install it: models that answer without a wire, and a command of its own.

This file is copied into a folder of its own and found there through a real entry point.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

import click
from modelplug import Chunk, Hooks, Model, Prices, RateLimited, Reply, Request, Settings, hookimpl

NAMES = ("echo", "params", "wild", "thinker", "endless", "refusing", "cut", "fetched")


class Toy(Hooks):
    """Answers are made here; `progress` is told of what `toy/fetched` fetches."""

    defaults: ClassVar[Mapping[str, Any]] = {"default_model": "echo"}

    def __init__(self) -> None:
        self.progress: Any = None

    @hookimpl
    def provide_models(self, settings: Settings) -> Iterable[Model]:
        for name in NAMES:
            yield Model(id=f"toy/{name}", provider="toy", aliases=(name,), requires=(), prices=PRICES)
        yield Model(id="toy/locked", provider="toy", aliases=("locked",), capabilities=frozenset({"embeddings"}))
        yield Model(id="far/one", provider="far", aliases=("far",), context_window=8192, requires=("api_base",))

    @hookimpl
    def select_strategy(self, model: Model, settings: Settings) -> "Canned | None":
        return Canned(self) if model.provider == "toy" else None


REFUSAL = RateLimited("too many requests\nin this minute", retry_after=2.5)
PRICES = Prices(input=Decimal("0.5"), output=Decimal(2))


class Canned:
    """The answer depends on the model's name."""

    name = "canned"

    def __init__(self, toy: Toy) -> None:
        self.toy = toy

    async def complete(self, request: Request) -> Reply:
        if request.model.id == "toy/refusing":
            raise REFUSAL
        message = {"role": "assistant", "content": said(request)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return Reply({"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage()})

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        name = request.model.id.partition("/")[2]
        if name == "refusing":
            raise REFUSAL
        if name == "fetched":
            for done in range(11):
                self.toy.progress(done * 1_000_000, 10_000_000)
                await asyncio.sleep(0.05)
        if name == "thinker":
            yield chunk({"reasoning_content": "let me "})
            yield chunk({"reasoning_content": "see"})
        for word in said(request).splitlines(keepends=True):
            yield chunk({"content": word})
        if name == "endless":
            await asyncio.sleep(60)
        if name != "cut":
            yield chunk({}, finish_reason="stop")
            yield Chunk({"id": "1", "object": "chat.completion.chunk", "choices": [], "usage": usage()})


def said(request: Request) -> str:
    """What the model says."""
    match request.model.id.partition("/")[2]:
        case "params":
            return json.dumps(dict(request.params))
        case "wild":
            return "caf\u00e9 \U0001f600\r\n\x1b[31mred\x1b[0m\u0085 end"
        case _:
            return "\n".join(f"{message['role']}: {message['content']}" for message in request.messages)


def usage() -> dict[str, int]:
    return {"prompt_tokens": 1200, "completion_tokens": 34, "total_tokens": 1234}


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> Chunk:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return Chunk({"id": "1", "object": "chat.completion.chunk", "choices": [choice]})


@click.command()
def greet() -> None:
    """Greet."""
    click.echo("hello from a plugin")
