"""What the upstream answers: the same bytes for every candidate, and what each must have read from them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

MODEL = "gpt-4o-mini"
KEY = "sk-benchmark"
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Say the same word again and again. " * 5},
]
_WORDS = ("tell ", "me ", "more ", "of ", "the ", "sea ", "and ", "its ", "many ", "fish ")
"""In turn: LiteLLM takes a stream that repeats one piece for a model gone wrong."""
_HEAD: dict[str, Any] = {"id": "chatcmpl-B4nchm4rk", "created": 1764000000, "model": MODEL, "service_tier": "default"}


class Shape(NamedTuple):
    """A kind of answer. `events` is how many pieces of text a stream has, 0 for one JSON answer."""

    name: str
    events: int
    apart: bool

    @property
    def words(self) -> int:
        """How many words the text has."""
        return self.events or 64

    @property
    def text(self) -> str:
        """The text that has to come out."""
        return "".join(_word(place) for place in range(self.words))

    @property
    def path(self) -> str:
        """Where the upstream serves it: the base URL's path."""
        return f"/{self.name}/v1"


def shape(name: str) -> Shape:
    """The shape of a name: `json`, `stream64`, `stream512`, or `stream64-apart`, whose events come one by one."""
    if name == "json":
        return Shape(name, 0, False)
    number = name.removeprefix("stream").removesuffix("-apart")
    if not name.startswith("stream") or not number.isdigit() or not 1 <= int(number) <= 10_000:
        raise ValueError(f"{name!r} is no shape; write json, stream64, stream512 or stream64-apart")
    return Shape(name, int(number), name.endswith("-apart"))


def answer(shape: Shape) -> list[bytes]:
    """The response of the upstream, head and all, in the pieces in which it is sent."""
    if not shape.events:
        message = {"role": "assistant", "content": shape.text, "refusal": None, "annotations": []}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        body = _json({**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _usage(shape.words)})
        return [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
    events = [_event({"role": "assistant", "content": "", "refusal": None})]
    events += [_event({"content": _word(place)}) for place in range(shape.events)]
    events += [_event({}, finish="stop"), _event(None, usage=_usage(shape.words)), b"data: [DONE]\n\n"]
    pieces = [b"%x\r\n%b\r\n" % (len(event), event) for event in events] + [b"0\r\n\r\n"]
    if shape.apart:
        return [head + pieces[0], *pieces[1:-2], pieces[-2] + pieces[-1]]
    return [head + b"".join(pieces)]


def _word(place: int) -> str:
    return _WORDS[place % len(_WORDS)]


def _usage(words: int) -> dict[str, Any]:
    return {
        "prompt_tokens": 57,
        "completion_tokens": words,
        "total_tokens": 57 + words,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _event(delta: dict[str, Any] | None, *, finish: str | None = None, usage: Any = None) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    chunk = {**_HEAD, "object": "chat.completion.chunk", "choices": choices, "usage": usage}
    return b"data: " + _json(chunk) + b"\n\n"


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
