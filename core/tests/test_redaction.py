"""Nothing secret leaves in a text."""

from __future__ import annotations

import re
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelplug._redaction import redact, safe_text

secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60)


@given(st.text(max_size=60), secrets, st.text(max_size=60))
def test_no_part_of_a_secret_survives(before: str, secret: str, after: str) -> None:
    """No eight characters in a row of a known secret are in the result, whole, cut or written as in a URL."""
    for echoed in (secret, secret[: len(secret) // 2 + 4], secret[3:], quote(secret, safe=""), f"'{secret}'"):
        for clean in (redact, safe_text):
            result = clean(before + echoed + after, [secret])
            runs = {secret[i : i + 8] for i in range(len(secret) - 7)}
            left = re.split(r"\[(?:redacted|url|address|path)\]|\.\.\.$", result)
            assert not any(run in part for run in runs for part in left)


@pytest.mark.parametrize(
    "text",
    [
        "key sk-abcdefghijkl",
        "Incorrect API key provided: sk-abc***xyz",
        "Incorrect API key provided: KEYKEY123456",
        "Authorization: Bearer KEYKEY123456",
        "{'authorization': 'Bearer KEYKEY123456'}",
        "令牌sk-KEYKEY123456无效",
        "GET /v1/balance?key=KEYKEY123456&x=1",
        "api_key=KEYKEY123456",
        "invalid key: deadbeefdeadbeefdeadbeefdeadbeef1",
        "gsk_KEYKEY123456",
        "AIzaKEYKEY123456",
        "token eyJhbGciOiJIUzI1NiJ9.KEYKEY.123456",
        "AKIAKEYKEY123456",
    ],
)
def test_usual_keys(text: str) -> None:
    """Keys of the usual shapes are masked without being known."""
    result = redact(text)
    assert "[redacted]" in result
    for part in ("KEYKEY", "123456", "abcdef", "xyz", "deadbeef"):
        assert part not in result


@pytest.mark.parametrize(
    "text",
    [
        "no model is called 'claude-haiku-4-5-20251001'",
        "The API key does not have access to model claude-haiku-4-5-20251001",
        "deepseek-ai/DeepSeek-R1 is overloaded",
        "max_tokens: 4096, prompt_tokens=12",
        "Basic authentication is required",
        "maximum context length is 8192 tokens",
        "the key of provider v98store is missing; set V98STORE_API_KEY",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    """What is no key is left as it was."""
    assert redact(text) == text


def test_ordinary_words_stay_in_safe_text() -> None:
    """Model names, ratios and times are no paths or addresses."""
    text = "deepseek-ai/DeepSeek-R1 at 12:30:45 used 1/2 of v1.2.3"
    assert safe_text(text) == text


def test_placeholders_are_no_secrets() -> None:
    """The short placeholder key of a local server does not eat the words of a message."""
    assert redact("x marks the box", ["x"]) == "x marks the box"


@pytest.mark.parametrize(
    "text",
    ["<" * 50_000, "<a" * 50_000, "<script>" * 10_000, "*" * 50_000, "a" * 50_000, "a*" * 30_000, "key " * 20_000,
     "api key " + " " * 50_000, "/a" * 30_000, "1:" * 30_000, "1." * 30_000, "a://" * 20_000, "&amp;" * 20_000,
     "Bearer " * 10_000, "eyJaaaaaaaa." * 5_000, "sk-" * 20_000],
)  # fmt: skip
def test_time_is_bounded(text: str) -> None:
    """No text makes the search slow: an event loop runs it."""
    start = time.process_time()
    safe_text(text, ["a" * 40])
    assert time.process_time() - start < 0.5
