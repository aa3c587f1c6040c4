"""Rows about the tokens that were used, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelplug_testkit.rows.row import STREAM, WHOLE, Answered, Case, Failed, Row, case
from modelplug_testkit.wire import DONE, FINISH, HELLO, USAGE, answer, chunk, completion, frame, stream

ABSENT = Answered(source="absent", tokens=(None, None))


def sent(name: str, usage: Any, expect: Answered) -> tuple[Case, ...]:
    """One usage object, in a whole answer and in a stream."""
    tail = frame({**chunk(), "choices": [], "usage": usage})
    return (
        case(answer({**completion("hello"), "usage": usage}), expect, name, ways=WHOLE),
        case(stream(HELLO, FINISH, tail, DONE), expect, name, ways=STREAM),
    )


ROUGH: Mapping[str, Any] = {"prompt_tokens": "3", "completion_tokens": 2.0, "total_tokens": "5"}
NAN = answer(b'{"choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],'
             b'"usage":{"prompt_tokens":1e30,"completion_tokens":2,"total_tokens":5}}')  # fmt: skip
FULL: Mapping[str, Any] = {
    "prompt_tokens": 30,
    "completion_tokens": 2,
    "total_tokens": 32,
    "prompt_tokens_details": {"cached_tokens": 20},
    "cost": 0.1,
}

USAGE_ROWS = (
    Row(
        id="CQ-48",
        what="usage absent, null, `{}`, or a total alone",
        cases=(
            *sent("null", None, ABSENT),
            *sent("empty", {}, ABSENT),
            *sent("total", {"total_tokens": 5}, ABSENT),
            case(stream(HELLO, FINISH, DONE), ABSENT, "absent", ways=STREAM),
        ),
    ),
    Row(
        id="CQ-49",
        what="usage on the finish chunk, or after it",
        cases=(
            case(stream(HELLO, FINISH, USAGE, DONE), Answered(source="reported", tokens=(3, 2)), "after", ways=STREAM),
            case(
                stream(
                    HELLO,
                    frame({**chunk(finish="stop"), "usage": {"prompt_tokens": 3, "completion_tokens": 2}}),
                    DONE,
                ),
                Answered(source="reported", tokens=(3, 2)),
                "with",
                ways=STREAM,
            ),
        ),
    ),
    Row(
        id="CQ-50",
        what="usage in texts and floats; negative; beyond reason",
        cases=(
            *sent("texts", ROUGH, Answered(source="reported", tokens=(3, 2))),
            *sent("negative", {"prompt_tokens": -3, "completion_tokens": 2}, ABSENT),
        ),
    ),
    Row(
        id="CQ-51",
        what="further fields of usage: cached tokens, cost",
        cases=(
            *sent("OpenAI", FULL, Answered(source="reported", tokens=(30, 2), cached=20)),
            *sent(
                "DeepSeek",
                {"prompt_tokens": 30, "completion_tokens": 2, "prompt_cache_hit_tokens": 20},
                Answered(source="reported", tokens=(30, 2), cached=20),
            ),
        ),
    ),
    Row(
        id="CQ-68",
        what="an empty answer: prompt tokens are counted all the same",
        cases=(
            case(
                answer({**completion(""), "usage": {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}}),
                Failed(error="EmptyReply", kinds=("empty",), tokens=(3, 0)),
                ways=WHOLE,
            ),
        ),
    ),
    Row(
        id="CQ-69",
        what="another model answers",
        cases=(
            case(answer(completion("hello")), Answered(model="m-2"), ways=WHOLE),
            case(stream(HELLO, FINISH, USAGE, DONE), Answered(model="m-2"), ways=STREAM),
        ),
    ),
    Row(id="F-31", what="usage missing or null: as CQ-48", elsewhere="CQ-48"),
    Row(id="F-32", what="usage of 1e30 tokens", cases=(case(NAN, ABSENT, ways=WHOLE),)),
)
