"""pyreqwest, bare: one client, nothing decompressed, no proxy looked for."""

from __future__ import annotations

from pyreqwest.client import ClientBuilder
from shapes import Shape

from clients import Call
from clients.bare import HEADERS, Stream, body, encode, whole


async def opened(base: str, shape: Shape) -> Call:
    builder = ClientBuilder().no_proxy().follow_redirects(False).referer(False)
    client = builder.gzip(False).brotli(False).zstd(False).deflate(False).build()
    url, said = base + "/chat/completions", body(shape)

    async def call() -> tuple[str, int | None]:
        request = client.post(url).headers(HEADERS).body_bytes(encode(said))
        if not shape.events:
            response = await request.build().send()
            assert response.status == 200
            return whole((await response.bytes()).to_bytes())
        stream = Stream()
        async with request.build_streamed() as response:
            assert response.status == 200
            while (data := await response.body_reader.read_chunk()) is not None:
                stream.feed(data.to_bytes())
        return stream.end()

    return call
