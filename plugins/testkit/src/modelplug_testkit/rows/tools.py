"""Rows about tool calls, in all the shapes in which they arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelplug_testkit.rows.row import STREAM, WHOLE, Answered, Row, case
from modelplug_testkit.upstream import Script
from modelplug_testkit.wire import DONE, answer, chunk, completion, frame, stream

TOOLS: Sequence[Mapping[str, Any]] = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("f", "g")
]
PARAMS: Mapping[str, Any] = {"tools": TOOLS}


def called(*deltas: list[dict[str, Any]], finish: str = "tool_calls") -> Script:
    """A stream of deltas of tool calls."""
    return stream(*(frame(chunk({"tool_calls": delta})) for delta in deltas), frame(chunk(finish=finish)), DONE)


def whole(*calls: dict[str, Any], finish: str = "tool_calls") -> bytes:
    """A whole answer with these calls."""
    message = {"role": "assistant", "content": None, "tool_calls": list(calls)}
    return answer({**completion(), "choices": [{"index": 0, "message": message, "finish_reason": finish}]})


def delta(arguments: Any = None, name: str | None = None, **more: Any) -> dict[str, Any]:
    """One delta of a call; what is None is left out."""
    function = {k: v for k, v in (("name", name), ("arguments", arguments)) if v is not None}
    return {"function": function, **more}


def asks(*calls: tuple[str, str, bool], finish: str = "tool_calls") -> Answered:
    """What the host sees: these calls."""
    return Answered(text=None, tools=calls, finish=finish)


F = ("f", '{"a":1}', True)
G = ("g", '{"b":2}', True)
FIRST = delta("", "f", index=0, id="c1", type="function")

TOOL_ROWS = (
    Row(
        id="CQ-52",
        what="one call without an index",
        cases=(
            case(
                called([delta('{"a"', "f", id="c1")], [delta(":1}")]),
                asks(F),
                ways=STREAM,
                params=PARAMS,
                claim="tools",
            ),
        ),
    ),
    Row(
        id="CQ-53",
        what="two calls without an index",
        cases=(
            case(
                called([delta('{"a":1}', "f", id="c1")], [delta('{"b":2}', "g", id="c2")]),
                asks(F, G),
                ways=STREAM,
                params=PARAMS,
                claim="tools",
            ),
        ),
    ),
    Row(
        id="CQ-54",
        what="further deltas with an empty id and name",
        cases=(
            case(
                called(
                    [FIRST],
                    [delta('{"a"', "", index=0, id="")],
                    [{"index": 0, "id": None, "function": {"name": None, "arguments": ":1}"}}],
                ),
                asks(F),
                ways=STREAM,
                params=PARAMS,
                claim="tools",
            ),
        ),
    ),
    Row(
        id="CQ-55",
        what="no id at all",
        cases=(
            case(called([delta('{"a":1}', "f", index=0)]), asks(F), ways=STREAM, params=PARAMS, claim="tools"),
            case(
                whole({"type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}),
                asks(F),
                ways=WHOLE,
                params=PARAMS,
                claim="tools",
            ),
        ),
    ),
    Row(
        id="CQ-56",
        what="no arguments: empty or null",
        cases=(
            case(called([FIRST]), asks(("f", "{}", True)), "empty", ways=STREAM, params=PARAMS, claim="tools"),
            case(
                whole({"id": "c1", "type": "function", "function": {"name": "f", "arguments": None}}),
                asks(("f", "{}", True)),
                "null",
                ways=WHOLE,
                params=PARAMS,
                claim="tools",
            ),
        ),
    ),
    Row(
        id="CQ-57",
        what="arguments as an object",
        cases=(
            case(
                called([delta({"a": 1}, "f", index=0, id="c1")]),
                asks(("f", '{"a": 1}', True)),
                ways=STREAM,
                params=PARAMS,
                claim="tools",
            ),
            case(
                whole({"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}),
                asks(("f", '{"a": 1}', True)),
                ways=WHOLE,
                params=PARAMS,
                claim="tools",
            ),
        ),
    ),
    Row(
        id="CQ-58",
        what="`stop` with calls, `tool_calls` without",
        cases=(
            case(
                called([delta('{"a":1}', "f", index=0, id="c1")], finish="stop"),
                asks(F),
                "stop",
                ways=STREAM,
                params=PARAMS,
                claim="tools",
            ),
            case(answer(completion("hello", finish="tool_calls")), Answered(tools=()), "none", ways=WHOLE),
        ),
    ),
    Row(
        id="CQ-59",
        what="`length` within the arguments",
        cases=(
            case(
                called([delta('{"a": "hal', "f", index=0, id="c1")], finish="length"),
                asks(("f", '{"a": "hal', False), finish="length"),
                ways=STREAM,
                params=PARAMS,
                claim="tools",
            ),
        ),
    ),
    Row(
        id="CQ-60",
        what="the old function_call",
        cases=(
            case(
                stream(
                    frame(chunk({"function_call": {"name": "f", "arguments": '{"a"'}})),
                    frame(chunk({"function_call": {"arguments": ":1}"}})),
                    frame(chunk(finish="function_call")),
                    DONE,
                ),
                asks(F),
                ways=STREAM,
                params=PARAMS,
                claim="tools",
            ),
        ),
    ),
    Row(
        id="F-41",
        what="calls interleaved by index",
        cases=(
            case(
                called(
                    [delta("", "f", index=0, id="c1"), delta("", "g", index=1, id="c2")],
                    [delta('{"b"', index=1)],
                    [delta('{"a"', index=0)],
                    [delta(":2}", index=1), delta(":1}", index=0)],
                ),
                asks(F, G),
                ways=STREAM,
                params=PARAMS,
                claim="tools",
            ),
        ),
    ),
)
