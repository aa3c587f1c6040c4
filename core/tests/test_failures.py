"""What a provider's refusal becomes: each row is a quirk or a fault of the lists, by its id."""

# ruff: noqa: E501  # bodies stand here as they are sent, one to a line

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from modelplug import errors
from modelplug.failures import failure_from_response, parse_retry_after

Failure = type[errors.CallFailed]


def openai(message: str, **more: Any) -> bytes:
    return json.dumps({"error": {"message": message, **more}}).encode()


def flat(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (301, errors.Unreachable, False),
        (307, errors.Unreachable, False),
        (400, errors.BadRequest, False),
        (401, errors.AuthFailed, False),
        (402, errors.QuotaExhausted, False),
        (403, errors.AuthFailed, False),
        (404, errors.ModelNotFound, False),
        (405, errors.BadRequest, False),
        (408, errors.Unavailable, True),
        (409, errors.Unavailable, True),
        (413, errors.BadRequest, False),
        (422, errors.BadRequest, False),
        (429, errors.RateLimited, True),
        (500, errors.Unavailable, True),
        (502, errors.Unavailable, True),
        (503, errors.Unavailable, True),
        (504, errors.Unavailable, True),
        (520, errors.Unavailable, True),
        (524, errors.Unavailable, True),
        (529, errors.Unavailable, True),
    ],
)
@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"[]", b"no words", openai("no words"), b"<html>no</html>"])
def test_status(status: int, kind: Failure, retryable: bool, body: bytes) -> None:
    """Where the body says nothing of its own, the status decides (faults 15 to 21)."""
    failure = failure_from_response(status, {}, body)
    assert type(failure) is kind
    assert (failure.status, failure.retryable) == (status, retryable)
    assert failure.message


@pytest.mark.parametrize(
    ("quirk", "status", "body", "kind", "code"),
    [
        ("CQ-31", 402, flat(error="Insufficient balance"), errors.QuotaExhausted, None),
        ("CQ-31 as 400", 400, openai("Your credit balance is too low to access the API"), errors.QuotaExhausted, None),
        ("CQ-38", 429, openai("You exceeded", type="insufficient_quota", code="insufficient_quota"), errors.QuotaExhausted, "insufficient_quota"),
        ("CQ-39", 403, openai("no", type="one_api_error", code="insufficient_user_quota"), errors.QuotaExhausted, "insufficient_user_quota"),
        ("CQ-39", 403, openai("no", code="pre_consume_token_quota_failed"), errors.QuotaExhausted, "pre_consume_token_quota_failed"),
        ("one-api", 401, openai("该令牌额度已用尽", type="one_api_error"), errors.QuotaExhausted, "one_api_error"),
        ("CQ-40 one-api", 503, openai("当前分组 default 下对于模型 m 无可用渠道 (request id: 1)", type="one_api_error"), errors.ModelNotFound, "one_api_error"),
        ("CQ-40 new-api", 503, openai("No available channel for model m under group default", code="model_not_found"), errors.ModelNotFound, "model_not_found"),
        ("CQ-40 masked", 503, openai("Something wrong, please try again. If you need support, please contact admin"), errors.Unavailable, "masked"),
        ("CQ-41", 529, flat(type="error", error={"type": "overloaded_error", "message": "Overloaded"}), errors.Unavailable, "overloaded_error"),
        ("CQ-43", 400, openai("Unsupported parameter: 'max_tokens'", code="unsupported_parameter", param="max_tokens"), errors.UnsupportedParameter, "unsupported_parameter"),
        ("content", 400, openai("filtered", code="content_filter"), errors.ContentRefused, "content_filter"),
        ("content", 400, openai("no", code="data_inspection_failed"), errors.ContentRefused, "data_inspection_failed"),
        ("CQ-45", 403, b"<!DOCTYPE html><html><title>Attention Required</title></html>", errors.AuthFailed, "firewall"),
        ("not found", 400, openai("no such model", code="model_not_found"), errors.ModelNotFound, "model_not_found"),
        ("not found", 404, flat(detail="Not Found"), errors.ModelNotFound, None),
    ],
)  # fmt: skip
def test_dialects(quirk: str, status: int, body: bytes, kind: Failure, code: str | None) -> None:
    """Code and type say more than the status, and a known dialect more than nothing."""
    failure = failure_from_response(status, {}, body)
    assert (type(failure), failure.code, failure.status) == (kind, code, status), quirk
    assert failure.retryable == (kind is errors.Unavailable)


