"""Events of streams as servers really send them: each row is a quirk of the list, by its id."""

from __future__ import annotations

from typing import Any

import pytest
from modelplug import errors
from modelplug.answers import Chunk, Reply
from modelplug.reading import Assembly, ChunkReader, read_reply

Json = dict[str, Any]


def event(delta: Any = None, finish: Any = None, **more: Any) -> Json:
    """A chunk of one choice, as OpenAI has it."""
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def text(content: Any) -> Json:
    return event({"content": content})


def calls(*items: Any) -> Json:
    return event({"tool_calls": list(items)})


def call(index: int | None = None, id: Any = None, name: Any = None, arguments: Any = None, **more: Any) -> Json:
    """A tool call delta of only the fields that are given."""
    function = {k: v for k, v in {"name": name, "arguments": arguments}.items() if v is not None}
    return {k: v for k, v in {"index": index, "id": id}.items() if v is not None} | {"function": function} | more


STOP = event(finish="stop")
TOOLS = event(finish="tool_calls")
USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


def read(*events: Any) -> list[Chunk]:
    """The chunks of a stream that ends well."""
    reader = ChunkReader()
    chunks = [chunk for item in events if (chunk := reader.read(item)) is not None]
    reader.end()
    return chunks


def put_together(*events: Any) -> Reply:
    assembly = Assembly()
    for chunk in read(*events):
        assembly.add(chunk)
    return assembly.end()


def seen_by_a_host(*events: Any) -> list[tuple[str, str, str]]:
    """Tool calls as a host gathers them from deltas, the way OpenAI's documentation shows."""
    gathered: dict[int, list[str]] = {}
    for chunk in read(*events):
        for choice in chunk.choices:
            for delta in choice.delta.tool_calls or []:
                known = gathered.setdefault(delta.index, ["", "", ""])
                known[0] += delta.id or ""
                known[1] += delta.function.name or ""
                known[2] += delta.function.arguments or ""
    return [(i, n, a) for _, (i, n, a) in sorted(gathered.items())]


