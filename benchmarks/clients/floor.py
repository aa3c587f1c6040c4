"""The floor: an asyncio protocol, httptools and msgspec. A bound, no product: it trusts every byte."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import httptools
from shapes import Shape

from clients import Call
from clients.bare import HEADERS, Stream, body, encode, whole


class _Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, data: bytes) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.pieces: list[bytes] = []
        self.ended = False
        self.waiting: asyncio.Future[None] | None = None
        self.transport.write(data)

    async def read(self) -> bytes:
        """What has arrived; nothing at the end."""
        if not self.pieces and not self.ended:
            self.waiting = asyncio.get_running_loop().create_future()
            await self.waiting
        data, self.pieces = b"".join(self.pieces), []
        return data

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(None)

    def on_body(self, data: bytes) -> None:
        self.pieces.append(data)

    def on_message_complete(self) -> None:
        self.ended = True


async def opened(base: str, shape: Shape) -> Call:
    place = urlsplit(base)
    head = f"POST {place.path}/chat/completions HTTP/1.1\r\nhost: {place.netloc}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    said = body(shape)
    idle: list[_Connection] = []

    async def call() -> tuple[str, int | None]:
        if idle:
            connection = idle.pop()
        else:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(_Connection, place.hostname, place.port)
        data = encode(said)
        connection.send(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
        if shape.events:
            stream = Stream()
            while piece := await connection.read():
                stream.feed(piece)
            answer = stream.end()
        else:
            pieces = []
            while piece := await connection.read():
                pieces.append(piece)
            answer = whole(b"".join(pieces))
        idle.append(connection)
        return answer

    return call
