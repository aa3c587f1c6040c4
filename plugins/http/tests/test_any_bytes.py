"""Laws over whatever bytes a server may send."""

import asyncio
import json
import time

from hypothesis import given, settings
from hypothesis import strategies as st
from modelplug import CallFailed
from modelplug_http.options import Options
from modelplug_http.strategy import Http
from modelplug_testkit.upstream import Close, Upstream
from modelplug_testkit.wire import DONE, FINISH, HELLO, LAST, STREAM_HEAD, USAGE, completion, part

from plugins.http.tests.loopback import KEY, request_to

GOOD = [HELLO + FINISH + USAGE + DONE, json.dumps(completion("hello")).encode()]
NOISE = st.binary(max_size=30) | st.sampled_from(
    [
        b"\n",
        b"\r",
        b"\n\n",
        b"data: ",
        b'{"error":',
        b"null",
        b"[DONE]",
        b'"',
        b"}",
        b"\xff",
        b"\xef\xbb\xbf",
        b"NaN",
        b":",
        b"<html>",
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good body with some pieces taken out and some noise put in."""
    body = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + draw(st.sampled_from([0, 1, 2, 50, 1_000])))))
        body = body[:start] + draw(NOISE) + body[end:]
    return body


BODIES = damaged() | st.binary(max_size=200)


async def outcome(*script: bytes | type[Close], streamed: bool) -> str | CallFailed:
    """The text of an answer, or the error."""
    server = Upstream(plays=[list(script)])
    await server.start()
    http = Http(options=Options(first_byte_timeout=2, idle_timeout=0.5, grace=0.05))
    asked = request_to(server, stream=streamed, deadline=time.monotonic() + 3)
    try:
        if streamed:
            return "".join([piece.text async for piece in http.stream(asked)])
        return (await http.complete(asked)).text
    except CallFailed as error:
        return error
    finally:
        await http.aclose()
        await server.stop()


def judged(*script: bytes | type[Close], streamed: bool) -> str | CallFailed:
    """The outcome; an error is one that may be shown."""
    found = asyncio.run(outcome(*script, streamed=streamed))
    if isinstance(found, CallFailed):
        assert found.__cause__ is None
        assert KEY not in str(found)
        assert len(str(found)) <= 2_000
    return found


@settings(max_examples=150, deadline=None)
@given(BODIES, st.booleans())
def test_no_body_is_taken_for_an_answer_that_it_is_not(body: bytes, streamed: bool) -> None:
    """Law: any body gives an answer or a typed error; an answer only where a finish reason, or its text, was sent."""
    found = judged(STREAM_HEAD, part(body) if body else b"", LAST, streamed=streamed)
    if isinstance(found, str):
        assert b"finish_reason" in body if streamed else b"content" in body


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(GOOD[0])), st.sampled_from([0, 1]), st.booleans())
def test_no_cut_is_taken_for_an_end(place: int, which: int, streamed: bool) -> None:
    """Law: a body that is closed before its finish reason is never an answer."""
    sent = GOOD[which][:place]
    found = judged(STREAM_HEAD + part(sent) if sent else STREAM_HEAD, Close, streamed=streamed)
    if isinstance(found, str):
        assert found == "hello"
        assert b'"stop"' in sent


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_no_head_is_taken_for_an_answer(sent: bytes, streamed: bool) -> None:
    """Law: a server that does not speak HTTP gives a typed error."""
    assert isinstance(judged(sent, Close, streamed=streamed), CallFailed)
