"""A provider that takes its time: each answer a fixed while after its request, and streams that begin and go silent."""

from __future__ import annotations

import asyncio
import sys

import upstream
from shapes import answer, shape

LATE = 0.05
"""Seconds until it answers under /late."""


class _Connection(upstream.Connection):
    """Under /held a stream's first event and no more until the client leaves; under /late the answer, late."""

    def answer(self, name: bytes) -> None:
        if name == b"held":
            self.transport.write(answer(shape("stream64-apart"))[0])
        else:
            asyncio.get_running_loop().call_later(LATE, super().answer, b"json")


async def _serve() -> None:
    server = await upstream.served(_Connection)
    print(upstream.port(server), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the benchmark ends


if __name__ == "__main__":
    asyncio.run(_serve())
