"""Rows about reasoning, content in parts, and odd finish reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelplug_testkit.rows.row import STREAM, WHOLE, Answered, Row, case
from modelplug_testkit.wire import DONE, FINISH, HELLO, answer, chunk, completion, frame, stream

PARTS: Sequence[Mapping[str, Any]] = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
    {"type": "text", "text": "hello"},
    {"type": "reference", "reference_ids": [1]},
]


def message(**fields: object) -> bytes:
    """A whole answer with these fields of the message."""
    body = {"role": "assistant", **fields}
    return answer({**completion(), "choices": [{"index": 0, "message": body, "finish_reason": "stop"}]})


REASONING = (
    Row(
        id="CQ-61",
        what="reasoning under either name, or both",
        cases=tuple(
            case(
                stream(frame(chunk(dict.fromkeys(names, "hm"))), HELLO, FINISH, DONE),
                Answered(reasoning="hm"),
                "+".join(names),
                ways=STREAM,
            )
            for names in (("reasoning",), ("reasoning_content",), ("reasoning", "reasoning_content"))
        ),
    ),
    Row(id="CQ-62", what="`<think>` within the text: split where the host asks for it",
        elsewhere="core/tests/test_thinking.py"),
    Row(
        id="CQ-63",
        what="content in parts",
        cases=(
            case(message(content=PARTS), Answered(reasoning="hm"), ways=WHOLE),
            case(stream(frame(chunk({"content": PARTS})), FINISH, DONE), Answered(reasoning="hm"), ways=STREAM),
        ),
    ),
    Row(
        id="CQ-64",
        what="an answer that is only reasoning",
        cases=(
            case(message(content=None, reasoning_content="42"), Answered(text="", reasoning="42"), ways=WHOLE),
            case(
                stream(frame(chunk({"content": None, "reasoning_content": "42"})), FINISH, DONE),
                Answered(text="", reasoning="42"),
                ways=STREAM,
            ),
        ),
    ),
    Row(
        id="CQ-65",
        what="an empty finish reason on each chunk; an unknown one",
        cases=(
            case(
                stream(
                    frame(chunk({"content": "hel"}, finish="")),
                    frame(chunk({"content": "lo"}, finish="")),
                    frame(chunk(finish="stop")),
                    DONE,
                ),
                Answered(),
                "empty",
                ways=STREAM,
            ),
            case(answer(completion("hello", finish="eos")), Answered(finish="other"), "eos", ways=WHOLE),
            case(stream(HELLO, frame(chunk(finish="eos")), DONE), Answered(finish="other"), "eos", ways=STREAM),
        ),
    ),
)  # fmt: skip
