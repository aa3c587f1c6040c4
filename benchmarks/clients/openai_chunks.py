"""Reading of objects in OpenAI's shape, as several candidates give them."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any


def whole(answer: Any) -> tuple[str, int | None]:
    """Text and tokens of a chat completion."""
    return answer.choices[0].message.content, answer.usage.completion_tokens


async def streamed(chunks: AsyncIterable[Any]) -> tuple[str, int | None]:
    """Text and tokens of a stream of chunks."""
    texts, finish, tokens = [], None, None
    async for chunk in chunks:
        if chunk.choices:
            choice = chunk.choices[0]
            if content := choice.delta.content:
                texts.append(content)
            finish = choice.finish_reason or finish
        if usage := getattr(chunk, "usage", None):
            tokens = usage.completion_tokens
    assert finish == "stop"
    return "".join(texts), tokens
