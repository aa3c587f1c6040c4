"""The strategy `local`: starts the server at the first call and lets the HTTP strategy speak to it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from attrs import evolve
from modelplug import BadReply, BadRequest, CallFailed, Chunk, Embeddings, Reply, Request, Unavailable, Unreachable

from modelplug_local._loading import Loading
from modelplug_local._shared import SharedServer
from modelplug_local.model import Progress
from modelplug_local.server import Server

if TYPE_CHECKING:
    from modelplug_http.strategy import Http


class LocalStrategy:
    """Carries calls to one server, which all event loops share; a fork of this process gets a server of its own.

    After `aclose` the next call starts a server again.
    """

    name = "local"

    def __init__(self, loading: Loading, *, progress: Progress | None = None) -> None:
        self.loading = loading
        self._progress = progress
        self._shared = SharedServer(loading, progress=progress)
        self._http: Http | None = None

    async def complete(self, request: Request) -> Reply:
        """The whole answer."""
        server = await self.server()
        try:
            return await self._wire().complete(evolve(request, credentials=server.credentials))
        except CallFailed as error:
            raise await _explained(error, server) from error

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The answer in chunks."""
        server = await self.server()
        chunks = self._wire().stream(evolve(request, credentials=server.credentials))
        try:
            async for chunk in chunks:
                yield chunk
        except CallFailed as error:
            raise await _explained(error, server) from error
        finally:
            await chunks.aclose()

    async def embed(self, request: Request) -> Embeddings:
        """One vector for each text: the mean over its tokens, of length 1."""
        server = await self.server()
        try:
            return await self._wire().embed(evolve(request, credentials=server.credentials))
        except CallFailed as error:
            raise await _explained(error, server) from error

    async def server(self) -> Server:
        """The running server. Waits while it starts; leaving early does not end the start, which others may wait for.

        Raises what `Server.start` raises.
        """
        if self._shared.process != os.getpid():  # a fork: its locks, threads and children are not ours
            self._shared = SharedServer(self.loading, progress=self._progress)
        start = asyncio.wrap_future(self._shared.start())
        self._wire()  # its import takes as long as the model's start: both at once
        return await start

    async def aclose(self) -> None:
        """Closes the connections and ends the server."""
        if self._http is not None:
            await self._http.aclose()
        if self._shared.process == os.getpid():
            await asyncio.to_thread(self._shared.stop)

    def _wire(self) -> Http:
        if self._http is None:
            from modelplug_http.strategy import Http  # it brings the HTTP client: not before the first call

            self._http = Http()
        return self._http


async def _explained(error: CallFailed, server: Server) -> CallFailed:
    """The error in the light of what became of the server."""
    # A connection breaks a moment before the process can be seen to have ended.
    if isinstance(error, Unreachable | BadReply) and await asyncio.to_thread(server.wait, 0.5):
        return Unavailable(
            f"the local model's process {server.ending} during the call; the next call starts it again",
            partial=error.partial,
        )
    # llama.cpp says 500 to what it cannot do: an image, a text to embed that is longer than the context.
    if isinstance(error, Unavailable) and error.status == 500 and server.alive:
        said = error.message.partition(": ")[2] or error.message
        return BadRequest(f"the local model cannot do this: {said}", status=500, code=error.code, partial=error.partial)
    return error
