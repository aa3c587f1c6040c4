"""Events that repeat: what is decoded the short way is what would have been decoded anyway."""

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelplug import Chunk
from modelplug.answers import Form
from modelplug.errors import BadReply
from modelplug.reading import Assembly, ChunkReader
from modelplug_http import body as bodies
from modelplug_http.repeats import Repeats

HEAD = {"id": "chat-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def event(text: Any = "a", finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": finish}
    return {**HEAD, "choices": [choice], "usage": None, **more}


def sent(value: Any, **options: Any) -> bytes:
    return json.dumps(value, **options).encode("utf-8", "surrogatepass")


def plainly(data: bytes) -> Any:
    try:
        return bodies.decoded(data)
    except BadReply as error:
        return str(error)


def shortly(repeats: Repeats, data: bytes) -> Any:
    try:
        value = repeats.decoded(data)
    except BadReply as error:
        return str(error)
    return value.data if isinstance(value, Chunk) else value


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


@given(st.lists(SENT, max_size=12))
def test_the_short_way_is_never_another_way(stream: list[bytes]) -> None:
    """Law: whatever the events of a stream are, each is decoded to what it says, or refused with the same words."""
    repeats = Repeats()
    for data in stream:
        assert shortly(repeats, data) == plainly(data)


@given(st.lists(TEXTS, min_size=1, max_size=8), st.booleans())
def test_a_reply_is_put_together_alike(texts: list[str], kept: bool) -> None:
    """Law: the text and the reply of a stream are the same whether its events were decoded the short way or not."""
    repeats = Repeats()
    events = [*map(event, texts), event(None, "stop")]
    replies = []
    for decode in (repeats.decoded, bodies.decoded):
        reader, assembly = ChunkReader(), Assembly()
        for value in events:
            chunk = reader.read(decode(sent(value)))
            assert chunk is not None
            if kept:
                _ = chunk.data
            assembly.add(chunk)
        replies.append((reader.text, assembly.reply().data))
    assert replies[0] == replies[1]
    assert replies[0][0] == "".join(texts)


def test_most_of_a_stream_is_decoded_the_short_way() -> None:
    """From the second event on, events that differ in their text alone are not decoded whole."""
    repeats = Repeats()
    values = [repeats.decoded(sent(event(text), separators=(",", ":"))) for text in ("one", "two", 'th"ree', "")]
    assert [type(value) for value in values] == [dict, Chunk, Chunk, Chunk]
    assert [chunk.text for chunk in values[1:]] == ["two", 'th"ree', ""]


@pytest.mark.parametrize(
    "unusual",
    [
        event("a", more={"content": "b"}),
        event("a", error=None),
        event("a", usage={"prompt_tokens": 1}),
        event("a", model=""),
        {**event("a"), "choices": [*event("a")["choices"], {"index": 1, "delta": {"content": "b"}}]},
        {**event("a"), "choices": [{"index": 0, "delta": {"content": "a", "role": "x"}, "finish_reason": None}]},
        {
            **event("a"),
            "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None, "logprobs": {"a": 1}}],
        },
        event(""),
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
    """What changes in every event costs a few looks and no more."""
    repeats: Any = Repeats()
    for number in range(100):
        repeats.decoded(sent(event("a", obfuscation="x" * number)))
    assert repeats._looked == 3


def chunk_of(text: str) -> Chunk:
    form = Form.of(event("first"))
    assert form is not None
    return form.chunk(text)


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
