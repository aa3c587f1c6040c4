"""httpx, bare: one client, the environment not asked, pool as large as need be."""

from __future__ import annotations

import httpx
from shapes import Shape

from clients import Call
from clients.bare import HEADERS, Stream, body, encode, whole


async def opened(base: str, shape: Shape) -> Call:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    client = httpx.AsyncClient(trust_env=False, limits=limits, timeout=None)
    url, said = base + "/chat/completions", body(shape)

    async def call() -> tuple[str, int | None]:
        if not shape.events:
            response = await client.post(url, content=encode(said), headers=HEADERS)
            assert response.status_code == 200
            return whole(response.content)
        stream = Stream()
        async with client.stream("POST", url, content=encode(said), headers=HEADERS) as response:
            assert response.status_code == 200
            async for data in response.aiter_raw():
                stream.feed(data)
        return stream.end()

    return call
