"""any-llm: its client object, kept."""

from __future__ import annotations

from any_llm import AnyLLM
from shapes import KEY, MESSAGES, MODEL, Shape

from clients import Call
from clients.openai_chunks import streamed, whole


async def opened(base: str, shape: Shape) -> Call:
    client = AnyLLM.create("openai", api_key=KEY, api_base=base)

    async def call() -> tuple[str, int | None]:
        if not shape.events:
            return whole(await client.acompletion(model=MODEL, messages=MESSAGES))
        return await streamed(
            await client.acompletion(
                model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
            )
        )

    return call