@pytest.mark.parametrize(
    ("quirk", "events", "expected"),
    [
        ("CQ-14 choices empty", [{"choices": []}, text("a"), STOP], "a"),
        ("CQ-14 choices null", [{"id": "x", "choices": None}, text("a"), STOP], "a"),
        ("CQ-15 prompt_filter_results", [{"choices": [], "prompt_filter_results": [{}]}, text("a"), STOP], "a"),
        (
            "CQ-17 one whole answer",
            [{"choices": [{"index": 0, "message": {"role": "assistant", "content": "ab"}, "finish_reason": "stop"}]}],
            "ab",
        ),
        (
            "CQ-63 parts",
            [text([{"type": "text", "text": "a"}, {"type": "reference", "ids": [1]}, {"x": 1}]), STOP],
            "a",
        ),
        ("CQ-63 strange content", [text("a"), text(7), text({"type": "text", "text": "b"}), STOP], "ab"),
        ("CQ-65 finish ''", [event({"content": "a"}, ""), event({"content": "b"}, ""), STOP], "ab"),
        ("CQ-66 delta null", [text("a"), {"choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]}], "a"),
        ("CQ-66 role ''", [event({"role": "", "content": "a"}), event({"role": None, "content": "b"}), STOP], "ab"),
        ("CQ-66 bare", [{"choices": [{"delta": {"content": "a"}}]}, {"choices": [{"finish_reason": "stop"}]}], "a"),
        (
            "CQ-67 message for delta",
            [{"choices": [{"message": {"content": "ha"}}]}, {"choices": [{"message": {"content": "ha"}}]}, STOP],
            "haha",
        ),
        (
            "CQ-67 the whole again",
            [text("a"), text("b"), {"choices": [{"message": {"content": "abc"}, "finish_reason": "stop"}]}],
            "abc",
        ),
        ("error without content", [text("a") | {"error": None}, text("b") | {"error": {"message": ""}}, STOP], "ab"),
        (
            "legacy completion",
            [{"choices": [{"text": "a"}]}, {"choices": [{"text": "", "finish_reason": "stop"}]}],
            "a",
        ),
    ],
)
def test_text(quirk: str, events: list[Any], expected: str) -> None:
    """The host reads exactly the text that was meant, chunk by chunk and put together."""
    chunks = read(*events)
    assert "".join(chunk.text for chunk in chunks) == expected, quirk
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == expected
    assert put_together(*events).text == expected


@pytest.mark.parametrize(
    ("quirk", "events"),
    [
        ("CQ-61 reasoning", [event({"reasoning": "th"}), event({"reasoning": "ink"}), text("a"), STOP]),
        ("CQ-61 reasoning_content", [event({"reasoning_content": "think", "content": None}), text("a"), STOP]),
        ("CQ-61 both", [event({"reasoning": "think", "reasoning_content": "think"}), text("a"), STOP]),
        ("CQ-61 with null", [event({"content": "", "reasoning_content": "think"}), text("a"), STOP]),
        (
            "CQ-63 thinking part",
            [text([{"type": "thinking", "thinking": [{"type": "text", "text": "think"}]}]), text("a"), STOP],
        ),
        (
            "CQ-63 thinking text",
            [text([{"type": "thinking", "thinking": "think"}, {"type": "text", "text": "a"}]), STOP],
        ),
    ],
)
def test_reasoning(quirk: str, events: list[Any]) -> None:
    """Reasoning arrives in one channel and once."""
    chunks = read(*events)
    assert "".join(chunk.reasoning for chunk in chunks) == "think", quirk
    assert "".join(chunk.choices[0].delta.reasoning_content or "" for chunk in chunks) == "think"
    assert not any(chunk.choices[0].delta.reasoning for chunk in chunks)
    reply = put_together(*events)
    assert (reply.reasoning, reply.text) == ("think", "a")


F, G = '{"x":1}', '{"y":2}'


@pytest.mark.parametrize(
    ("quirk", "events", "expected"),
    [
        (
            "as OpenAI has it",
            [
                calls(call(0, "a", "f", "", type="function")),
                calls(call(0, arguments='{"x"')),
                calls(call(0, arguments=":1}")),
                TOOLS,
            ],
            [("a", "f", F)],
        ),
        ("CQ-52 no index", [calls(call(None, "a", "f", '{"x"')), calls(call(arguments=":1}")), TOOLS], [("a", "f", F)]),
        (
            "CQ-53 two, no index, whole",
            [calls(call(None, "a", "f", F)), calls(call(None, "b", "g", G)), TOOLS],
            [("a", "f", F), ("b", "g", G)],
        ),
        (
            "CQ-53 two, no index, interleaved by id",
            [
                calls(call(None, "a", "f", ""), call(None, "b", "g", "")),
                calls(call(None, "a", None, '{"x"'), call(None, "b", None, '{"y"')),
                calls(call(None, "b", None, ":2}")),
                calls(call(None, "a", None, ":1}")),
                TOOLS,
            ],
            [("a", "f", F), ("b", "g", G)],
        ),
        (
            "CQ-53 two, neither index nor id, by position",
            [calls(call(name="f"), call(name="f")), calls(call(arguments=F), call(arguments=G)), TOOLS],
            [(None, "f", F), (None, "f", G)],
        ),
        (
            "CQ-53 same index twice",
            [calls(call(0, "a", "f", F)), calls(call(0, "b", "f", G)), TOOLS],
            [("a", "f", F), ("b", "f", G)],
        ),
        (
            "CQ-53 same name twice, no ids, whole",
            [calls(call(name="f", arguments=F)), calls(call(name="f", arguments=G)), TOOLS],
            [(None, "f", F), (None, "f", G)],
        ),
        (
            "interleaved by index",
            [
                calls(call(0, "a", "f", "")),
                calls(call(1, "b", "g", "")),
                calls(call(0, arguments='{"x"')),
                calls(call(1, arguments='{"y":')),
                calls(call(0, arguments=":1}")),
                calls(call(1, arguments="2}")),
                TOOLS,
            ],
            [("a", "f", F), ("b", "g", G)],
        ),
        (
            "index from one",
            [calls(call(1, "a", "f", '{"x"')), calls(call(1, arguments=":1}")), calls(call(2, "b", "g", G)), TOOLS],
            [("a", "f", F), ("b", "g", G)],
        ),
        (
            "CQ-54 empty id and name",
            [calls(call(0, "a", "f", '{"x"')), calls(call(0, "", "", ":1}")), TOOLS],
            [("a", "f", F)],
        ),
        (
            "CQ-54 null id and name",
            [
                calls(call(0, "a", "f", '{"x"')),
                calls({"index": 0, "id": None, "function": {"name": None, "arguments": ":1}"}}),
                TOOLS,
            ],
            [("a", "f", F)],
        ),
        (
            "repeated name and id",
            [calls(call(0, "a", "f", '{"x"')), calls(call(0, "a", "f", ":")), calls(call(0, "a", "f", "1}")), TOOLS],
            [("a", "f", F)],
        ),
        (
            "a new id for every delta",
            [
                calls(call(0, "a", "f", '{"x"')),
                calls(call(0, "z1", None, ":")),
                calls(call(0, "z2", None, "1}")),
                TOOLS,
            ],
            [("a", "f", F)],
        ),
        ("id after the name", [calls(call(0, None, "f")), calls(call(0, "late", None, F)), TOOLS], [(None, "f", F)]),
        ("name after the id", [calls(call(0, "a")), calls(call(0, None, "f", F)), TOOLS], [("a", "f", F)]),
        (
            "CQ-55 no id",
            [calls(call(0, None, "f", F)), calls(call(1, None, "g", G)), TOOLS],
            [(None, "f", F), (None, "g", G)],
        ),
        (
            "CQ-55 same id twice",
            [calls(call(0, "a", "f", F)), calls(call(1, "a", "g", G)), TOOLS],
            [("a", "f", F), (None, "g", G)],
        ),
        ("CQ-56 arguments ''", [calls(call(0, "a", "f", "")), TOOLS], [("a", "f", "{}")]),
        (
            "CQ-56 arguments null",
            [calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": None}}), TOOLS],
            [("a", "f", "{}")],
        ),
        ("CQ-57 object", [calls(call(0, "a", "f", {"x": 1})), TOOLS], [("a", "f", '{"x": 1}')]),
        ("CQ-57 empty object", [calls(call(0, "a", "f", {})), calls(call(0, arguments=F)), TOOLS], [("a", "f", F)]),
        (
            "CQ-60 function_call",
            [
                event({"function_call": {"name": "f", "arguments": '{"x"'}}),
                event({"function_call": {"arguments": ":1}"}}),
                event(finish="function_call"),
            ],
            [(None, "f", F)],
        ),
    ],
)
def test_tool_calls(quirk: str, events: list[Any], expected: list[tuple[str | None, str, str]]) -> None:
    """Tool calls come out whole, with ids that are unique, for a host that adds up deltas and in the Reply."""
    gathered = seen_by_a_host(*events)
    assert [(name, arguments) for _, name, arguments in gathered] == [(n, a) for _, n, a in expected], quirk
    ids = [found for found, _, _ in gathered]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    for found, (wanted, _, _) in zip(ids, expected, strict=True):
        assert wanted is None or found == wanted
    reply = put_together(*events)
    assert [(made.name, made.arguments, made.complete) for made in reply.tool_calls] == [
        (n, a, True) for _, n, a in expected
    ]
    assert reply.finish_reason == "tool_calls"


def test_what_a_server_adds_to_a_call_stays_with_it() -> None:
    """Gemini refuses a call that is sent back without its signature."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    signed = {**call, "extra_content": {"google": {"thought_signature": "s"}}}
    streamed = put_together(event({"tool_calls": [{**signed, "index": 0}]}), event(finish="tool_calls"))
    choice = {"index": 0, "message": {"role": "assistant", "tool_calls": [signed]}, "finish_reason": "tool_calls"}
    for reply in (streamed, read_reply({"choices": [choice]})):
        assert reply.data["choices"][0]["message"]["tool_calls"] == [signed]


@pytest.mark.parametrize(
    ("pieces", "data"), [(("QUJD", "REVG"), "QUJDREVG"), (("QQ==", "Qg=="), "QUI="), (("?=?", "A"), "?=?A")]
)
def test_audio_that_comes_in_pieces(pieces: tuple[str, ...], data: str) -> None:
    """All of its words and of its sound are in the reply, as `complete` would have given them."""
    parts: list[Json] = [{"id": "a", "transcript": "hel"}, *({"data": piece} for piece in pieces)]
    parts.append({"transcript": "lo", "expires_at": 5})
    reply = put_together(*(event({"audio": part}) for part in parts), event(finish="stop"))
    assert reply.choices[0].message.audio == {"id": "a", "transcript": "hello", "data": data, "expires_at": 5}


def test_synthetic_ids_stay() -> None:
    """CQ-55: an id that we make up is the same in the delta and in what is put together from it."""
    chunks = read(calls(call(0, None, "f", F)), TOOLS)
    assembly = Assembly()
    for chunk in chunks:
        assembly.add(chunk)
    assert assembly.reply().tool_calls[0].id == chunks[0].choices[0].delta.tool_calls[0].id


def test_stop_with_tool_calls() -> None:
    """CQ-58: the finish reason is judged by content, and the provider's word is kept."""
    last = read(calls(call(0, "a", "f", F)), STOP)[-1]
    assert (last.finish_reason, last.choices[0].native_finish_reason) == ("tool_calls", "stop")


def test_tool_calls_without_any() -> None:
    """CQ-58: `tool_calls` with none is `stop`."""
    last = read(text("a"), TOOLS)[-1]
    assert (last.finish_reason, last.choices[0].native_finish_reason) == ("stop", "tool_calls")


@pytest.mark.parametrize("arguments", ['{"x": "half', "", "[1]"])
def test_cut_arguments(arguments: str) -> None:
    """CQ-59: a call whose arguments were cut is marked, not mended."""
    reply = put_together(calls(call(0, "a", "f", arguments)), event(finish="length"))
    assert reply.finish_reason == "length"
    (made,) = reply.tool_calls
    assert (made.arguments, made.complete) == (arguments, False)


@pytest.mark.parametrize(
    ("sent", "finish", "native"),
    [
        ("stop", "stop", None),
        ("eos", "other", "eos"),
        ("STOP", "stop", "STOP"),
        ("max_tokens", "length", "max_tokens"),
        ("content_filter", "content_filter", None),
    ],
)
def test_finish_reasons(sent: str, finish: str, native: str | None) -> None:
    """CQ-65: OpenAI's words as they are, another API's translated, unknown ones `other`; the raw word is kept."""
    last = read(text("a"), event(finish=sent))[-1]
    assert (last.finish_reason, last.choices[0].native_finish_reason) == (finish, native)


def test_reasoning_alone_is_an_answer() -> None:
    """CQ-64: an answer that is only in the reasoning is not empty."""
    reply = put_together(event({"reasoning_content": "so", "content": None}), STOP)
    assert (reply.text, reply.reasoning) == ("", "so")


@pytest.mark.parametrize(
    ("quirk", "events"),
    [
        ("CQ-49 on the finish chunk", [text("a"), STOP | {"usage": USAGE}]),
        ("CQ-49 after it", [text("a"), STOP, {"choices": [], "usage": USAGE}]),
        ("choices missing", [text("a"), STOP, {"usage": USAGE}]),
        (
            "on every chunk, growing",
            [text("a") | {"usage": {**USAGE, "completion_tokens": 1}}, STOP | {"usage": USAGE}],
        ),
        ("then nothing", [text("a") | {"usage": USAGE}, STOP | {"usage": {}}, {"choices": [], "usage": None}]),
        ("Groq", [text("a"), STOP | {"x_groq": {"usage": USAGE}}]),
        ("Moonshot", [text("a"), {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": USAGE}]}]),
    ],
)
def test_usage(quirk: str, events: list[Any]) -> None:
    """Usage is taken from wherever it stands, also past the finish reason."""
    usage = put_together(*events).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.source) == (9, 3, "reported"), quirk


def test_no_usage() -> None:
    """CQ-48: usage that was not reported is absent, not zero."""
    usage = put_together(text("a"), STOP).usage
    assert (usage.source, usage.prompt_tokens) == ("absent", None)


@pytest.mark.parametrize(
    ("quirk", "events", "kind"),
    [
        ("CQ-05 no finish", [text("a")], errors.StreamCut),
        ("CQ-05 tool calls, no finish", [calls(call(0, "a", "f", F))], errors.StreamCut),
        ("CQ-25 nothing", [], errors.EmptyReply),
        ("CQ-25 only heartbeats", [{"choices": []}], errors.EmptyReply),
        ("CQ-25 only a role", [event({"role": "assistant", "content": ""})], errors.EmptyReply),
        ("CQ-68 finish alone", [STOP], errors.EmptyReply),
        ("filter left nothing", [event(finish="content_filter")], errors.ContentRefused),
    ],
)
def test_ends_that_are_none(quirk: str, events: list[Any], kind: type[errors.CallFailed]) -> None:
    """A stream that may not end here raises, in the reader and in the assembly."""
    reader, assembly = ChunkReader(), Assembly()
    for item in events:
        if (chunk := reader.read(item)) is not None:
            assembly.add(chunk)
    for judge in (reader.end, assembly.end):
        with pytest.raises(kind) as caught:
            judge()
        assert type(caught.value) is kind, quirk


def test_cut_keeps_what_came() -> None:
    """CQ-05: the text that had arrived is on the error."""
    reader = ChunkReader()
    reader.read(text("half an"))
    with pytest.raises(errors.StreamCut) as caught:
        reader.end()
    assert caught.value.partial == "half an"


def test_empty_reply_carries_usage() -> None:
    """CQ-68: prompt tokens of an empty answer are still counted."""
    reader = ChunkReader()
    reader.read(event(finish="stop", usage={"prompt_tokens": 9, "completion_tokens": 0}))
    with pytest.raises(errors.EmptyReply) as caught:
        reader.end()
    assert caught.value.usage is not None
    assert caught.value.usage.prompt_tokens == 9


def test_hidden_reasoning_is_no_empty_answer() -> None:
    """An answer whose tokens all went into hidden reasoning says so by `length`; asking again would cost the same."""
    reply = put_together(event(finish="length", usage={"prompt_tokens": 9, "completion_tokens": 50}))
    assert (reply.text, reply.finish_reason) == ("", "length")


@pytest.mark.parametrize(
    ("quirk", "sent", "kind", "status", "code"),
    [
        ("CQ-20", {"error": {"message": "bad", "code": 502}}, errors.Unavailable, 502, None),
        ("CQ-20 as text", {"error": {"message": "bad", "code": "502"}}, errors.Unavailable, 502, None),
        ("CQ-20 rate", {"error": {"message": "slow", "code": 429}}, errors.RateLimited, 429, None),
        (
            "CQ-20 word",
            {"error": {"message": "bad", "code": "upstream_error"}},
            errors.Unavailable,
            None,
            "upstream_error",
        ),
        ("CQ-21", event(finish="error") | {"error": {"message": "bad", "code": 502}}, errors.Unavailable, 502, None),
        ("CQ-21 bare", event(finish="error"), errors.Unavailable, None, None),
        ("CQ-22", {"message": "boom"}, errors.Unavailable, None, None),
        ("CQ-23", {"error": "Insufficient balance"}, errors.QuotaExhausted, None, None),
        (
            "CQ-24",
            {"error": {"message": "no", "type": "invalid_request_error"}},
            errors.BadRequest,
            None,
            "invalid_request_error",
        ),
        ("CQ-27", {"code": 50508, "message": "busy", "data": None}, errors.Unavailable, None, "50508"),
        ("CQ-33", {"object": "error", "message": "bad", "code": 400}, errors.BadRequest, 400, None),
        (
            "Anthropic",
            {"type": "error", "error": {"type": "overloaded_error", "message": "x"}},
            errors.Unavailable,
            None,
            "overloaded_error",
        ),
        (
            "Gemini",
            [{"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED"}}],
            errors.RateLimited,
            429,
            "RESOURCE_EXHAUSTED",
        ),
        ("DeepSeek", event(finish="insufficient_system_resource"), errors.Unavailable, None, None),
        ("list", [1], errors.BadReply, None, None),
        ("null", None, errors.BadReply, None, None),
        ("text", "hello", errors.BadReply, None, None),
    ],
)
def test_errors_in_a_stream(
    quirk: str, sent: Any, kind: type[errors.CallFailed], status: int | None, code: str | None
) -> None:
    """An error within a stream is raised as its kind, with what had arrived; a status is a number or nothing."""
    reader = ChunkReader()
    reader.read(text("so far"))
    with pytest.raises(errors.CallFailed) as caught:
        reader.read(sent)
    assert (type(caught.value), caught.value.status) == (kind, status), quirk
    assert caught.value.code == code
    assert caught.value.partial == "so far"
    if kind is errors.Unavailable:
        assert caught.value.kind == "stream_error"


def test_several_choices() -> None:
    """With n=2 the stream is over when both choices are, and each is put together alone."""

    def piece(index: int, content: str | None, finish: str | None = None) -> Json:
        return {
            "choices": [{"index": index, "delta": {"content": content} if content else {}, "finish_reason": finish}]
        }

    reader, assembly = ChunkReader(), Assembly()
    for item in (piece(0, "a"), piece(1, "x"), piece(0, "b"), piece(1, None, "stop")):
        chunk = reader.read(item)
        assert chunk is not None
        assembly.add(chunk)
    finished = [reader.finished]
    with pytest.raises(errors.StreamCut):
        reader.end()
    last = reader.read(piece(0, None, "stop"))
    assert last is not None
    assembly.add(last)
    assert [*finished, reader.finished] == [False, True]
    reader.end()
    assert [choice.message.content for choice in assembly.end().choices] == ["ab", "x"]


def test_model_name_is_kept() -> None:
    """CQ-69: the name that came back is on chunks and Reply."""
    events = [text("a") | {"model": "other-name"}, STOP | {"model": "other-name"}]
    assert {chunk.model for chunk in read(*events)} == {"other-name"}
    assert put_together(*events).model == "other-name"


def test_typical_chunks_are_not_copied() -> None:
    """A canonical chunk is the decoded object itself: nothing is copied on the way."""
    for sent in (text("a"), event({"role": "assistant", "content": "a"}), event({"reasoning_content": "a"})):
        chunk = ChunkReader().read(sent)
        assert chunk is not None
        assert chunk.data is sent
