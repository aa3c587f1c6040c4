"""aiohttp, bare: one session, no cookies, a bounded wait for nothing."""

from __future__ import annotations

import aiohttp
from shapes import Shape
from yarl import URL

from clients import Call
from clients.bare import HEADERS, Stream, body, encode, whole


async def opened(base: str, shape: Shape) -> Call:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
    )
    url, said = URL(base + "/chat/completions"), body(shape)

    async def call() -> tuple[str, int | None]:
        async with session.post(url, data=encode(said), headers=HEADERS, allow_redirects=False) as response:
            assert response.status == 200
            if not shape.events:
                return whole(await response.read())
            stream = Stream()
            while data := await response.content.readany():
                stream.feed(data)
            return stream.end()

    return call
