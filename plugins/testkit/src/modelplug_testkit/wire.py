"""The bytes that well-behaved servers send, to be bent by whoever tests what others send."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from modelplug_testkit.upstream import Script


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
