"""Laws of reading: whatever is sent, it is an answer that is true or an error of ours."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from modelplug import errors
from modelplug.answers import Reply
from modelplug.failures import failure_from_response, failure_in_answer
from modelplug.reading import Assembly, ChunkReader, read_embeddings, read_reply

_NAMES = [
    *("choices", "error", "message", "delta", "content", "finish_reason", "index", "id", "model", "object", "usage"),
    *("code", "type", "msg", "detail", "data", "tool_calls", "function", "name", "arguments", "function_call"),
    *("reasoning", "reasoning_content", "text", "role", "refusal", "embedding", "header", "response", "errors"),
    *("metadata", "raw", "param", "status", "prompt_tokens", "completion_tokens", "total_tokens", "audio", "images"),
    *("logprobs", "success"),
]
_WORDS = (
    "stop",
    "length",
    "tool_calls",
    "error",
    "",
    "chat.completion",
    "list",
    "{}",
    "insufficient_quota",
    "502",
    "x",
)

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([0, 1, 200, 429, 502])
    | st.sampled_from(_WORDS)
    | st.text(max_size=8)
)
json_values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=5),
    max_leaves=16,
)
choices = st.lists(st.dictionaries(st.sampled_from(_NAMES), json_values, max_size=5), max_size=3)
answers = json_values | st.fixed_dictionaries(
    {"choices": choices}, optional={"usage": json_values, "error": json_values}
)


@given(st.lists(answers, max_size=6))
def test_any_stream_ends_in_an_answer_or_an_error(events: list[Any]) -> None:
    """Any JSON values as events: only kinds of CallFailed are raised, and what is no error puts together."""
    reader, assembly = ChunkReader(), Assembly()
    try:
        for event in events:
            chunk = reader.read(event)
            if chunk is None:
                continue
            assembly.add(chunk)
            assert isinstance(chunk.text + chunk.reasoning, str)
            assert all(isinstance(call.index, int) for call in chunk.tool_calls)
            assert chunk.finish_reason in (None, "stop", "length", "tool_calls", "content_filter", "other")
            repr(chunk)
    except errors.CallFailed:
        pass
    assert isinstance(assembly.reply(), Reply)
    judgements = []
    for judge in (reader.end, assembly.end):
        try:
            judge()
            judgements.append("ok")
        except errors.CallFailed as failure:
            judgements.append(failure.kind)
    assert judgements[0] == judgements[1]


@given(answers)
def test_any_answer_is_read_or_refused(sent: Any) -> None:
    """Any JSON value as an answer: only kinds of CallFailed are raised, and a Reply has something in it."""
    try:
        reply = read_reply(sent)
    except errors.CallFailed:
        pass
    else:
        assert reply.choices
        assert all(call.id for call in reply.tool_calls)
        assert reply.usage.source in ("reported", "absent")
    try:
        vectors = read_embeddings(sent).vectors
    except errors.CallFailed:
        pass
    else:
        assert vectors
        assert all(isinstance(number, (int, float)) for vector in vectors for number in vector)


said = st.text(min_size=1).filter(str.strip)


@given(
    st.sampled_from(["error", "text", "code", "flat", "detail", "msg"]), said, st.sampled_from([401, 429, 500, "oops"])
)
def test_an_error_body_is_never_a_success(shape: str, message: str, code: Any) -> None:
    """In every shape that reports an error, an answer and a chunk raise."""
    shapes: dict[str, dict[str, Any]] = {
        "error": {"error": {"message": message}},
        "text": {"error": message},
        "code": {"error": {"code": code}, "choices": [{"message": {"content": message}, "finish_reason": "stop"}]},
        "flat": {"object": "error", "message": message, "code": code},
        "detail": {"detail": message},
        "msg": {"msg": message, "code": code},
    }
    body = shapes[shape]
    for read in (read_reply, read_embeddings, ChunkReader().read):
        with pytest.raises(errors.CallFailed):
            read(body)


@given(
    st.integers(-1, 1_000),
    st.dictionaries(st.text(max_size=10), st.text(max_size=20)),
    st.binary(max_size=200) | json_values,
)
@example(429, {"retry-after": "\ud800"}, b"")
def test_any_refusal_is_mapped(status: int, headers: dict[str, str], body: Any) -> None:
    """Any status, headers and body become one of our errors, with a bounded message and a JSON-safe code."""
    failure = failure_from_response(status, headers, body)
    assert failure.status == status
    assert 0 < len(failure.message) <= errors.MESSAGE_LIMIT
    json.dumps([failure.code, failure.request_id, failure.retry_after, failure.kind], allow_nan=False)
    failure.message.encode()


def test_deep_nesting() -> None:
    """Nesting without end exhausts nothing."""
    deep: Any = "x"
    for _ in range(20_000):
        deep = {"error": deep}
    listed: Any = []
    for _ in range(20_000):
        listed = [listed]
    for body in (deep, listed, {"choices": listed}, {"choices": [{"delta": {"content": listed}}]}, {"usage": deep}):
        failure_from_response(500, {}, body)
        failure_in_answer(body)
        for read in (read_reply, ChunkReader().read):
            with suppress(errors.CallFailed):
                read(body)
    failure_from_response(500, {}, b"[" * 90_000)


pieces = st.lists(st.text(min_size=1, max_size=8), max_size=8)
arguments = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3).map(json.dumps)
usages = st.none() | st.fixed_dictionaries(
    {"prompt_tokens": st.integers(1, 99), "completion_tokens": st.integers(0, 99)}
)


def cut(text: str, cuts: list[int]) -> list[str]:
    """The text in pieces, cut at these points."""
    points = sorted({min(point, len(text)) for point in cuts} | {0, len(text)})
    return [text[a:b] for a, b in pairwise(points)] or [text]


@given(pieces, pieces, st.lists(arguments, max_size=3), st.lists(st.integers(0, 20), max_size=4), usages, st.randoms())
def test_a_stream_puts_together_to_the_whole(
    content: list[str], thoughts: list[str], calls: list[str], cuts: list[int], usage: Any, order: Any
) -> None:
    """However an answer is cut, and however its tool calls interleave, the stream gives the Reply of `complete`."""
    message: dict[str, Any] = {"role": "assistant", "content": "".join(content) or None}
    if thoughts:
        message["reasoning_content"] = "".join(thoughts)
    if calls:
        message["tool_calls"] = [
            {"id": f"c{i}", "type": "function", "function": {"name": f"f{i}", "arguments": a}}
            for i, a in enumerate(calls)
        ]
    finish = "tool_calls" if calls else "stop"
    envelope = {"id": "x", "created": 1, "model": "m"}
    whole = {**envelope, "choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}

    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": piece} for piece in thoughts]
    deltas += [{"content": piece} for piece in content]
    begun = [
        {"index": i, "id": f"c{i}", "type": "function", "function": {"name": f"f{i}", "arguments": ""}}
        for i in range(len(calls))
    ]
    deltas += [{"tool_calls": [call]} for call in begun]
    queues = [[{"index": i, "function": {"arguments": piece}} for piece in cut(a, cuts)] for i, a in enumerate(calls)]
    while queues := [queue for queue in queues if queue]:
        deltas.append({"tool_calls": [order.choice(queues).pop(0)]})
    events = [{**envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    events.append({**envelope, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    events.append({**envelope, "choices": [], "usage": usage})

    reader, assembly = ChunkReader(), Assembly()
    for event in events:
        if (chunk := reader.read(event)) is not None:
            assembly.add(chunk)
    if not content and not thoughts and not calls:
        with pytest.raises(errors.EmptyReply):
            assembly.end()
        with pytest.raises(errors.EmptyReply):
            read_reply(whole)
        return
    reader.end()
    streamed, complete = assembly.end(), read_reply(whole)
    assert streamed == complete
    assert streamed.usage == complete.usage


@pytest.mark.parametrize("count", [1_000, 20_000])
def test_reading_is_linear(count: int) -> None:
    """Many tool calls, or a call in many pieces with its name repeated, take time in proportion."""
    reader, assembly = ChunkReader(), Assembly()
    for shape in ({"name": "f", "arguments": '{"a":{}'}, {"name": "f", "arguments": "{}"}):
        for _ in range(count):
            chunk = reader.read({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": shape}]}}]})
            assert chunk is not None
            assembly.add(chunk)
    assembly.reply()


CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "usage": None}
TEXT = {"index": 0, "delta": {"content": "a"}, "finish_reason": None}
CALL = {"id": "1", "index": 0, "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLING = {"index": 0, "delta": {"tool_calls": [CALL]}, "finish_reason": None}
MORE = ["id", "object", "model", "usage", "x_groq", "type", "error"]
ENDS = st.fixed_dictionaries(
    {
        "index": st.sampled_from([0, 0, 0, 1, False, None]),
        "delta": st.sampled_from([{}, {}, {}, None, {"content": ""}, {"content": "b"}]),
        "finish_reason": st.sampled_from(
            ["stop", "length", "content_filter", "tool_calls", "STOP", "eos", "error", ""]
        ),
    },
    optional={"logprobs": st.none(), "message": st.just({"content": "c"}), "text": st.just("d"), "usage": st.just({})},
)


@given(
    st.lists(st.sampled_from([TEXT, CALLING]), max_size=2),
    ENDS,
    st.dictionaries(
        st.sampled_from(["id", "object", "model", "usage", "x_groq", "type", "error"]), json_values, max_size=2
    ),
    st.sampled_from([None, "usage"]),
)
def test_a_plain_end_is_read_as_every_end_is(
    before: list[Any], end: dict[str, Any], more: dict[str, Any], without: str | None
) -> None:
    """Law: the short way for OpenAI's own last event gives what the long way gives, and leaves the reader the same."""
    event = {name: value for name, value in {**CHUNK, "choices": [end], **more}.items() if name != without}
    found: list[object] = []
    for read in (ChunkReader.read, ChunkReader._read_unusual):
        reader = ChunkReader()
        for choice in before:
            reader.read({**CHUNK, "choices": [choice]})
        try:
            chunk = read(reader, event)
            reader.end()
            found.append((chunk and chunk.data, reader.finished, reader.text))
        except errors.CallFailed as error:
            found.append((type(error), error.kind, str(error), error.partial))
    assert found[0] == found[1]
