"""JSON written and read, and what bodies turn out to be."""

import json
import time
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelplug import BadReply, BadRequest, EmptyReply
from modelplug_http import body as bodies


@pytest.mark.parametrize(
    "text",
    [
        b"{oops",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":"\xff"}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":1}{"b":2}',
        b"",
        b"{'a':1}",
    ],
    ids=lambda text: text[:12].decode("latin-1"),
)
def test_28_only_json_is_read(text: bytes) -> None:
    """Whatever is not JSON in UTF-8 is BadReply, whose message does not repeat it."""
    with pytest.raises(BadReply) as caught:
        bodies.decoded(text)
    assert caught.value.kind == "decode"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a":"\\ud800"}', {"a": "\ud800"}),
        (b'{"a":"\\u0000"}', {"a": "\0"}),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b'{"a":12345678901234567890123}', {"a": 12345678901234567890123}),
    ],
    ids=["lone surrogate", "NUL", "30 duplicate keys", "byte order mark", "large integer"],
)
def test_33_odd_json_is_given(text: bytes, value: Any) -> None:
    """What JSON can say is given as it came; the last of duplicate keys wins."""
    assert bodies.decoded(text) == value


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), JSON))
def test_what_is_written_is_read(value: dict[str, Any]) -> None:
    """Law: reading gives what was written."""
    assert bodies.decoded(bodies.encoded(value)) == value


def test_requests_may_hold_any_mapping_and_any_text() -> None:
    """Mappings, tuples and lone surrogates of the host have their JSON."""
    value = {"messages": (MappingProxyType({"content": "\ud800"}),)}
    assert bodies.decoded(bodies.encoded(value)) == {"messages": [{"content": "\ud800"}]}


@pytest.mark.parametrize("value", [object(), {1: object()}, float], ids=str)
def test_what_json_cannot_say_is_a_bad_request(value: object) -> None:
    """A parameter without JSON is the caller's mistake."""
    with pytest.raises(BadRequest):
        bodies.encoded({"a": value})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a":1}', bodies.Body(data={"a": 1})),
        (b' \n{"a":1}\n', bodies.Body(data={"a": 1})),
        (b'{"a":1}\n\ndata: [DONE]\n\n', bodies.Body(data={"a": 1})),
        (b'{\n "a": 1\n}\ndata: [DONE]', bodies.Body(data={"a": 1})),
        (b'data: {"a":1}\n\ndata: [DONE]\n\n', bodies.Body(events=({"a": 1},))),
        (b': c\n\nevent: x\r\ndata: {"a":1}\r\n\r\n', bodies.Body(events=({"a": 1},))),
        (b'{"a":1}\n{"a":2}\n', bodies.Body(events=({"a": 1}, {"a": 2}))),
        (b"null", bodies.Body(data=None)),
        (b"[]", bodies.Body(data=[])),
        (b'"text"', bodies.Body(data="text")),
        (b"12", bodies.Body(data=12)),
    ],
    ids=[
        "JSON",
        "spaces",
        "CQ-18 [DONE]",
        "CQ-18 lines",
        "CQ-18 events",
        "events",
        "lines",
        "null",
        "list",
        "text",
        "12",
    ],
)
def test_what_a_body_turns_out_to_be(body: bytes, expected: bodies.Body) -> None:
    """The bytes decide, whatever the content type said."""
    assert bodies.read(body) == expected


def test_29_a_page_is_no_answer() -> None:
    """HTML is refused, and none of it is in the message."""
    with pytest.raises(BadReply, match="web page") as caught:
        bodies.read(b"<!doctype html><html><body>Log in</body></html>")
    assert "<" not in str(caught.value)
    assert "Log in" not in str(caught.value)


def test_text_is_shown_in_part() -> None:
    """Other text is shown: its first 200 characters, control characters left out."""
    with pytest.raises(BadReply) as caught:
        bodies.read(b"error code:\x1b[31m 524 " + b"x" * 1_000)
    assert "error code" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_many_embeddings_are_read() -> None:
    """A large answer of an ordinary shape is not taken for a hostile one."""
    rows = [{"object": "embedding", "index": i, "embedding": [-0.0123456789] * 1_536} for i in range(500)]
    sent = json.dumps({"data": rows}).encode()
    assert bodies.read(sent).data == {"data": rows}


def test_nothing_is_empty() -> None:
    """A success without a body is EmptyReply."""
    with pytest.raises(EmptyReply):
        bodies.read(b"\r\n")


LARGE = 16 * 1024 * 1024
HOSTILE = {
    "late fault": b'{"a":"' + b"x" * LARGE + b"\xff",
    "empty lists": b'{"a":[' + b"[]," * (LARGE // 3) + b"[]]}",
    "numbers": b"[" + b"1," * (LARGE // 2) + b"1]",
    "a key again and again": b"{" + b'"a":"",' * (LARGE // 7) + b'"a":""}',
    "keys that differ": b"{" + b",".join(b'"%x":1' % i for i in range(1_000_000)) + b"}",
    "deep": b"[" * LARGE,
    "NaN": b'{"a":"' + b"x" * LARGE + b'","b":NaN}',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_large_bad_json_takes_little_time(body: bytes) -> None:
    """16 MiB that are made to take long are refused quickly."""
    start = time.process_time()
    with pytest.raises(BadReply):
        bodies.read(body)
    assert time.process_time() - start < 0.5  # 50 ms on a quiet machine
