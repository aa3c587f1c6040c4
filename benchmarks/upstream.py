"""The provider of the benchmark: prebuilt answers over a bare asyncio protocol, in a process of its own on loopback."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from shapes import answer, shape

APART = 0.001
"""Seconds between the pieces of a stream whose events come one by one."""


class Connection(asyncio.Protocol):
    """Answers each request on this connection by the first part of its path."""

    answers: ClassVar[dict[bytes, list[bytes]]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received = received = self.received + data if self.received else data
        head, found, body = received.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        start = lower.find(b"content-length:")
        if start >= 0:
            complete = len(body) >= int(lower[start + 15 :].split(b"\r\n", 1)[0])
        else:  # a client that sends its body in parts
            complete = body.endswith(b"0\r\n\r\n")
        if complete:
            self.received = b""
            self.answer(received.split(b"/", 2)[1])

    def answer(self, name: bytes) -> None:
        pieces = self.answers.get(name)
        if pieces is None:
            pieces = self.answers[name] = answer(shape(name.decode()))
        self.transport.write(pieces[0])
        if len(pieces) > 1:
            self.send_next(pieces, 1)

    def send_next(self, pieces: list[bytes], place: int) -> None:
        if place < len(pieces) and not self.transport.is_closing():
            asyncio.get_running_loop().call_later(APART, self.send_piece, pieces, place)

    def send_piece(self, pieces: list[bytes], place: int) -> None:
        self.transport.write(pieces[place])
        self.send_next(pieces, place + 1)


async def served(connection: type[Connection] = Connection) -> asyncio.Server:
    """An upstream in this event loop, on a port of its own."""
    return await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0, backlog=8192)


def port(server: asyncio.Server) -> int:
    """Where it listens."""
    return int(server.sockets[0].getsockname()[1])


async def _serve() -> None:
    print(port(await served()), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the benchmark ends


@contextmanager
def running(script: str = "upstream.py", *arguments: str) -> Iterator[str]:
    """Starts an upstream; gives its address, `http://127.0.0.1:PORT`."""
    path = Path(__file__).resolve().parent / script
    process = subprocess.Popen(
        [sys.executable, path, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(10)


if __name__ == "__main__":
    asyncio.run(_serve())
