"""Rows about how a stream is cut into events, and events into bytes."""

from __future__ import annotations

import json

from modelplug_testkit.rows.row import STREAM, WHOLE, Answered, Failed, Row, case
from modelplug_testkit.wire import (
    DONE,
    FINISH,
    HELLO,
    LAST,
    STREAM_HEAD,
    USAGE,
    answer,
    chunk,
    completion,
    frame,
    part,
    stream,
)

OK = Answered()
WIDE = json.dumps(chunk({"content": "你🦀"}), ensure_ascii=False).encode()
SMALL = b'{"choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":null}]}'


def bytewise(data: bytes) -> list[bytes]:
    """The data in pieces of one byte."""
    return [data[i : i + 1] for i in range(len(data))]


FRAMING = (
    Row(
        id="CQ-01",
        what="comments between events",
        cases=(case(stream(b": OPENROUTER PROCESSING\n\n", HELLO, b": x\n\n", FINISH, DONE), OK, ways=STREAM),),
    ),
    Row(
        id="CQ-02",
        what="no space after `data:`",
        cases=(case(stream(*(f.replace(b"data: ", b"data:") for f in (HELLO, FINISH, DONE))), OK, ways=STREAM),),
    ),
    Row(
        id="CQ-03",
        what="lines end with CR LF, or with CR",
        cases=tuple(
            case(stream(*(f.replace(b"\n", end) for f in (HELLO, FINISH, DONE))), OK, name, ways=STREAM)
            for name, end in (("CR LF", b"\r\n"), ("CR", b"\r"))
        ),
    ),
    Row(
        id="CQ-08",
        what="a character cut in two by the network",
        cases=(case(stream(*bytewise(b"data: " + WIDE + b"\n\n"), FINISH, DONE), Answered(text="你🦀"), ways=STREAM),),
    ),
    Row(
        id="CQ-09",
        what="one JSON text over two data lines",
        cases=(case(stream(HELLO.replace(b', "object"', b',\ndata: "object"'), FINISH, DONE), OK, ways=STREAM),),
    ),
    Row(
        id="CQ-10",
        what="no blank line after the last event",
        cases=(case(stream(HELLO, FINISH[:-2]), OK, ways=STREAM),),
    ),
    Row(
        id="CQ-11",
        what="an event that is only `retry:` or `id:`",
        cases=(case(stream(b"retry: 3000\n\n", HELLO, b"id: 1\n\n", FINISH, DONE), OK, ways=STREAM),),
    ),
    Row(
        id="CQ-12",
        what="an empty `data:`",
        cases=(case(stream(b"data:\n\n", HELLO, b"data: \n\n", FINISH, DONE), OK, ways=STREAM),),
    ),
    Row(
        id="CQ-13",
        what="an event that is not JSON",
        cases=(
            case(
                stream(HELLO, frame(b"{oops"), FINISH, DONE),
                Failed(error="BadReply", kinds=("decode", "protocol"), partial="hello"),
                ways=STREAM,
            ),
        ),
    ),
    Row(
        id="CQ-14",
        what="heartbeats: chunks with `choices` empty or null",
        cases=(
            case(
                stream(frame({**chunk(), "choices": []}), HELLO, frame({**chunk(), "choices": None}), FINISH, DONE),
                OK,
                ways=STREAM,
            ),
        ),
    ),
    Row(
        id="CQ-15",
        what="Azure's first chunk: no choices, only filter results",
        cases=(
            case(
                stream(
                    frame({**chunk(), "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}),
                    HELLO,
                    FINISH,
                    DONE,
                ),
                OK,
                ways=STREAM,
            ),
        ),
    ),
    Row(
        id="CQ-16",
        what="a stream that calls itself application/json",
        cases=(
            case(
                stream(HELLO, FINISH, DONE, head=STREAM_HEAD.replace(b"text/event-stream", b"application/json")),
                OK,
                ways=STREAM,
            ),
        ),
    ),
    Row(
        id="CQ-17",
        what="a whole answer in place of a stream",
        cases=(case(answer(completion("hello")), Answered(source="reported", tokens=(3, 2)), ways=STREAM),),
    ),
    Row(
        id="CQ-18",
        what="a stream in place of a whole answer; `[DONE]` behind one",
        cases=(
            case(stream(HELLO, FINISH, USAGE, DONE), Answered(tokens=(3, 2)), "stream", ways=WHOLE),
            case(answer(json.dumps(completion("hello")).encode() + b"\n\ndata: [DONE]\n\n"), OK, "[DONE]", ways=WHOLE),
        ),
    ),
    Row(
        id="CQ-66",
        what="null delta at the end, no role, id, object, created or index",
        cases=(
            case(
                stream(
                    frame({"choices": [{"delta": {"role": "", "content": "hel"}}]}),
                    frame({"choices": [{"delta": {"role": None, "content": "lo"}}]}),
                    frame({"choices": [{"delta": None, "finish_reason": "stop"}]}),
                    DONE,
                ),
                OK,
                "bare chunks",
                ways=STREAM,
            ),
            case(
                answer({"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}),
                OK,
                "bare answer",
                ways=WHOLE,
            ),
        ),
    ),
    Row(
        id="CQ-67",
        what="`message` in place of `delta`",
        cases=(case(stream(HELLO.replace(b'"delta"', b'"message"'), FINISH, DONE), OK, ways=STREAM),),
    ),
    Row(
        id="F-38",
        what="byte order mark, single bytes",
        cases=(
            case(stream(b"\xef\xbb\xbf" + HELLO, FINISH, DONE), OK, "mark", ways=STREAM),
            case(stream(*bytewise(b"\xef\xbb\xbf" + frame(SMALL) + FINISH + DONE)), OK, "byte by byte", ways=STREAM),
        ),
    ),
    Row(
        id="F-39",
        what="an event that is null",
        cases=(
            case(
                stream(HELLO, frame(b"null"), FINISH, DONE),
                Failed(error="BadReply", kinds=("decode", "protocol"), partial="hello"),
                ways=STREAM,
            ),
        ),
    ),
    Row(
        id="F-40",
        what="an event of 3 MB passes, or is refused as too large",
        cases=(
            case(
                stream(frame(chunk({"content": "x" * 3_000_000})), FINISH, DONE),
                Answered(text="x" * 3_000_000),
                "3 MB",
                ways=STREAM,
                alone=True,
            ),
        ),
    ),
    Row(
        id="F-42",
        what="events after `[DONE]`",
        cases=(case(stream(HELLO, FINISH, DONE + HELLO), OK, ways=STREAM),),
    ),
    Row(
        id="F-33",
        what="a lone surrogate, NUL",
        cases=(
            case(answer(completion("a\0b")), Answered(text="a\0b"), "NUL", ways=WHOLE),
            case(answer(completion("a\ud800b")), Answered(text=None), "surrogate", ways=WHOLE),
            case([STREAM_HEAD, part(frame(chunk({"content": "\0"})) + FINISH), LAST], Answered(text="\0"), ways=STREAM),
        ),
    ),
)
