"""Whole answers as servers really send them: each row is a quirk of the list, by its id."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from modelplug import errors
from modelplug.reading import read_embeddings, read_reply

Json = dict[str, Any]
USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


def answer(message: Any, finish: Any = "stop", **more: Any) -> Json:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **more}


def with_calls(*items: Any, finish: str = "tool_calls") -> Json:
    return answer({"role": "assistant", "content": None, "tool_calls": list(items)}, finish)


def test_an_ordinary_answer() -> None:
    """A Reply reads like OpenAI's object and has the short names beside."""
    reply = read_reply(answer({"role": "assistant", "content": "hi"}, usage=USAGE))
    assert reply.choices[0].message.content == reply.text == "hi"
    assert (reply.finish_reason, reply.model, reply.id) == ("stop", "m", "c1")
    assert (reply.usage.prompt_tokens, reply.usage.source) == (9, "reported")
    assert (reply.tool_calls, reply.reasoning, reply.call) == ((), "", None)


@pytest.mark.parametrize(
    ("quirk", "sent", "text", "reasoning"),
    [
        ("CQ-61", answer({"content": "a", "reasoning": "r", "reasoning_content": "r"}), "a", "r"),
        (
            "CQ-63",
            answer({"content": [{"type": "thinking", "thinking": "r"}, {"type": "text", "text": "a"}]}),
            "a",
            "r",
        ),
        ("CQ-64", answer({"content": None, "reasoning_content": "r"}), "", "r"),
        ("CQ-66", {"choices": [{"message": {"content": "a"}}]}, "a", ""),
        ("CQ-18 delta", {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]}, "a", ""),
        ("legacy", {"choices": [{"text": "a", "finish_reason": "stop"}]}, "a", ""),
        ("error null", answer({"content": "a"}) | {"error": None}, "a", ""),
    ],
)
def test_shapes(quirk: str, sent: Json, text: str, reasoning: str) -> None:
    """Text and reasoning are found wherever they stand."""
    reply = read_reply(sent)
    assert (reply.text, reply.reasoning) == (text, reasoning), quirk


@pytest.mark.parametrize(
    ("quirk", "items", "arguments"),
    [
        ("CQ-56 ''", [{"id": "a", "function": {"name": "f", "arguments": ""}}], ["{}"]),
        ("CQ-56 null", [{"id": "a", "function": {"name": "f", "arguments": None}}], ["{}"]),
        ("CQ-57", [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}], ['{"x": 1}']),
        ("CQ-55", [{"function": {"name": "f", "arguments": "{}"}}, {"function": {"name": "f"}}], ["{}", "{}"]),
        ("CQ-55 twice", [{"id": "a", "function": {"name": "f"}}, {"id": "a", "function": {"name": "f"}}], ["{}", "{}"]),
    ],
)
def test_tool_calls(quirk: str, items: list[Json], arguments: list[str]) -> None:
    """Each item is one call with a unique id and JSON text as arguments."""
    reply = read_reply(with_calls(*items))
    assert [call.arguments for call in reply.tool_calls] == arguments, quirk
    assert all(call.complete and call.id for call in reply.tool_calls)
    assert len({call.id for call in reply.tool_calls}) == len(items)


def test_function_call() -> None:
    """CQ-60: a legacy function call is a tool call."""
    reply = read_reply(answer({"content": None, "function_call": {"name": "f", "arguments": "{}"}}, "function_call"))
    assert [(call.name, call.complete) for call in reply.tool_calls] == [("f", True)]
    assert reply.finish_reason == "tool_calls"
    assert reply.choices[0].message.function_call is None


def test_stop_with_tool_calls() -> None:
    """CQ-58: judged by content."""
    assert read_reply(with_calls({"id": "a", "function": {"name": "f"}}, finish="stop")).finish_reason == "tool_calls"
    assert read_reply(answer({"content": "a"}, "tool_calls")).finish_reason == "stop"


def test_cut_arguments() -> None:
    """CQ-59: half of a JSON object is not to be executed."""
    reply = read_reply(with_calls({"id": "a", "function": {"name": "f", "arguments": '{"x'}}, finish="length"))
    assert [(call.arguments, call.complete) for call in reply.tool_calls] == [('{"x', False)]


