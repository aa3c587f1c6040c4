"""Rows about HTTP itself: compression, lengths, redirects, sizes; and JSON that is none."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from modelplug_testkit.rows.row import EMBED, STREAM, WHOLE, Answered, Case, Failed, Row, case
from modelplug_testkit.upstream import Close, Hold, Received, Script
from modelplug_testkit.wire import DONE, FINISH, HELLO, LAST, STREAM_HEAD, USAGE, answer, completion, part, stream

OK = Answered()
HEAD = b"HTTP/1.1 200 OK\r\n"
ZIPPED = HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n"
DECODE = Failed(error="BadReply", kinds=("decode", "protocol"))
PROTOCOL = Failed(error="BadReply", kinds=("protocol",))
TOO_LARGE = Failed(error="BadReply", kinds=("too_large",))
REDIRECT = Failed(error="Unreachable", kinds=("redirect",), retryable=False, hidden=("login", "127.0.0.2"))
WELL = json.dumps(completion("hello")).encode()
TWICE = WELL[:-1] + b',"model":"m-3"}'
VECTORS: Mapping[str, Any] = {
    "object": "list",
    "model": "m-2",
    "data": [{"object": "embedding", "index": i, "embedding": [float(i), 0.5]} for i in (0, 1)],
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
}


SHUFFLED: Mapping[str, Any] = {**VECTORS, "data": VECTORS["data"][::-1]}


@cache
def _bomb() -> bytes:
    return gzip.compress(b'{"a":"' + b"x" * (64 * 1024 * 1024), 6)


def bomb(_: Received) -> Script:
    """64 MB in about 64 kB."""
    return [ZIPPED % len(_bomb()) + _bomb()]


def large(_: Received) -> Script:
    """20 MB of JSON."""
    return [answer(b'{"a":"' + b"x" * 20_000_000 + b'"}')]


def asked(received: Received) -> Script:
    """A stream only where `stream` is true, an answer only where it is false, an error where it is not said."""
    told = received.json.get("stream")
    if told is None:
        return [answer({"error": {"message": "`stream` was not said"}}, status=400)]
    return stream(HELLO, FINISH, USAGE, DONE) if told else [answer(completion("hello"))]


def moved(status: int, where: str) -> bytes:
    """A redirect."""
    return answer(b"", status=status, headers=[("location", where)])


TRANSPORT = (
    Row(
        id="well",
        what="a well-behaved upstream",
        cases=(
            case(answer(completion("hello")), Answered(source="reported", tokens=(3, 2)), ways=WHOLE, claim="chat"),
            case(
                stream(HELLO, FINISH, USAGE, DONE),
                Answered(source="reported", tokens=(3, 2)),
                ways=STREAM,
                claim="stream",
            ),
            case(answer(VECTORS), Answered(text="[[0.0, 0.5], [1.0, 0.5]]", finish=None), ways=EMBED, claim="embeddings"),
        ),
    ),
    Row(
        id="order",
        what="vectors in another order than their texts, each with its index",
        cases=(
            case(answer(SHUFFLED), Answered(text="[[0.0, 0.5], [1.0, 0.5]]", finish=None), ways=EMBED, claim="embeddings"),
        ),
    ),
    Row(id="CQ-73", what="`stream` is always said", cases=(case(asked, Answered(source="reported")),)),
    Row(
        id="F-12",
        what="gzip that is none, or half",
        cases=(
            case([ZIPPED % 5 + b"hello"], DECODE, "none", ways=WHOLE),
            case([ZIPPED % 20 + gzip.compress(WELL)[:20]], DECODE, "half", ways=WHOLE),
        ),
    ),
    Row(
        id="F-13",
        what="64 MB of gzip, 20 MB of JSON",
        cases=(
            case(bomb, TOO_LARGE, "bomb", alone=True, timeout=10.0),
            case(large, TOO_LARGE, "20 MB", alone=True, timeout=10.0),
        ),
    ),
    Row(
        id="F-14",
        what="two lengths, a broken chunk, no HTTP, endless headers",
        cases=(
            case([HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}", Hold], PROTOCOL, "two lengths"),
            case([STREAM_HEAD + b"zz\r\n", Hold], PROTOCOL, "broken chunk"),
            case([b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Hold], PROTOCOL, "no HTTP"),
            case([HEAD + b"x: " + b"a" * 100_000 + b"\r\n\r\n", Hold], PROTOCOL, "header of 100 kB"),
        ),
    ),
    Row(
        id="F-25",
        what="redirects: on the same server followed, elsewhere not",
        cases=(
            Case(
                plays=(moved(307, "/v2/chat"), answer(completion("hello"))),
                expect=OK,
                name="here",
                ways=WHOLE,
                requests=2,
            ),
            case(moved(307, "http://127.0.0.2:9/login"), REDIRECT, "elsewhere", requests=1),
            case(moved(302, "http://127.0.0.2:9/login"), REDIRECT, "302", requests=1),
        ),
    ),
    Row(id="CQ-47", what="a redirect to a login page: as F-25", elsewhere="F-25"),
    Row(
        id="F-27",
        what="null, a list, a text for an answer",
        cases=tuple(
            case(answer(body), Failed(error="BadReply", kinds=("decode", "protocol", "empty")), name, ways=WHOLE)
            for name, body in (("null", b"null"), ("list", b"[]"), ("text", b'"hello"'))
        ),
    ),
    Row(
        id="F-28",
        what="JSON that is cut, not UTF-8, NaN, or 100,000 deep",
        cases=tuple(
            case(answer(body), DECODE, name, ways=WHOLE)
            for name, body in (
                ("cut", WELL[:-9]),
                ("not UTF-8", WELL.replace(b"hello", b"\xff")),
                ("NaN", WELL.replace(b"5}", b"NaN}")),
                ("deep", b"[" * 100_000),
            )
        ),
    ),
    Row(
        id="F-29",
        what="choices empty or missing",
        cases=tuple(
            case(answer(body), Failed(error="BadReply", kinds=("empty",)), name, ways=WHOLE)
            for name, body in (("empty", {**completion(), "choices": []}), ("missing", {"id": "c1", "model": "m"}))
        ),
    ),
    Row(id="F-30", what="duplicate keys: the last wins", cases=(case(answer(TWICE), Answered(model="m-3"), ways=WHOLE),)),
    Row(
        id="HTTP/1.0",
        what="bodies that end with the connection",
        cases=(
            case([b"HTTP/1.0 200 OK\r\n\r\n" + WELL, Close], OK, ways=WHOLE),
            case([b"HTTP/1.0 200 OK\r\n\r\n" + HELLO + FINISH + DONE, Close], OK, ways=STREAM),
            case([STREAM_HEAD, *(part(WELL[i : i + 7]) for i in range(0, len(WELL), 7)), LAST], OK, "parts", ways=WHOLE),
        ),
    ),
)  # fmt: skip
