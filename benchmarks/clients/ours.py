"""modelplug: all installed plugins loaded, retries and the metrics listener among them, one board."""

from __future__ import annotations

from typing import Any

from modelplug import Switchboard
from shapes import KEY, MESSAGES, MODEL, Shape

from clients import Call


def board(base: str, strategy: str) -> tuple[Switchboard, str]:
    """A board as a host has it, and the name of a model of v98store's that this strategy carries."""
    provider: dict[str, Any] = {"api_base": base, "api_key": KEY, "strategy": strategy}
    return Switchboard.load(strict=True, settings={"providers": {"v98store": provider}}), f"{MODEL}-v98"


async def opened(base: str, shape: Shape, *, strategy: str) -> Call:
    switchboard, model = board(base, strategy)

    async def call() -> tuple[str, int | None]:
        if not shape.events:
            reply = await switchboard.complete(model, MESSAGES)
            assert reply.finish_reason == "stop"
            return reply.text, reply.usage.completion_tokens
        texts = []
        async with switchboard.stream(model, MESSAGES) as chunks:
            async for chunk in chunks:
                texts.append(chunk.text)
        assert chunks.reply.finish_reason == "stop"
        return "".join(texts), chunks.reply.usage.completion_tokens

    return call
