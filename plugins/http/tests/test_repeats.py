"""Events that repeat: what is decoded the short way is what would have been decoded anyway."""

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelplug import Chunk
from modelplug.answers import Form
from modelplug.reading import Assembly, ChunkReader
from modelplug_http.events import Events
from modelplug_http.options import Options
from modelplug_http.repeats import Repeats
from modelplug_http.strategy import _chunks

CUT = b"\0"
"""Stands in these streams where one piece that arrives ends and the next begins; JSON never holds it."""
HEAD = {"id": "chat-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def event(text: Any = "a", finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": finish}
    return {**HEAD, "choices": [choice], "usage": None, **more}


def sent(value: Any, **options: Any) -> bytes:
    return json.dumps(value, **options).encode("utf-8", "surrogatepass")


def values(data: bytes, repeats: Repeats | None) -> list[Any]:
    """What the events of a stream are, read in pieces, up to the first that is refused."""
    events: Any = Events(_never, Options(), repeats=repeats)
    events._start, found = None, []
    for piece in data.split(CUT):
        found += events._read(piece)
    found += [] if events._ended else events._last()
    return [*found, str(events._error), events._ended]


async def _never() -> Any:
    raise NotImplementedError


def opened(values: list[Any]) -> list[Any]:
    return [each for value in values for each in (map(data_of, value) if isinstance(value, tuple) else [value])]


def data_of(chunk: Chunk) -> Any:
    return chunk.data


TEXTS = st.text(max_size=12) | st.sampled_from(['"', "\\", '\\"', '"}}]', "\ud800", '"content":"x"', "}\n", "", "é"])
EVENTS = st.builds(
    event,
    TEXTS | st.none() | st.integers() | st.just({"content": "x"}),
    st.sampled_from([None, None, None, "stop"]),
    more=st.sampled_from([0, 0, 0, "content", {"content": "y"}, ["x"]]),
)
PLACES = st.integers(0, 260)
SENT = st.one_of(
    st.builds(sent, EVENTS),
    st.builds(sent, EVENTS, ensure_ascii=st.just(False)),
    st.builds(sent, EVENTS, separators=st.just((",", ":"))),
    st.builds(lambda e: sent(e).replace(b'"content": ', b'"content": "first", "content" : '), EVENTS),
    st.builds(
        lambda e, at, junk: sent(e)[:at] + junk + sent(e)[at:], EVENTS, st.integers(0, 200), st.binary(max_size=3)
    ),
    st.builds(lambda e, at: sent(e)[:at], EVENTS, st.integers(0, 260)),
)


ENDS = st.sampled_from([b"\n\n"] * 6 + [b"\n", b"\n\n\n", b"\r\n\r\n", b"\n" + CUT + b"\n", b"\n\n" + CUT, b""])
STARTS = st.sampled_from(
    [b"data: "] * 8 + [b"data:", b": comment\n", b"event: error\ndata: ", b"event: x\ndata: ", b"da" + CUT + b"ta: "]
)


@settings(max_examples=300)
@given(st.lists(st.tuples(STARTS, SENT, ENDS), max_size=12))
def test_the_short_way_is_never_another_way(stream: list[tuple[bytes, bytes, bytes]]) -> None:
    """Law: whatever the events of a stream are and however they are cut, each says the same by the short way."""
    data = b"".join(part for event in stream for part in event)
    assert opened(values(data, Repeats())) == values(data, None)


@given(st.lists(TEXTS, min_size=1, max_size=8), st.booleans())
def test_a_reply_is_put_together_alike(texts: list[str], looked_into: bool) -> None:
    """Law: the text and the reply of a stream are the same whether its events were decoded the short way or not."""
    data = b"".join(b"data: " + sent(each) + b"\n\n" for each in [*map(event, texts), event(None, "stop")])
    replies = []
    for repeats in (Repeats(), None):
        reader, assembly = ChunkReader(), Assembly()
        chunks, failure = _chunks(reader, values(data, repeats)[:-2])
        assert failure is None
        for chunk in chunks:
            if looked_into:
                _ = chunk.data
            assembly.add(chunk)
        replies.append((reader.text, assembly.reply().data))
    assert replies[0] == replies[1]
    assert replies[0][0] == "".join(texts)


