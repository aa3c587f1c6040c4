"""Rows about errors: statuses, bodies in every dialect, and when to try again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from email.utils import formatdate
from typing import Any

from modelplug_testkit.rows.row import STREAM, WHOLE, Answered, Case, Failed, Row, case
from modelplug_testkit.upstream import Received, Script
from modelplug_testkit.wire import DONE, FINISH, HELLO, answer, completion, frame, stream

PAGE = (
    b"<!doctype html><html><head><title>502</title></head><body><h1>Bad gateway</h1> 10.1.2.3</body></html>" + b" " * 99
)
QUOTA = Failed(error="QuotaExhausted", kinds=("quota",), retryable=False)
NOT_FOUND = Failed(error="ModelNotFound", kinds=("not_found",), retryable=False)
SOON: Sequence[tuple[str, str]] = [("retry-after-ms", "20")]


def said(status: int, error: Any, **headers: str) -> bytes:
    """An error in OpenAI's shape; a text or a whole body is sent as it is."""
    body = {"error": error} if isinstance(error, dict) and "body" not in error else error
    if isinstance(error, dict) and "body" in error:
        body = error["body"]
    return answer(body, status=status, headers=[(name.replace("_", "-"), value) for name, value in headers.items()])


def by_status(status: int, error: str, kind: str, **more: Any) -> Case:
    """A case of one plain status."""
    sent = said(status, {"message": "as it is"})
    return case(sent, Failed(error=error, kinds=(kind,), status=status, **more), str(status))


def context(name: str, body: Any, status: int = 400, window: int | None = None, prompt: int | None = None) -> Case:
    """A case of one dialect of "the context is too long"."""
    expected = Failed(error="ContextTooLong", kinds=("context",), context_window=window, prompt_tokens=prompt)
    return case(answer(body, status=status), expected, name, ways=WHOLE)


def wait(name: str, headers: list[tuple[str, str]], seconds: float | None, text: str = "slow down") -> Case:
    """A case of one way to say how long to wait; None where it is not to be believed."""
    sent = answer({"error": {"message": text}}, status=429, headers=headers)
    return case(sent, Failed(error="RateLimited", kinds=("rate_limit",), retry_after=seconds), name, ways=WHOLE)


def in_ten_seconds(_: Received) -> Script:
    """429 with a date ten seconds from when it is sent."""
    date = formatdate(time.time() + 10.5, usegmt=True)
    return [answer({"error": {"message": "slow"}}, status=429, headers=[("retry-after", date)])]


def echo(received: Received) -> Script:
    """A 401 that repeats the key."""
    return [answer({"error": {"message": f"Incorrect API key: {received.headers.get('authorization')}"}}, status=401)]


