"""llm: an async model of its OpenAI plugin."""

from __future__ import annotations

from llm.default_plugins.openai_models import AsyncChat
from shapes import KEY, MESSAGES, MODEL, Shape

from clients import Call


async def opened(base: str, shape: Shape) -> Call:
    model = AsyncChat(MODEL, model_name=MODEL, api_base=base, key=KEY)
    model.key = KEY

    async def call() -> tuple[str, int | None]:
        response = model.prompt(
            MESSAGES[1]["content"], system=MESSAGES[0]["content"], stream=bool(shape.events), key=KEY
        )
        text = "".join([piece async for piece in response])
        return text, (await response.usage()).output

    return call