def test_most_of_a_stream_is_decoded_the_short_way() -> None:
    """From the second event on, events that differ in their text alone are not decoded whole."""
    texts = ["one", "two", 'th"ree', "", "five"]
    data = b"".join(b"data: " + sent(event(text), separators=(",", ":")) + b"\n\n" for text in texts)
    first, rest, *_ = values(data, Repeats())
    assert first == event("one")
    assert [chunk.text for chunk in rest] == texts[1:]


def test_texts_that_only_fit_together_are_refused() -> None:
    """Two broken events that would be whole side by side are refused as they are by themselves."""
    head, tail = sent(event("@"), separators=(",", ":")).split(b'"@"')
    broken = [b'"one"', b'"a","b"', b'"c', b'd"']
    data = b"".join(b"data: " + head + text + tail + b"\n\n" for text in broken)
    assert opened(values(data, Repeats())) == values(data, None)
    assert values(data, Repeats())[-2] == "the answer is not JSON"


@pytest.mark.parametrize(
    "unusual",
    [
        event("a", more={"content": "b"}),
        event("a", error=None),
        event("a", usage={"prompt_tokens": 1}),
        {**event("a"), "choices": [*event("a")["choices"], {"index": 1, "delta": {"content": "b"}}]},
        {**event("a"), "choices": [{"index": 0, "delta": {"content": "a", "role": "user"}, "finish_reason": None}]},
        {
            **event("a"),
            "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None, "logprobs": {"a": 1}}],
        },
        event(1),
        [],
        "text",
        None,
    ],
)
def test_what_is_more_than_text_has_no_form(unusual: Any) -> None:
    """Only events that are one piece of text, and hold nothing that can be changed, are taken as a pattern."""
    assert Form.of(unusual) is None


def test_a_stream_that_never_repeats_is_not_looked_at_for_long() -> None:
    """Events that change elsewhere are looked at a few times, then for long not; when they repeat, they are found."""
    repeats = Repeats()
    hopes = []
    for number in range(200):
        hopes.append(repeats.hopeful())
        if hopes[-1]:
            repeats.look(*(lambda value: (sent(value), value))(event("a", obfuscation="x" * number)))
    assert 20 < sum(hopes) < 60


def chunk_of(text: str) -> Chunk:
    form = Form.of(event("first"))
    assert form is not None
    return form.chunks([text])[0]


def test_a_chunk_of_a_form_is_a_chunk_like_any_other() -> None:
    """It reads, compares, copies and shows itself as the chunk of the whole event does."""
    whole = Chunk(event("hello"))
    for chunk in (chunk_of("hello"), copy.copy(chunk_of("hello")), pickle.loads(pickle.dumps(chunk_of("hello")))):
        assert chunk == whole
        assert repr(chunk) == repr(whole)
        assert (chunk.text, chunk.model, chunk.id, chunk.usage) == ("hello", "m", "chat-1", None)
        assert chunk.choices[0].delta.content == "hello"
        assert chunk.model_dump() == event("hello")
        assert list(chunk) == list(whole)


def test_a_chunk_that_is_changed_says_what_it_was_changed_to() -> None:
    """A layer that changes the JSON object of a chunk changes its text and the reply."""
    chunk, other = chunk_of("secret"), chunk_of("other")
    chunk.data["choices"][0]["delta"]["content"] = "***"
    assembly = Assembly()
    for each in (Chunk(event("1 ")), other, chunk, chunk_of(" 2")):
        assembly.add(each)
    assert (chunk.text, other.text) == ("***", "other")
    assert assembly.reply().text == "1 other*** 2"
