"""What servers really send, as far as the wire has to do with it. The ids are those of the list of quirks."""

import json
import time
from typing import Any

import pytest
from modelplug import (
    AuthFailed,
    BadReply,
    CallFailed,
    EmptyReply,
    QuotaExhausted,
    StreamCut,
    TimedOut,
    Unavailable,
    Unreachable,
)
from modelplug_http.strategy import Http
from modelplug_testkit.upstream import Close, Hold, Pause, Play, Reset, drip
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

from plugins.http.tests.loopback import StartUpstream, request_to

PAGE = b"<!doctype html><html><body>Please log in</body></html>"
WIDE = json.dumps(chunk({"content": "你🦀"}), ensure_ascii=False).encode()


def bytewise(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


ANSWERED: dict[str, tuple[Play, str]] = {
    "CQ-01 comments": (stream(b": OPENROUTER PROCESSING\n\n", HELLO, b": x\n\n", FINISH, DONE), "hello"),
    "CQ-02 no space": (stream(HELLO.replace(b"data: ", b"data:"), FINISH, DONE), "hello"),
    "CQ-03 CR LF": (stream(*(f.replace(b"\n", b"\r\n") for f in (HELLO, FINISH, DONE))), "hello"),
    "CQ-03 CR": (stream(*(f.replace(b"\n", b"\r") for f in (HELLO, FINISH, DONE))), "hello"),
    "CQ-04 no [DONE]": (stream(HELLO, FINISH), "hello"),
    "CQ-06 held open": ([STREAM_HEAD, part(HELLO), part(FINISH), Hold], "hello"),
    "CQ-08 split characters": (stream(*bytewise(b"data: " + WIDE + b"\n\n"), FINISH, DONE), "你🦀"),
    "CQ-09 two data lines": (stream(HELLO.replace(b', "object"', b',\ndata: "object"'), FINISH, DONE), "hello"),
    "CQ-10 no last blank line": (stream(HELLO, FINISH[:-2]), "hello"),
    "CQ-11 retry alone": (stream(b"retry: 3000\n\n", HELLO, b"id: 1\n\n", FINISH, DONE), "hello"),
    "CQ-12 empty data": (stream(b"data:\n\n", HELLO, b"data: \n\n", FINISH, DONE), "hello"),
    "CQ-14 heartbeats": (
        stream(frame({**chunk(), "choices": []}), HELLO, frame({**chunk(), "choices": None}), FINISH, DONE),
        "hello",
    ),
    "CQ-16 as application/json": (
        stream(HELLO, FINISH, DONE, head=STREAM_HEAD.replace(b"text/event-stream", b"application/json")),
        "hello",
    ),
    "CQ-17 a whole answer": (answer(completion("hello")), "hello"),
    "CQ-49 usage after finish": (stream(HELLO, FINISH, USAGE, DONE), "hello"),
    "CQ-67 message for delta": (stream(HELLO.replace(b'"delta"', b'"message"'), FINISH, DONE), "hello"),
    "35 finish, no [DONE], held": ([STREAM_HEAD, part(HELLO + FINISH), Hold], "hello"),
    "35 finish, then a reset": ([STREAM_HEAD, part(HELLO + FINISH), Reset], "hello"),
    "35 finish, then closed": ([STREAM_HEAD, part(HELLO + FINISH), Close], "hello"),
    "38 byte order mark": (stream(b"\xef\xbb\xbf" + HELLO, FINISH, DONE), "hello"),
    "38 byte by byte": (stream(*bytewise(b"\xef\xbb\xbf" + HELLO + FINISH + DONE)), "hello"),
    "42 events after [DONE]": (stream(HELLO, FINISH, DONE + HELLO), "hello"),
    "HTTP/1.0 until close": ([b"HTTP/1.0 200 OK\r\n\r\n" + HELLO + FINISH + DONE, Close], "hello"),
}


@pytest.mark.parametrize("play", [play for play, _ in ANSWERED.values()], ids=ANSWERED)
async def test_a_stream_is_answered(
    play: Play, http: Http, upstream: StartUpstream, request: pytest.FixtureRequest
) -> None:
    """The text is exact and the stream ends in success, without waiting for what never comes."""
    expected = ANSWERED[request.node.callspec.id][1]
    server = await upstream(play)
    start = time.monotonic()
    chunks = [chunk async for chunk in http.stream(request_to(server, stream=True))]
    assert "".join(chunk.text for chunk in chunks) == expected
    assert "stop" in [chunk.finish_reason for chunk in chunks]
    assert time.monotonic() - start < 1


CUT = frame(chunk({"content": "wor"}))
BROKEN: dict[str, tuple[Play, type[CallFailed], str]] = {
    "CQ-05 no finish": (stream(HELLO), StreamCut, "cut"),
    "CQ-05 no finish, [DONE]": (stream(HELLO, DONE), StreamCut, "cut"),
    "CQ-05 within an event": (stream(HELLO, CUT[:40]), StreamCut, "cut"),
    "CQ-07 silence": ([STREAM_HEAD, part(HELLO), Hold], TimedOut, "stall"),
    "CQ-13 not JSON": (stream(HELLO, frame(b"{oops"), FINISH, DONE), BadReply, "decode"),
    "CQ-19 reset": ([STREAM_HEAD, part(HELLO), Reset], StreamCut, "cut"),
    "CQ-20 error within": (stream(HELLO, frame({"error": {"message": "x", "code": 502}})), Unavailable, "stream_error"),
    "CQ-22 event: error": (stream(HELLO, b"event: error\n" + frame({"message": "boom"})), CallFailed, ""),
    "CQ-23 words": (stream(HELLO, frame({"error": "Insufficient balance"})), QuotaExhausted, "quota"),
    "34 a bare line": (stream(HELLO, b'{"error":{"message":"x","code":502}}\n\n'), Unavailable, "stream_error"),
    "36 closed": ([STREAM_HEAD, part(HELLO), Close], StreamCut, "cut"),
    "39 null": (stream(HELLO, frame(b"null"), FINISH, DONE), BadReply, "decode"),
    "a bad part": ([STREAM_HEAD, part(HELLO), Pause(0.05), b"zz\r\n", Hold], BadReply, "protocol"),
}


@pytest.mark.parametrize("play", [play for play, _, _ in BROKEN.values()], ids=BROKEN)
async def test_a_stream_breaks(play: Play, http: Http, upstream: StartUpstream, request: pytest.FixtureRequest) -> None:
    """What had arrived is given, and then the error that fits."""
    _, error, kind = BROKEN[request.node.callspec.id]
    server = await upstream(play)
    text = ""
    with pytest.raises(error) as caught:
        async for piece in http.stream(request_to(server, stream=True)):
            text += piece.text
    assert text == "hello"
    assert not kind or caught.value.kind == kind


EMPTY: dict[str, tuple[Play, type[CallFailed], str]] = {
    "CQ-24 an error in JSON": (answer({"error": {"message": "x", "code": 502}}), Unavailable, "stream_error"),
    "CQ-25 [DONE] alone": (stream(DONE), EmptyReply, "empty"),
    "CQ-25 nothing": (stream(), EmptyReply, "empty"),
    "CQ-29 a page": (answer(PAGE, headers=[("content-type", "text/html")]), BadReply, "decode"),
    "37 no body": (b"HTTP/1.1 204 No Content\r\n\r\n", EmptyReply, "empty"),
    "comments alone, closed": (stream(b": x\n\n"), EmptyReply, "empty"),
    "words": (answer(b"error code: 524"), BadReply, "decode"),
    "401": (answer({"error": {"message": "bad key"}}, status=401), AuthFailed, "auth"),
}


@pytest.mark.parametrize("play", [play for play, _, _ in EMPTY.values()], ids=EMPTY)
async def test_a_stream_is_none(
    play: Play, http: Http, upstream: StartUpstream, request: pytest.FixtureRequest
) -> None:
    """An answer that is no stream and no completion is never a success."""
    _, error, kind = EMPTY[request.node.callspec.id]
    server = await upstream(play)
    with pytest.raises(error) as caught:
        _ = [chunk async for chunk in http.stream(request_to(server, stream=True))]
    assert caught.value.kind == kind
    assert "<" not in str(caught.value)


WHOLE: dict[str, Play] = {
    "CQ-18 a stream": stream(HELLO, FINISH, USAGE, DONE),
    "CQ-18 [DONE] behind": answer(json.dumps(completion("hello")).encode() + b"\n\ndata: [DONE]\n\n"),
    "in parts": [STREAM_HEAD, *(part(p) for p in bytewise(json.dumps(completion("hello")).encode())), LAST],
    "until close": [b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps(completion("hello")).encode(), Close],
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\n" + answer(completion("hello")),
    "201": answer(completion("hello"), status=201),
}


@pytest.mark.parametrize("play", WHOLE.values(), ids=WHOLE)
async def test_a_whole_answer(play: Play, http: Http, upstream: StartUpstream) -> None:
    """A whole answer is read in every way it is sent, with its usage."""
    server = await upstream(play)
    reply = await http.complete(request_to(server))
    assert (reply.text, reply.finish_reason, reply.usage.total_tokens) == ("hello", "stop", 5)


NO_ANSWER: dict[str, tuple[Play, type[CallFailed], str]] = {
    "CQ-18 a cut stream": (stream(HELLO), StreamCut, "cut"),
    "CQ-26 an error": (answer({"error": {"message": "x", "code": 502}}), Unavailable, "upstream_200"),
    "CQ-28 zeroed": (answer({"id": "", "choices": None, "usage": None}), BadReply, ""),
    "CQ-29 a page": (answer(PAGE), BadReply, "decode"),
    "CQ-29 nothing": (answer(b""), EmptyReply, "empty"),
    "CQ-30 a 502 page": (answer(PAGE, status=502), Unavailable, "upstream"),
    "27 null": (answer(b"null"), BadReply, ""),
    "27 a list": (answer(b"[]"), BadReply, ""),
    "28 not UTF-8": (answer(b'{"choices":"\xff"}'), BadReply, "decode"),
    "28 NaN": (answer(b'{"choices":NaN}'), BadReply, "decode"),
    "28 deep": (answer(b"[" * 100_000), BadReply, "decode"),
    "3xx": (answer(b"", status=304), Unreachable, "redirect"),
}


@pytest.mark.parametrize("play", [play for play, _, _ in NO_ANSWER.values()], ids=NO_ANSWER)
async def test_no_answer(play: Play, http: Http, upstream: StartUpstream, request: pytest.FixtureRequest) -> None:
    """What is no completion is the error that fits, without HTML."""
    _, error, kind = NO_ANSWER[request.node.callspec.id]
    server = await upstream(play)
    with pytest.raises(error) as caught:
        await http.complete(request_to(server))
    assert not kind or caught.value.kind == kind
    assert "<" not in str(caught.value)


async def test_45_who_we_say_we_are(http: Http, upstream: StartUpstream) -> None:
    """CQ-45: the User-Agent is ours or the host's, and no header of an SDK is sent."""
    server = await upstream(answer(completion()))
    await http.complete(request_to(server))
    await http.complete(request_to(server, params={"extra_headers": {"User-Agent": "host/2"}}))
    first, second = (sent.headers for sent in server.received)
    assert (first["user-agent"], second["user-agent"]) == ("modelplug", "host/2")
    assert not [name for name in first if name.startswith("x-stainless")]


async def test_stalls_are_not_mended_by_comments(http: Http, upstream: StartUpstream) -> None:
    """11: comments for ever are silence."""
    server = await upstream([STREAM_HEAD, part(HELLO), *drip(part(b": x\n\n"), 0.1, 50), Hold])
    start = time.monotonic()
    with pytest.raises(TimedOut) as caught:
        _ = [chunk async for chunk in http.stream(request_to(server, stream=True))]
    assert caught.value.kind == "stall"
    assert time.monotonic() - start < 2


async def test_slow_data_is_progress(http: Http, upstream: StartUpstream) -> None:
    """Chunks that keep coming within the idle time make a stream, however long it takes."""
    word = frame(chunk({"content": "x"}))
    server = await upstream(
        [
            STREAM_HEAD,
            *drip(part(word[:9]), 0.2, 1),
            *drip(part(word[9:] + word[:9]), 0.2, 3),
            part(word[9:] + FINISH),
            LAST,
        ]
    )
    text = "".join([chunk.text async for chunk in http.stream(request_to(server, stream=True))])
    assert text == "xxxx"


async def test_a_slow_reader_is_no_stall(http: Http, upstream: StartUpstream) -> None:
    """The time that the host takes between chunks is not the provider's silence."""
    import asyncio

    server = await upstream([STREAM_HEAD, part(HELLO), Pause(1), part(FINISH), LAST])
    texts: list[Any] = []
    async for piece in http.stream(request_to(server, stream=True)):
        texts.append(piece.text)
        await asyncio.sleep(0.6)
    assert "".join(texts) == "hello"
