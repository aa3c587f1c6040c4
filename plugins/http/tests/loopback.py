"""An upstream on loopback that sends exactly the bytes it is told to, well-behaved or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from attrs import define, field, frozen
from modelplug import Credentials, Model, Request


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
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
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


# What well-behaved servers send, to be bent by tests.


def answer(body: Any, *, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """A whole response with a length. A body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(content)}"]
    named = dict(headers)
    named.setdefault("content-type", "application/json")
    lines += [f"{name}: {value}" for name, value in named.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def completion(text: str | None = "hello there", *, finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    """A whole completion."""
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m-2",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        **more,
    }


def chunk(delta: Any = None, *, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a completion."""
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m-2", "choices": [choice], **more}


def frame(data: Any) -> bytes:
    """One event."""
    return b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + b"\n\n"


HELLO = frame(chunk({"role": "assistant", "content": "hel"})) + frame(chunk({"content": "lo"}))
FINISH = frame(chunk(finish="stop"))
USAGE = frame({**chunk(), "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})
DONE = frame(b"[DONE]")
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def part(data: bytes) -> bytes:
    """One part of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def stream(*frames: bytes, head: bytes = STREAM_HEAD) -> Script:
    """A whole stream in order: the head, each frame as a part of its own, the end of the body."""
    return [head, *(part(each) for each in frames if each), LAST]


KEY = "sk-test-0123456789abcdef"


class StartUpstream(Protocol):
    """The fixture `upstream`: starts a server."""

    async def __call__(self, *plays: Play) -> Upstream: ...


def request_to(server: Upstream, *, stream: bool = False, **more: Any) -> Request:
    """A request as the Switchboard makes it, for an upstream."""
    more.setdefault("messages", [{"role": "user", "content": "hi"}])
    more.setdefault("credentials", Credentials(api_key=KEY, api_base=server.base))
    model = Model(id="acme/m", provider="acme")
    return Request(id="call-1", requested="m", model=model, wire_name="m-1", stream=stream, **more)
