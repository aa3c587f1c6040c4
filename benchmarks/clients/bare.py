"""What the candidates without a library of their own for chat completions share: request, and reading of chunks."""

from __future__ import annotations

from typing import Any

import msgspec
from shapes import KEY, MESSAGES, MODEL, Shape

HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


def body(shape: Shape) -> dict[str, Any]:
    """The JSON body; it is encoded anew for every call."""
    stream = {"stream": True, "stream_options": {"include_usage": True}} if shape.events else {}
    return {"model": MODEL, "messages": MESSAGES, **stream}


def whole(data: bytes) -> tuple[str, int | None]:
    """Text and tokens of a JSON answer."""
    answer = decode(data)
    return answer["choices"][0]["message"]["content"], answer["usage"]["completion_tokens"]


class Stream:
    """Puts a stream together from its bytes."""

    def __init__(self) -> None:
        self.rest = b""
        self.texts: list[str] = []
        self.finish: str | None = None
        self.tokens: int | None = None

    def feed(self, data: bytes) -> None:
        """Read the events that these bytes complete."""
        events = (self.rest + data if self.rest else data).split(b"\n\n")
        self.rest = events.pop()
        for event in events:
            if event == b"data: [DONE]":
                continue
            chunk = decode(event[6:])
            if chunk["choices"]:
                choice = chunk["choices"][0]
                if content := choice["delta"].get("content"):
                    self.texts.append(content)
                if choice["finish_reason"] is not None:
                    self.finish = choice["finish_reason"]
            elif usage := chunk.get("usage"):
                self.tokens = usage["completion_tokens"]

    def end(self) -> tuple[str, int | None]:
        """Text and tokens."""
        assert self.finish == "stop"
        return "".join(self.texts), self.tokens