def test_refusal() -> None:
    """A refusal is an answer."""
    assert read_reply(answer({"content": None, "refusal": "I may not."})).refusal == "I may not."


@pytest.mark.parametrize(
    ("quirk", "sent", "kind", "status"),
    [
        ("CQ-26", {"error": {"message": "bad gateway", "code": 502}}, errors.Unavailable, 502),
        ("CQ-26 with choices", {"choices": None, "error": {"message": "slow", "code": "429"}}, errors.RateLimited, 429),
        ("CQ-26 word", {"error": {"message": "no", "code": "invalid_api_key"}}, errors.AuthFailed, None),
        ("CQ-27", {"code": 50508, "message": "busy", "data": None}, errors.Unavailable, None),
        ("CQ-28", {"id": "", "choices": None, "usage": None}, errors.EmptyReply, None),
        ("CQ-28 zeroed", {"id": "", "object": "", "created": 0, "model": "", "choices": []}, errors.EmptyReply, None),
        ("CQ-28 empty", {}, errors.EmptyReply, None),
        ("CQ-33", {"object": "error", "message": "x", "type": "BadRequestError", "code": 400}, errors.BadRequest, 400),
        ("CQ-34", {"header": {"code": 10013, "message": "x"}}, errors.Unavailable, None),
        ("CQ-34 response", {"response": {"error": {"message": "x", "code": 401}}}, errors.AuthFailed, 401),
        ("CQ-36", {"error": {"message": "exceeds the available context size"}}, errors.ContextTooLong, None),
        ("CQ-68", answer({"role": "assistant", "content": ""}), errors.EmptyReply, None),
        ("CQ-68 null", answer(None), errors.EmptyReply, None),
        ("CQ-21", answer({"content": "half"}, "error"), errors.Unavailable, None),
        ("faults 27 null", None, errors.BadReply, None),
        ("faults 27 list", [], errors.BadReply, None),
        ("faults 27 text", "<html>login</html>", errors.BadReply, None),
        ("success false", {"success": False, "msg": "no"}, errors.Unavailable, None),
    ],
)
def test_no_success(quirk: str, sent: Any, kind: type[errors.CallFailed], status: int | None) -> None:
    """What is no answer raises as its kind, whatever the HTTP status said."""
    with pytest.raises(errors.CallFailed) as caught:
        read_reply(sent)
    assert (type(caught.value), caught.value.status) == (kind, status), quirk
    assert "<" not in caught.value.message


def test_empty_answer_carries_usage() -> None:
    """CQ-68: an empty answer is billed too."""
    with pytest.raises(errors.EmptyReply) as caught:
        read_reply(answer({"content": ""}, usage={"prompt_tokens": 9, "completion_tokens": 0}))
    assert caught.value.retryable
    assert caught.value.usage is not None
    assert caught.value.usage.prompt_tokens == 9


def test_embeddings() -> None:
    """Vectors come in the order of the inputs, from lists of numbers or packed."""
    packed = base64.b64encode(struct.pack("<2f", 0.5, 2)).decode()
    sent = {"model": "e", "data": [{"index": 1, "embedding": packed}, {"index": 0, "embedding": [1, 0.25]}]}
    embeddings = read_embeddings(sent | {"usage": {"prompt_tokens": 4, "total_tokens": 4}})
    assert embeddings.vectors == [[1, 0.25], [0.5, 2.0]]
    assert (embeddings.usage.prompt_tokens, embeddings.model) == (4, "e")
    assert embeddings["data"][0].embedding == [1, 0.25]


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ({"data": []}, errors.EmptyReply),
        ({"data": None, "error": {"message": "x", "code": 429}}, errors.RateLimited),
        ({"data": [{"embedding": ["x"]}]}, errors.BadReply),
        ({"data": [{"embedding": "!not base64!"}]}, errors.BadReply),
        ({"data": [1]}, errors.BadReply),
        (None, errors.BadReply),
    ],
)
def test_no_embeddings(sent: Any, kind: type[errors.CallFailed]) -> None:
    """What holds no vectors raises."""
    with pytest.raises(errors.CallFailed) as caught:
        read_embeddings(sent)
    assert type(caught.value) is kind
