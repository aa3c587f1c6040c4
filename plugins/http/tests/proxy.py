"""A forward proxy on loopback: it passes on what is plain and tunnels what is encrypted.

It reads the first request of a connection, and passes on what follows as it comes.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Self
from urllib.parse import urlsplit

from attrs import define, field


@define(kw_only=True)
class Proxy:
    """Asks for `user` ("name:password") where there is one; refuses all with `status` where there is one."""

    user: str | None = None
    status: int | None = None
    port: int = 0
    asked: list[tuple[str, dict[str, str]]] = field(factory=list)
    """The request lines that came, without their version, each with its headers."""
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            method, target, _ = start.split(" ")
            self.asked.append((f"{method} {target}", headers))
            if (refusal := self._refusal(headers)) is not None:
                page = f"<html>squid refuses {self.user}".encode()
                head = f"HTTP/1.1 {refusal} No\r\ncontent-length: {len(page)}\r\n\r\n".encode()
                writer.write(head + page)
                await writer.drain()
                return
            there = urlsplit(target if "://" in target else f"//{target}")
            onward, to = await asyncio.open_connection(there.hostname, there.port)
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                kept = [line for line in lines if not line.lower().startswith("proxy-")]
                to.write("\r\n".join([f"{method} {there.path} HTTP/1.1", *kept, "", ""]).encode() + body)
            await asyncio.gather(_pass_on(reader, to), _pass_on(onward, writer))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def _refusal(self, headers: dict[str, str]) -> int | None:
        wanted = None if self.user is None else "Basic " + base64.b64encode(self.user.encode()).decode()
        if wanted is not None and headers.get("proxy-authorization") != wanted:
            return 407
        return self.status


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()
