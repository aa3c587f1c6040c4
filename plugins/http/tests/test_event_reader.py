"""The reader of server-sent events."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelplug import BadReply
from modelplug_http.sse import Event, EventReader


def events(*pieces: bytes) -> list[Event]:
    reader = EventReader()
    return [event for piece in pieces for event in reader.feed(piece)] + reader.end()


CASES = {
    "CQ-01 comments": (b": OPENROUTER PROCESSING\n\n:\n\ndata: 1\n\n", [b"1"]),
    "CQ-02 no space": (b"data:1\n\ndata:  2\n\n", [b"1", b" 2"]),
    "CQ-03 CR LF": (b"data: 1\r\n\r\ndata: 2\r\n\r\n", [b"1", b"2"]),
    "CQ-03 CR": (b"data: 1\r\rdata: 2\r\r", [b"1", b"2"]),
    "CQ-03 mixed": (b"data: 1\r\ndata: 2\n\rdata: 3\r\r\n", [b"1\n2", b"3"]),
    "CQ-08 split characters": ("data: 你🦀\n\n".encode(), ["你🦀".encode()]),
    "CQ-09 lines of one event": (b"data: a\ndata: b\n\n", [b"a\nb"]),
    "CQ-10 no last blank line": (b"data: 1\n\ndata: 2\n", [b"1", b"2"]),
    "CQ-10 no last line end": (b"data: 1\n\ndata: 2", [b"1", b"2"]),
    "CQ-11 id and retry alone": (b"id: 7\n\nretry: 3000\n\nid\n\ndata: 1\n\n", [b"1"]),
    "CQ-12 empty data": (b"data:\n\ndata\n\ndata: \n\ndata: 1\n\n", [b"1"]),
    "38 byte order mark": (b"\xef\xbb\xbfdata: 1\n\n", [b"1"]),
    "34 bare line of JSON": (b'data: 1\n\n{"error":{}}\ndata: 2\n\n', [b"1", b'{"error":{}}', b"2"]),
    "unknown fields": (b"foo: bar\ndata: 1\nbar\n\n", [b"1"]),
    "nothing": (b"", []),
    "half a mark": (b"\xef\xbb", []),
}


@pytest.mark.parametrize(("sent", "expected"), CASES.values(), ids=CASES)
def test_what_is_read(sent: bytes, expected: list[bytes]) -> None:
    """Each spelling of events that servers use is read."""
    assert [data for _, data in events(sent)] == expected


@pytest.mark.parametrize("sent", [sent for sent, _ in CASES.values()], ids=CASES)
def test_byte_by_byte(sent: bytes) -> None:
    """Events do not depend on how their bytes arrive: one at a time."""
    assert events(*(sent[i : i + 1] for i in range(len(sent)))) == events(sent)


LINES = st.sampled_from(
    [
        b"data: {}",
        b"data:x",
        b"data",
        b": c",
        b"event: error",
        b"id: 1",
        b"{}",
        b"",
        b"\xef\xbb\xbf",
        "data: 🦀".encode(),
    ]
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
STREAMS = st.lists(st.tuples(LINES, ENDS)).map(lambda lines: b"".join(part for line in lines for part in line))


@given(STREAMS | st.binary(max_size=60), st.lists(st.integers(0, 60)))
def test_any_cut_gives_the_same_events(sent: bytes, cuts: list[int]) -> None:
    """Law: however the bytes are cut, the events are the same."""
    places = [0, *sorted(cut for cut in cuts if cut < len(sent)), len(sent)]
    assert events(*(sent[a:b] for a, b in pairwise(places))) == events(sent)


def test_an_event_has_a_name() -> None:
    """The name of an event is its own; the next has none."""
    assert events(b"event: error\ndata: 1\n\ndata: 2\n\n") == [(b"error", b"1"), (b"", b"2")]


@pytest.mark.parametrize("piece", [b"data: " + b"a" * 120, b"data: aaaa\n" * 30, b"a" * 120 + b"\n"])
def test_an_event_is_bounded(piece: bytes) -> None:
    """A line, or an event, beyond the limit is refused whether or not it ends."""
    reader = EventReader(limit=100)
    with pytest.raises(BadReply) as caught:
        for i in range(len(piece)):
            reader.feed(piece[i : i + 1])
    assert caught.value.kind == "too_large"


def test_comments_are_told_from_data() -> None:
    """Half an event is progress; a comment, or half of one, is none."""
    reader = EventReader()
    seen = []
    for piece in (b": keep", b" alive\n\n", b"da", b"ta: 1\n", b"\n"):
        reader.feed(piece)
        seen.append(reader.within_data)
    assert seen == [False, False, True, True, False]
