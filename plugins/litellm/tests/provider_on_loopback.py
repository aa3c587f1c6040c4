"""A provider on loopback: a real HTTP server that speaks OpenAI's and Anthropic's dialects and says what it is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


class Upstream:
    """A provider on loopback. `requests` are what it got; `answers` are what it says next, else it says hello.

    With `hold` it never comes to the end of an answer. `alone` is set while nobody is connected.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answers: list[tuple[int, str, bytes]] = []
        self.alone = asyncio.Event()
        self.hold = False
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def base(self) -> str:
        """The base URL, without a path."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    @property
    def body(self) -> Any:
        """The body of the last request."""
        return self.requests[-1]["body"]

    def say(self, content: Any, *, status: int = 200) -> None:
        """What to answer next: JSON, or a list of events (text is sent as it is)."""
        if isinstance(content, list):
            lines = [item if isinstance(item, str) else f"data: {json.dumps(item)}\n\n" for item in content]
            self.answers.append((status, "text/event-stream", "".join(lines).encode()))
        else:
            self.answers.append((status, "application/json", json.dumps(content).encode()))

    async def __aenter__(self) -> Upstream:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._left)
        self.alone.clear()

    def _left(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self.alone.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                sent = json.loads(body) if body else None
                self.requests.append({"method": method, "path": target, "headers": headers, "body": sent})
                status, content_type, content = self.answers.pop(0) if self.answers else hello(target, sent)
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\n"
                    f"content-length: {len(content) + self.hold}\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One event of a stream, in OpenAI's shape."""
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "upstream-model",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}  # fmt: skip


def hello(target: str, sent: Any) -> tuple[int, str, bytes]:
    """A well-behaved answer in the dialect of the path."""
    if target.endswith("/embeddings"):
        rows = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
        answer: Any = {"object": "list", "model": "upstream-model", "data": rows,
                       "usage": {"prompt_tokens": 2, "total_tokens": 2}}  # fmt: skip
    elif target.endswith("/v1/messages"):
        return anthropic_hello(sent)
    elif sent.get("stream"):
        events = [chunk({"role": "assistant", "content": "hel"}), chunk({"content": "lo"}), chunk({}, "stop"),
                  {**chunk({}), "choices": [], "usage": USAGE}]  # fmt: skip
        lines = [f"data: {json.dumps(event)}\n\n" for event in events] + ["data: [DONE]\n\n"]
        return 200, "text/event-stream", "".join(lines).encode()
    else:
        message = {"role": "assistant", "content": "hello"}
        answer = {"id": "c1", "object": "chat.completion", "created": 1, "model": "upstream-model", "usage": USAGE,
                  "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}  # fmt: skip
    return 200, "application/json", json.dumps(answer).encode()


ANTHROPIC_EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"id": "m1", "type": "message", "role": "assistant", "model": "upstream-model",
                                          "content": [], "usage": {"input_tokens": 9, "output_tokens": 0}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
    {"type": "message_stop"},
]  # fmt: skip


def anthropic_events(events: list[dict[str, Any]]) -> list[str]:
    """Events as Anthropic sends them, with their names."""
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]


def anthropic_hello(sent: Any) -> tuple[int, str, bytes]:
    """The same in Anthropic's dialect."""
    if sent.get("stream"):
        return 200, "text/event-stream", "".join(anthropic_events(ANTHROPIC_EVENTS)).encode()
    message = ANTHROPIC_EVENTS[0]["message"]
    said = {"content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn"}
    answer = {**message, **said, "usage": {"input_tokens": 9, "output_tokens": 3}}
    return 200, "application/json", json.dumps(answer).encode()
