"""Three providers with tempers of their own, for the load test: what each did with every request is counted.

The faults come in a fixed order, by the number of the request, so that every run meets the same ones.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import ClassVar, NamedTuple

from shapes import answer, shape

KINDS = {"429": "rate_limit", "503": "upstream", "cut": "cut", "ok": None, "slow": None}
"""What was done with a request, and the kind of failure that a caller must see for it. None is success."""


class Temper(NamedTuple):
    """Seconds until it answers, and every how many requests it does what else."""

    latency: float
    every: dict[str, int]

    def deed(self, number: int, *, stream: bool) -> str:
        """What becomes of a request."""
        for deed, every in self.every.items():
            if number % every == every - 1 and (stream or deed != "cut"):
                return deed
        return "ok"


TEMPERS = {
    "quick": Temper(0.002, {"503": 211}),
    "limited": Temper(0.02, {"429": 23, "503": 97}),
    "shaky": Temper(0.05, {"cut": 17, "503": 31, "slow": 41}),
}
SLOW = 0.6

_REFUSALS = {
    "429": (b"429 Too Many Requests\r\nretry-after-ms: 100", {"message": "slow down", "code": "rate_limit_exceeded"}),
    "503": (b"503 Service Unavailable", {"message": "overloaded", "code": "overloaded"}),
}


def refusal(deed: str) -> bytes:
    """An error's whole response."""
    status, error = _REFUSALS[deed]
    body = json.dumps({"error": error}).encode()
    return b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


class _Connection(asyncio.Protocol):
    counts: ClassVar[Counter[str]] = Counter()
    requests: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        start = head.lower().find(b"content-length:")
        if start >= 0 and len(body) < int(head[start + 15 :].split(b"\r\n", 1)[0]):
            return
        name = self.received.split(b"/", 2)[1].decode()
        self.received = b""
        if name == "counts":
            said = json.dumps(self.counts).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(said), said))
            return
        stream = b'"stream":true' in body
        temper = TEMPERS[name]
        deed = temper.deed(self.requests[name], stream=stream)
        self.requests[name] += 1
        self.counts[f"{name} {deed}"] += 1
        wait = SLOW if deed == "slow" else temper.latency
        asyncio.get_running_loop().call_later(wait, self.answer, deed, "stream64" if stream else "json")

    def answer(self, deed: str, name: str) -> None:
        if deed in _REFUSALS:
            self.transport.write(refusal(deed))
            return
        (whole,) = answer(shape(name))
        if deed == "cut":
            self.transport.write(whole[: len(whole) // 2])
            self.transport.close()
        else:
            self.transport.write(whole)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the load test ends


if __name__ == "__main__":
    asyncio.run(_serve())
