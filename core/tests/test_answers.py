"""What answers look like to a host, and which numbers of tokens are believed."""

from __future__ import annotations

import copy
import json
import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelplug.answers import Chunk, Reply, Usage

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def test_views() -> None:
    """Fields are read as attributes or by name; one that is not there is None."""
    chunk = Chunk(
        {"id": "x", "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}], "own": {"n": 1}}
    )
    assert chunk.choices[0].delta.content == chunk["choices"][0]["delta"]["content"] == "a"
    assert (chunk.own.n, chunk.nothing, chunk.get("nothing", 3)) == (1, None, 3)
    assert "own" in chunk
    assert chunk.model_dump() == json.loads(chunk.model_dump_json()) == chunk.data
    assert "finish_reason" not in chunk.model_dump(exclude_none=True)["choices"][0]
    assert chunk.model_dump(exclude_unset=True) == chunk.data
    with pytest.raises(AttributeError):
        _ = chunk.__no_protocol__
    assert not hasattr(chunk, "__await__")


def test_repr_is_short() -> None:
    """A repr shows what it is and does not flood a terminal."""
    shown = repr(Reply({"choices": [{"message": {"content": "x" * 10_000}}]}))
    assert shown.startswith("Reply({'choices'")
    assert len(shown) < 300


def test_copies_and_pickles() -> None:
    """Chunks are data: they can be copied and pickled."""
    chunk = Chunk({"choices": []})
    assert copy.deepcopy(chunk) == chunk
    assert pickle.loads(pickle.dumps(chunk)) == chunk


def test_a_reply_with_nothing_in_it() -> None:
    """What a stream that was left at once holds: nothing, and no error."""
    reply = Reply({"choices": []})
    assert (reply.text, reply.reasoning, reply.tool_calls, reply.finish_reason) == ("", "", (), None)
    assert reply.usage.source == "absent"


@pytest.mark.parametrize(
    ("quirk", "sent", "expected"),
    [
        ("plain", {"prompt_tokens": 9, "completion_tokens": 3}, (9, 3, 12, "reported")),
        ("CQ-48 null", None, (None, None, None, "absent")),
        ("CQ-48 {}", {}, (None, None, None, "absent")),
        ("CQ-48 total only", {"total_tokens": 12}, (None, None, 12, "absent")),
        ("CQ-48 zeroes", {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, (None, None, None, "absent")),
        ("CQ-50 text", {"prompt_tokens": "9", "completion_tokens": "3.0"}, (9, 3, 12, "reported")),
        ("CQ-50 float", {"prompt_tokens": 9.0, "completion_tokens": 3}, (9, 3, 12, "reported")),
        ("CQ-50 part of a token", {"prompt_tokens": 9.5, "completion_tokens": 3}, (None, None, None, "absent")),
        ("CQ-50 negative", {"prompt_tokens": -5, "completion_tokens": 3}, (None, None, None, "absent")),
        ("CQ-50 NaN", {"prompt_tokens": math.nan, "completion_tokens": 3}, (None, None, None, "absent")),
        ("CQ-50 huge", {"prompt_tokens": 1e30, "completion_tokens": 3}, (None, None, None, "absent")),
        ("CQ-50 words", {"prompt_tokens": "many", "completion_tokens": 3}, (None, None, None, "absent")),
        ("CQ-50 true", {"prompt_tokens": True, "completion_tokens": 3}, (None, None, None, "absent")),
        ("Responses API", {"input_tokens": 9, "output_tokens": 3}, (9, 3, 12, "reported")),
        ("embeddings", {"prompt_tokens": 9, "total_tokens": 9}, (9, None, 9, "reported")),
    ],
)
def test_counts(quirk: str, sent: Any, expected: tuple[int | None, int | None, int | None, str]) -> None:
    """Only believable numbers are believed; nothing is ever a silent zero."""
    usage = Usage.read(sent)
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens, usage.source) == expected, quirk
    if quirk.startswith("CQ-50") and usage.source == "absent":
        assert usage.problem is not None


BASE = {"prompt_tokens": 9, "completion_tokens": 3}


@pytest.mark.parametrize(
    ("dialect", "more", "cached", "written", "reasoning"),
    [
        (
            "OpenAI",
            {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}},
            4,
            None,
            2,
        ),
        ("DeepSeek", {"prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 5}, 4, None, None),
        ("Anthropic", {"cache_read_input_tokens": 4, "cache_creation_input_tokens": 1}, 4, 1, None),
        ("Moonshot", {"cached_tokens": 4}, 4, None, None),
        ("null details", {"prompt_tokens_details": None}, None, None, None),
        ("CQ-51 never more than the prompt", {"cached_tokens": 40}, 9, None, None),
        ("CQ-51 together never more", {"cache_read_input_tokens": 6, "cache_creation_input_tokens": 6}, 6, 3, None),
        ("CQ-50 a detail that is none", {"cached_tokens": -1, "reasoning_tokens": "x"}, None, None, None),
    ],
)
def test_details(dialect: str, more: Any, cached: int | None, written: int | None, reasoning: int | None) -> None:
    """CQ-51: cached, written and reasoning tokens are read from every dialect, within what they are part of."""
    usage = Usage.read({**BASE, **more})
    assert (usage.cached_tokens, usage.cache_write_tokens, usage.reasoning_tokens) == (cached, written, reasoning), (
        dialect
    )
    assert (usage.prompt_tokens, usage.source) == (9, "reported")


def test_input_tokens_without_the_cache() -> None:
    """Anthropic's own count leaves out cached tokens; ours has them inside the prompt."""
    usage = Usage.read({"input_tokens": 5, "output_tokens": 3, "cache_read_input_tokens": 100})
    assert (usage.prompt_tokens, usage.cached_tokens) == (105, 100)


def test_further_fields_are_kept() -> None:
    """CQ-51: what a provider adds is in `raw`, safe for JSON."""
    usage = Usage.read({**BASE, "cost": 0.01, "odd": math.inf, "latency_checkpoint": {"ms": [1, 2]}})
    assert usage.raw["cost"] == 0.01
    assert usage.raw["latency_checkpoint"] == {"ms": [1, 2]}
    json.dumps(dict(usage.raw), allow_nan=False)


@given(json_values)
def test_usage_never_raises(sent: Any) -> None:
    """Whatever is sent as usage is read: JSON-safe, its parts within the whole, nothing negative."""
    for usage in (Usage.read(sent), Usage.read({"prompt_tokens": sent, "completion_tokens": 1, "cached_tokens": sent})):
        json.dumps(dict(usage.raw), allow_nan=False).encode()
        counts = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens, usage.cached_tokens)
        assert all(count is None or count >= 0 for count in counts)
        assert (usage.cached_tokens or 0) <= (usage.prompt_tokens or 0)
        assert usage.source == ("absent" if usage.prompt_tokens is usage.completion_tokens is None else "reported")