@pytest.mark.parametrize(
    ("quirk", "body"),
    [
        ("OpenAI", openai("the words")),
        ("CQ-23", flat(error="the words")),
        ("CQ-32", flat(detail="the words")),
        ("CQ-32 list", flat(detail=[{"msg": "the words", "type": "x"}])),
        ("CQ-33", flat(object="error", message="the words", code=400)),
        ("CQ-34 msg", flat(msg="the words")),
        ("CQ-34 err", flat(err="the words")),
        ("CQ-34 error_msg", flat(error_msg="the words")),
        ("CQ-34 header", flat(header={"message": "the words"})),
        ("CQ-34 response", flat(response={"error": {"message": "the words"}})),
        ("errors", flat(errors=[{"message": "the words"}])),
        (
            "Gemini",
            json.dumps([{"error": {"message": "the words", "code": 400, "status": "INVALID_ARGUMENT"}}]).encode(),
        ),
        ("Mistral", flat(object="error", message={"detail": [{"msg": "the words", "loc": ["body", "x"]}]})),
        ("OpenRouter", openai("Provider returned error", metadata={"raw": '{"error":{"message":"the words"}}'})),
        ("JSON in JSON", openai(json.dumps({"error": {"message": "the words"}}))),
        ("text", b"the words"),
        ("CQ-30 HTML", b"<html><head><style>p{}</style><script>evil()</script></head><body><h1>the words</h1></body>"),
        ("bad UTF-8", b"the words \xff\xfe"),
    ],
)
def test_words(quirk: str, body: bytes) -> None:
    """The provider's words reach the message from every shape of body."""
    message = failure_from_response(400, {}, body).message
    assert "the words" in message, quirk
    assert not set(message) & set("<>{}")
    assert "evil" not in message


@pytest.mark.parametrize(
    ("dialect", "status", "body", "window", "prompt"),
    [
        ("OpenAI code", 400, openai("no", code="context_length_exceeded"), None, None),
        ("OpenAI", 400, openai("This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.", code="context_length_exceeded"), 8192, 9000),
        ("OpenAI parts", 400, openai("This model's maximum context length is 4097 tokens, however you requested 5000 tokens (4500 in your prompt; 500 for the completion)."), 4097, 4500),
        ("vLLM", 400, flat(object="error", message="This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4900 in the messages, 100 in the completion).", type="BadRequestError", code=400), 4096, 4900),
        ("vLLM 0.16", 400, openai("You passed 4090 input tokens and requested 100 output tokens. However, the model's context length is only 4096 tokens"), 4096, 4090),
        ("sglang", 400, flat(object="error", message="The input (5000 tokens) is longer than the model's context length (4096 tokens).", code=400), 4096, 5000),
        ("llama.cpp", 400, openai("the request exceeds the available context size, try increasing it", code=400, type="exceed_context_size_error", n_prompt_tokens=5000, n_ctx=4096), 4096, 5000),
        ("CQ-36 llama.cpp", 500, openai("the request exceeds the available context size. try increasing the context size or enable context shift", code=500, type="server_error"), None, None),
        ("Mistral", 400, flat(object="error", message="Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length", type="invalid_request_error"), 32768, 40000),
        ("Anthropic", 400, flat(type="error", error={"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"}), 200000, 210000),
        ("Perplexity", 400, openai("The length of all messages is too long"), None, None),
        ("combined", 400, openai("The combined input and output tokens exceed the limit"), None, None),
    ],
)  # fmt: skip
def test_context(dialect: str, status: int, body: bytes, window: int | None, prompt: int | None) -> None:
    """CQ-35, CQ-36: a request that is too long is told as such in all dialects, with the numbers where given."""
    failure = failure_from_response(status, {}, body)
    assert isinstance(failure, errors.ContextTooLong), dialect
    assert (failure.context_window, failure.prompt_tokens) == (window, prompt)
    assert not failure.retryable


