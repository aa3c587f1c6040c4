"""The OpenAI client, over aiohttp as its documentation says for more speed, or over httpx."""

from __future__ import annotations

from openai import AsyncOpenAI, DefaultAioHttpClient
from shapes import KEY, MESSAGES, MODEL, Shape

from clients import Call
from clients.openai_chunks import streamed, whole


async def opened(base: str, shape: Shape, *, fast: bool = True) -> Call:
    http_client = DefaultAioHttpClient() if fast else None
    client = AsyncOpenAI(base_url=base, api_key=KEY, max_retries=0, http_client=http_client)

    async def call() -> tuple[str, int | None]:
        if not shape.events:
            return whole(await client.chat.completions.create(model=MODEL, messages=MESSAGES))
        return await streamed(
            await client.chat.completions.create(
                model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
            )
        )

    return call