ERRORS = (
    Row(
        id="CQ-26",
        what="status 200 with an error and its code",
        cases=(
            case(
                answer({"error": {"message": "bad gateway", "code": 502}}),
                Failed(error="Unavailable", kinds=("upstream", "upstream_200"), retryable=True),
                ways=WHOLE,
            ),
        ),
    ),
    Row(
        id="CQ-27",
        what="status 200 with a code of its own and no data",
        cases=(
            case(
                answer({"code": 50508, "message": "busy", "data": None}),
                Failed(error="Unavailable", kinds=("upstream", "upstream_200"), retryable=True, words="busy"),
                ways=WHOLE,
            ),
        ),
    ),
    Row(
        id="CQ-28",
        what="status 200 with nothing but zeroes",
        cases=(
            case(
                answer({"id": "", "choices": None, "usage": None}),
                Failed(error="BadReply", kinds=("empty", "protocol", "decode")),
                ways=WHOLE,
            ),
        ),
    ),
    Row(
        id="CQ-30",
        what="a page of a proxy for a status 502, 520 or 524",
        cases=tuple(
            case(
                answer(body, status=status, headers=[("content-type", "text/html")]),
                Failed(
                    error="Unavailable", kinds=("upstream",), status=status, retryable=True, hidden=("<", "10.1.2.3")
                ),
                str(status),
            )
            for status, body in ((502, PAGE), (520, PAGE), (524, b"error code: 524"))
        ),
    ),
    Row(
        id="CQ-31",
        what="402 Insufficient balance",
        cases=(case(said(402, {"body": {"error": "Insufficient balance"}}), QUOTA),),
    ),
    Row(
        id="CQ-32",
        what="`detail` as a text, or as FastAPI's list",
        cases=(
            case(
                said(404, {"body": {"detail": "no such thing"}}),
                Failed(error="ModelNotFound", kinds=("not_found",), words="no such thing"),
                "text",
            ),
            case(
                said(422, {"body": {"detail": [{"loc": ["body", "n"], "msg": "too many"}]}}),
                Failed(error="BadRequest", kinds=("client", "parameter"), words="too many"),
                "list",
            ),
        ),
    ),
    Row(
        id="CQ-33",
        what="vLLM's flat error",
        cases=(
            case(
                said(400, {"body": {"object": "error", "message": "bad wish", "type": "BadRequestError", "code": 400}}),
                Failed(error="BadRequest", kinds=("client",), words="bad wish"),
            ),
        ),
    ),
    Row(
        id="CQ-34",
        what="the message under another name",
        cases=tuple(
            case(
                answer(body, status=400), Failed(error="BadRequest", kinds=("client",), words="bad wish"), name, ways=WHOLE
            )
            for name, body in (
                ("msg", {"msg": "bad wish"}),
                ("err", {"err": "bad wish"}),
                ("error_msg", {"error_msg": "bad wish"}),
                ("header", {"header": {"message": "bad wish"}}),
                ("response", {"response": {"error": {"message": "bad wish"}}}),
            )
        ),
    ),
    Row(
        id="CQ-35",
        what="the context is too long, in every dialect",
        cases=(
            context("code", {"error": {"message": "too long", "code": "context_length_exceeded"}}),
            context(
                "OpenAI",
                {"error": {"message": "This model's maximum context length is 4096 tokens. However, your messages "
                                      "resulted in 5000 tokens.", "code": "context_length_exceeded"}},
                window=4096,
                prompt=5000,
            ),
            context(
                "vLLM",
                {"object": "error", "message": "This model's maximum context length is 4096 tokens. However, you "
                                               "requested 5000 tokens.", "code": 400},
                window=4096,
            ),
            context(
                "vLLM 0.16",
                {"error": {"message": "You passed 5000 input tokens and requested 10 output tokens. However, the "
                                      "model's context length is only 4096 tokens"}},
                window=4096,
                prompt=5000,
            ),
            context(
                "sglang",
                {"message": "The input (5000 tokens) is longer than the model's context length (4096 tokens)."},
                window=4096,
                prompt=5000,
            ),
            context(
                "llama.cpp",
                {"error": {"code": 400, "message": "request exceeds", "type": "exceed_context_size_error",
                           "n_prompt_tokens": 5000, "n_ctx": 4096}},
                window=4096,
                prompt=5000,
            ),
            context(
                "Mistral",
                {"message": "Prompt contains 5000 tokens, too large for model with 4096 maximum context length"},
                window=4096,
                prompt=5000,
            ),
            context(
                "Anthropic",
                {"error": {"type": "invalid_request_error", "message": "prompt is too long: 5000 tokens > 4096 maximum"}},
                window=4096,
                prompt=5000,
            ),
            context("Perplexity", {"error": {"message": "The length of all messages is too long"}}),
            context("combined", {"error": {"message": "combined input and output tokens exceed the limit"}}),
        ),
    ),
    Row(
        id="CQ-36",
        what="the same with status 500 or 200",
        cases=(
            context("500", {"error": {"message": "the request exceeds the available context size"}}, 500),
            context("200", {"error": {"message": "x", "code": "context_length_exceeded"}}, 200),
        ),
    ),
    Row(
        id="CQ-37",
        what="how long to wait: milliseconds, seconds, a date, in words",
        cases=(
            wait("ms", [("retry-after-ms", "150")], 0.15),
            wait("seconds", [("retry-after", "2")], 2.0),
            wait("bad ms, good seconds", [("retry-after-ms", "x"), ("retry-after", "2")], 2.0),
            wait("words", [], 5.289, "Please try again in 5.289s."),
            wait("words with minutes", [], 102.6, "Please try again in 1m42.6s."),
            case(in_ten_seconds, Failed(error="RateLimited", kinds=("rate_limit",), retry_after=10.0), "date", ways=WHOLE),
        ),
    ),
    Row(
        id="CQ-38",
        what="429 insufficient_quota is not tried again",
        cases=(
            case(said(429, {"message": "quota", "code": "insufficient_quota"}), QUOTA, tries=3, requests=1),
        ),
    ),
    Row(
        id="CQ-39",
        what="one-api's 403 for a used up quota",
        cases=tuple(
            case(said(403, {"message": "x", "type": "one_api_error", "code": code}), QUOTA, code, ways=WHOLE)
            for code in ("insufficient_user_quota", "pre_consume_token_quota_failed")
        ),
    ),
    Row(
        id="CQ-40",
        what="503 for an unknown model, and the masked 503",
        cases=(
            case(said(503, {"message": "No available channel for model x under group default"}), NOT_FOUND, "channel"),
            case(
                said(503, {"message": "Something wrong, please try again later"}),
                Failed(error="Unavailable", kinds=("upstream",), words="wire name"),
                "masked",
            ),
        ),
    ),
    Row(
        id="CQ-41",
        what="529 overloaded",
        cases=(
            case(
                said(529, {"type": "overloaded_error", "message": "Overloaded"}),
                Failed(error="Unavailable", kinds=("upstream",), status=529, retryable=True),
            ),
        ),
    ),
    Row(
        id="CQ-42",
        what="a 401 that repeats the key",
        cases=(case(echo, Failed(error="AuthFailed", kinds=("auth",), retryable=False)),),
    ),
    Row(
        id="CQ-43",
        what="400 Unsupported parameter",
        cases=(
            case(
                said(400, {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                                      "'max_completion_tokens' instead.", "code": "unsupported_parameter",
                           "param": "max_tokens"}),
                Failed(error="UnsupportedParameter", kinds=("parameter",), param="max_tokens"),
            ),
        ),
    ),
    Row(
        id="CQ-44",
        what="422 extra_forbidden",
        cases=(
            case(
                said(422, {"body": {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"],
                                                "msg": "Extra inputs are not permitted"}]}}),
                Failed(error="UnsupportedParameter", kinds=("parameter",), param="stream_options"),
            ),
        ),
    ),
    Row(
        id="F-15",
        what="400, 413, 422",
        cases=tuple(by_status(status, "BadRequest", "client", words="as it is") for status in (400, 413, 422)),
    ),
    Row(id="F-16", what="400 context length: as CQ-35", elsewhere="CQ-35"),
    Row(
        id="F-17",
        what="401 and 403",
        cases=tuple(by_status(status, "AuthFailed", "auth", retryable=False) for status in (401, 403)),
    ),
    Row(id="F-18", what="402, 429 insufficient_quota: as CQ-31 and CQ-38", elsewhere="CQ-31"),
    Row(id="F-19", what="404", cases=(by_status(404, "ModelNotFound", "not_found", retryable=False),)),
    Row(
        id="F-20",
        what="408, 409, 500, 502, 503, 504, 529, and then well",
        cases=(
            *(
                by_status(status, "Unavailable", "upstream", retryable=True)
                for status in (408, 409, 500, 502, 503, 504, 529)
            ),
            Case(
                plays=(answer({"error": {"message": "x"}}, status=503, headers=SOON), answer(completion("hello"))),
                expect=Answered(attempts=2),
                name="tried again",
                ways=WHOLE,
                tries=3,
                requests=2,
            ),
            Case(
                plays=(
                    answer({"error": {"message": "x"}}, status=503, headers=SOON),
                    stream(HELLO, FINISH, DONE),
                ),
                expect=Answered(attempts=2),
                name="tried again",
                ways=STREAM,
                tries=3,
                requests=2,
            ),
            case(
                answer({"error": {"message": "x"}}, status=503, headers=SOON),
                Failed(error="Unavailable", kinds=("upstream",), attempts=3),
                "three tries",
                tries=3,
                requests=3,
            ),
        ),
    ),
    Row(
        id="F-21",
        what="429 with a wait: just so long",
        cases=(
            Case(
                plays=(
                    answer({"error": {"message": "x"}}, status=429, headers=[("retry-after-ms", "150")]),
                    answer(completion("hello")),
                ),
                expect=Answered(attempts=2),
                ways=WHOLE,
                tries=3,
                requests=2,
            ),
        ),
    ),
    Row(
        id="F-22",
        what="429 with a wait beyond the deadline",
        cases=(
            case(
                answer({"error": {"message": "x"}}, status=429, headers=[("retry-after", "60")]),
                Failed(error="RateLimited", kinds=("rate_limit",), retry_after=60.0),
                tries=3,
                requests=1,
                within=1.5,
            ),
        ),
    ),
    Row(
        id="F-23",
        what="a wait that is negative, no number, or garbage",
        cases=tuple(wait(value, [("retry-after", value)], None) for value in ("-5", "nan", "inf", "garbage")),
    ),
    Row(
        id="F-24",
        what="x-should-retry",
        cases=(
            case(
                answer({"error": {"message": "x"}}, status=503, headers=[*SOON, ("x-should-retry", "false")]),
                Failed(error="Unavailable", kinds=("upstream",)),
                "false",
                ways=WHOLE,
                tries=3,
                requests=1,
            ),
            Case(
                plays=(
                    answer({"error": {"message": "x"}}, status=404, headers=[*SOON, ("x-should-retry", "true")]),
                    answer(completion("hello")),
                ),
                expect=Answered(attempts=2),
                name="true",
                ways=WHOLE,
                tries=3,
                requests=2,
            ),
        ),
    ),
    Row(
        id="F-26",
        what="status 200 with an error and a code in words",
        cases=(
            case(
                answer({"error": {"message": "x", "code": "upstream_error"}}),
                Failed(error="Unavailable", kinds=("upstream", "upstream_200", "stream_error")),
            ),
            case(
                stream(HELLO, frame({"error": {"message": "x", "code": "rate_limit_exceeded"}})),
                Failed(error="RateLimited", kinds=("rate_limit",), partial="hello"),
                "event",
                ways=STREAM,
            ),
        ),
    ),
)  # fmt: skip
