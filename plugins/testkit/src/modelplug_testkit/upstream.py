"""An upstream on loopback that sends exactly the bytes it is told to, well-behaved or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, Self

from attrs import define, field, frozen


@frozen
class Pause:
    """Silence on the wire for so many seconds."""

    seconds: float


class Reset:
    """The connection is reset."""


class Hold:
    """The connection is held open in silence, until the client closes it."""


class Close:
    """The connection is closed in order, though more was promised."""


Step = bytes | Pause | type[Reset] | type[Hold] | type[Close]
Script = Sequence[Step]


@frozen(kw_only=True)
class Received:
    """A request as it came over the wire. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Play = bytes | Script | Callable[[Received], bytes | Script]
"""What an upstream does with one request: bytes, steps, or what a function makes of the request."""


def drip(piece: bytes, seconds: float, times: int) -> list[Step]:
    """The same bytes again and again, with silence behind each."""
    steps: list[Step] = [piece, Pause(seconds)]
    return steps * times


@define(kw_only=True)
class Upstream:
    """An HTTP/1.1 server. It does its plays in order, one for each request, the last one again and again."""

    plays: list[Play]
    port: int = 0
    received: list[Received] = field(factory=list)
    connections: int = 0
    open: int = 0
    closed: asyncio.Event = field(factory=asyncio.Event)
    _server: asyncio.Server | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        connection = self.connections
        try:
            while request := await _request(reader, connection):
                self.received.append(request)
                play = self.plays[min(len(self.received), len(self.plays)) - 1]
                script = play(request) if callable(play) else play
                if not await _play([script] if isinstance(script, bytes) else script, reader, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # cancelled by the end of its event loop: asyncio's streams of Python 3.11 would print that
        finally:
            self.open -= 1
            self.closed.set()
            writer.close()


async def _request(reader: asyncio.StreamReader, connection: int) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = head[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method=method, path=path, headers=headers, body=body, connection=connection)


async def _play(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Plays one script; says whether the connection is still of use."""
    for step in script:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
        elif step is Hold:
            await reader.read()
            return False
        elif step is Reset:
            await asyncio.sleep(0.02)  # let what was written be read: a reset overtakes it
            writer.transport.abort()
            return False
        else:
            return False
    return True