@pytest.mark.parametrize(
    ("dialect", "status", "body", "param"),
    [
        ("CQ-43", 400, openai("Unsupported parameter: 'max_tokens' is not supported with this model."), "max_tokens"),
        ("OpenAI value", 400, openai("no", code="unsupported_value", param="temperature"), "temperature"),
        ("Azure", 400, openai("Unrecognized request argument supplied: foo"), "foo"),
        ("CQ-44", 422, flat(detail=[{"type": "extra_forbidden", "loc": ["body", "store"], "msg": "Extra inputs are not permitted"}]), "store"),
        ("CQ-44 Mistral", 422, flat(object="error", message={"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]}), "stream_options"),
        ("CQ-44 Anthropic", 400, openai("frequency_penalty: Extra inputs are not permitted"), "frequency_penalty"),
    ],
)  # fmt: skip
def test_parameters(dialect: str, status: int, body: bytes, param: str) -> None:
    """CQ-43, CQ-44: the parameter that is not taken is named."""
    failure = failure_from_response(status, {}, body)
    assert isinstance(failure, errors.UnsupportedParameter), dialect
    assert failure.param == param
    assert param in failure.message


def test_masked() -> None:
    """CQ-40: a masked 503 says that it says nothing of other models."""
    body = openai("Something wrong, please try again. If you need support, please contact admin")
    assert "nothing of the provider's other models" in failure_from_response(503, {}, body).message


@pytest.mark.parametrize("status", [502, 520, 524])
def test_gateway_pages(status: int) -> None:
    """CQ-30: no HTML, address, URL or path of a gateway's page is in the message, however long it is."""
    page = (
        "<!DOCTYPE html><html><head><title>Bad gateway</title></head><body><p>Your IP: 203.0.113.7</p>"
        '<p>see <a href="https://support.example.com/x">https://support.example.com/x</a></p>'
        "<pre>/usr/lib/python3/site-packages/proxy.py line 3</pre><p>2001:db8::1</p>" + "<br>filler " * 3_000
    )
    message = failure_from_response(status, {}, page.encode()).message
    assert "Bad gateway" in message
    assert len(message) <= errors.MESSAGE_LIMIT
    for leak in ("<", "203.0.113", "support.example", "://", "/usr", "2001:db8"):
        assert leak not in message


def test_bare_gateway_text() -> None:
    """CQ-30: `error code: 524` is kept."""
    assert "error code: 524" in failure_from_response(524, {}, b"error code: 524").message


@pytest.mark.parametrize(
    ("quirk", "headers", "text", "seconds"),
    [
        ("CQ-37 ms", {"retry-after-ms": "150"}, "", 0.15),
        ("CQ-37 seconds", {"Retry-After": "2"}, "", 2),
        ("CQ-37 fraction", {"retry-after": "1.5"}, "", 1.5),
        ("CQ-37 date", {"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT"}, "", 30),
        ("CQ-37 bad ms, good seconds", {"retry-after-ms": "soon", "retry-after": "3"}, "", 3),
        ("CQ-37 words", {}, "Rate limit reached. Please try again in 5.289s. Visit us.", 5.289),
        ("CQ-37 minutes", {}, "Please try again in 1m42.6s.", 102.6),
        ("CQ-37 milliseconds", {}, "Please try again in 20ms.", 0.02),
        ("hours", {}, "Please try again in 2h3m4s", 7384),
        ("Azure", {}, "Please retry after 26 seconds.", 26),
        ("a day is told", {"retry-after": "86400"}, "", 86_400),
        ("faults 23 negative", {"retry-after": "-5"}, "", None),
        ("faults 23 nan", {"retry-after": "nan"}, "", None),
        ("faults 23 inf", {"retry-after": "inf"}, "", None),
        ("faults 23 garbage", {"retry-after": "later, maybe"}, "", None),
        ("faults 23 past date", {"retry-after": "Wed, 21 Oct 2015 07:00:00 GMT"}, "", None),
        ("faults 23 year 9999999", {"retry-after": "Wed, 21 Oct 9999999 07:00:00 GMT"}, "", None),
        ("faults 23 huge", {"retry-after": "1e300"}, "try again in 9999999999999999s", None),
        ("nothing", {}, "try again later", None),
    ],
)
def test_retry_after(quirk: str, headers: dict[str, str], text: str, seconds: float | None) -> None:
    """The wait that a provider asks for, where it can be read."""
    found = parse_retry_after(headers, text, now=1_445_412_480.0)
    assert found == (None if seconds is None else pytest.approx(seconds)), quirk


def test_wait_reaches_the_error() -> None:
    """CQ-37: header or words, the seconds are on the error; a refusal that is final has none."""
    assert failure_from_response(429, {"Retry-After": "2"}, b"").retry_after == 2
    assert failure_from_response(429, {}, openai("Please try again in 5.289s")).retry_after == pytest.approx(5.289)
    assert failure_from_response(401, {"Retry-After": "2"}, b"").retry_after is None


@pytest.mark.parametrize(("told", "retryable"), [("true", True), ("false", False), ("perhaps", False)])
def test_should_retry(told: str, retryable: bool) -> None:
    """Faults 24: `x-should-retry` is obeyed."""
    assert failure_from_response(400, {"X-Should-Retry": told}, b"").retryable is retryable
    assert failure_from_response(503, {"x-should-retry": "false"}, b"").retryable is False


@pytest.mark.parametrize(
    ("headers", "body", "request_id"),
    [
        ({"X-Request-Id": "req_1"}, b"", "req_1"),
        ({"request-id": "req_2"}, b"", "req_2"),
        ({"X-Oneapi-Request-Id": "2025"}, b"", "2025"),
        ({}, flat(type="error", error={"message": "x"}, request_id="req_3"), "req_3"),
        ({}, b"", None),
    ],
)
def test_request_id(headers: dict[str, str], body: bytes, request_id: str | None) -> None:
    """The id to quote to the provider's support is kept."""
    assert failure_from_response(500, headers, body).request_id == request_id


def test_key_in_the_answer() -> None:
    """CQ-42: a key that the provider echoes does not come out, whole or in part."""
    for echoed in ("sk-proj-abcDEF123456", "sk-abc***xyz", "sk-abcd...wxyz", "abcd****wxyz"):
        body = openai(
            f"Incorrect API key provided: {echoed}. Find yours at https://x.example/keys.", code="invalid_api_key"
        )
        failure = failure_from_response(401, {"x-request-id": echoed}, body)
        for part in (echoed, "sk-abc", "xyz", "x.example"):
            assert part not in failure.message
            assert part not in (failure.request_id or "")
        assert "Incorrect API key provided" in failure.message


@pytest.mark.parametrize(
    "piece", ["a", "_", "[", "1.", "-", "sk-", "key ", "&lt;", "<a b='", "/a", "a:", "try again in 1"]
)
def test_no_error_text_takes_long_to_read(piece: str) -> None:
    """Whatever a provider writes, its error is read within milliseconds: the event loop waits for it."""
    body = piece * (100_000 // len(piece))
    start = time.process_time()
    failure_from_response(400, {}, body.encode())
    assert time.process_time() - start < 0.15  # 20 ms on a quiet machine
