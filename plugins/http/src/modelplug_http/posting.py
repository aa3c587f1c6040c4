"""One POST, up to the head of its answer: over aiohttp's connector, and over its session where that is not enough.

A session does much for each request that no call here needs: cookies, redirects, tracing, a task for the body. It costs
half of what aiohttp costs (docs/decisions/0011-where-time-goes.md). Below it there are the connector, which keeps and
makes connections, and the protocol, which parses answers; what is called of them is called by the session too. A proxy
is left to the session, and so is everything where aiohttp is of another version than those that were read for this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import aiohttp
    from multidict import CIMultiDictProxy

READ_FOR = ("3.14.",)
"""The versions of aiohttp whose connector is used without its session."""

HEADER_LIMIT = 32 * 1024
"""Bytes that one line of an answer's head may have."""

_MOST_ADDRESSES = _MOST_HEADS = 64
_FEW = 3
"""So many HTTP chunks are not worth the trouble."""
_LENGTHS = frozenset({"content-length", "transfer-encoding"})
"""Headers that say where a request ends: they are never taken from a caller."""


class Response(Protocol):
    """What is used of `aiohttp.ClientResponse`. `connection` is None once it has been given back."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> CIMultiDictProxy[str]: ...
    @property
    def content(self) -> aiohttp.StreamReader: ...
    @property
    def connection(self) -> aiohttp.connector.Connection | None: ...
    async def arrived(self) -> bytes:
        """All that has arrived of the body, or else what comes next; nothing at its end."""
        ...

    def close(self) -> None:
        """Close the connection; who waits for more of the body is told."""


_Address = tuple["aiohttp.ClientRequest", str, str]
"""What the connector needs to know of a URL, its request line and its host line."""


class Posting:
    """Posts over the connections of one session."""

    def __init__(self, session: aiohttp.ClientSession, *, proxied: bool) -> None:
        import aiohttp

        self._session = session
        self._below = not proxied and aiohttp.__version__.startswith(READ_FOR)
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}
        self._addresses: dict[str, _Address] = {}
        self._heads: dict[tuple[str, tuple[tuple[str, str], ...]], bytes] = {}

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, connect_timeout: float) -> Response:
        """The head of the answer; redirects are not followed. Raises what aiohttp raises."""
        timeout = self._timeouts.get(connect_timeout)
        if timeout is None:
            import aiohttp

            timeout = self._timeouts[connect_timeout] = aiohttp.ClientTimeout(total=None, connect=connect_timeout)
        if not self._below:
            return _Above(
                await self._session.post(url, data=body, headers=headers, allow_redirects=False, timeout=timeout)
            )
        address = self._addresses.get(url)
        if address is None:
            address = self._address(url)
        request, start, host = address
        given = tuple(headers.items())
        head = self._heads.get((url, given))
        if head is None:
            head = _head(start if "host" in headers else start + host, given)
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            self._heads[url, given] = head
        sent = b"%b%d\r\n\r\n%b" % (head, len(body), body)
        connection = await self._connected(request, timeout)
        protocol, transport = connection.protocol, connection.transport
        try:
            if protocol is None or transport is None:
                raise ConnectionResetError("the connection is gone")
            protocol.set_response_params(read_until_eof=True, max_line_size=HEADER_LIMIT, max_field_size=HEADER_LIMIT)
            transport.write(sent)
            message, content = await protocol.read()
            while message.code < 200 and message.code != 101:  # an answer that says there will be one
                message, content = await protocol.read()
        except BaseException:
            connection.close()
            raise
        return _Below(connection, message.code, message.headers, content)

    async def _connected(
        self, request: aiohttp.ClientRequest, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        connector = self._session.connector
        if connector is None or connector.closed:
            raise RuntimeError("the session is closed")
        try:
            return await connector.connect(request, traces=[], timeout=timeout)
        except TimeoutError as error:
            from aiohttp import ConnectionTimeoutError

            raise ConnectionTimeoutError from error

    def _address(self, url: str) -> _Address:
        """Raises InvalidURL or NonHttpUrlClientError."""
        import aiohttp
        from yarl import URL

        try:
            place = URL(url)
        except ValueError as error:
            raise aiohttp.InvalidUrlClientError(url) from error
        if place.scheme not in ("http", "https"):
            raise aiohttp.NonHttpUrlClientError(url)
        if len(self._addresses) >= _MOST_ADDRESSES:
            self._addresses.clear()
        request = aiohttp.ClientRequest("POST", place, loop=asyncio.get_running_loop(), session=self._session)
        address = request, f"POST {place.raw_path_qs} HTTP/1.1\r\n", f"host: {place.host_port_subcomponent}\r\n"
        self._addresses[url] = address
        return address


class _Above:
    """An answer that the session brought."""

    __slots__ = ("_response", "content", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = response.headers
        self.content = response.content

    @property
    def connection(self) -> aiohttp.connector.Connection | None:
        return self._response.connection

    async def arrived(self) -> bytes:
        return await self.content.readany()

    def close(self) -> None:
        self._response.close()


class _Below:
    """An answer whose connection goes back to the connector at the end of its body."""

    __slots__ = ("connection", "content", "headers", "status")

    def __init__(
        self,
        connection: aiohttp.connector.Connection,
        status: int,
        headers: CIMultiDictProxy[str],
        content: aiohttp.StreamReader,
    ) -> None:
        self.connection: aiohttp.connector.Connection | None = connection
        self.status = status
        self.headers = headers
        self.content = content
        content.on_eof(self._ended)

    async def arrived(self) -> bytes:
        """As `content.readany`, which takes out one HTTP chunk after the other and each time has reading resumed."""
        content = self.content
        if (error := content.exception()) is not None:
            raise error
        if content.at_eof():
            return b""
        while not content._buffer and not content._eof:
            await content._wait("arrived")
        if len(content._buffer) < _FEW or content._buffer_offset:
            return content.read_nowait()
        data = b"".join(content._buffer)
        content._buffer.clear()
        content._size = 0
        content._cursor += len(data)
        if content._http_chunk_splits:
            content._http_chunk_splits.clear()
        content._protocol.resume_reading()
        return data

    def close(self) -> None:
        """Close the connection; who waits for more of the body is told."""
        if self.content.exception() is None:
            self.content.set_exception(ConnectionAbortedError("closed by us"))
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()

    def _ended(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.release()


def _head(start: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    """The head of a request, up to the number of its length. Raises ValueError where a header begins another line."""
    lines = [f"{name}: {value}\r\n" for name, value in headers if name not in _LENGTHS]
    given = "".join(lines)
    if given.count("\n") != len(lines) or given.count("\r") != len(lines) or "\0" in given:
        raise ValueError("a header holds a line break")
    return f"{start}{given}content-length: ".encode()
