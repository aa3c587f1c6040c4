"""CQ-62: thinking within the text, moved on request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelplug.answers import Chunk, Reply
from modelplug.thinking import ThinkingSplitter, split_thinking


def streamed(pieces: list[str], *, opened: bool = False) -> tuple[str, str]:
    splitter = ThinkingSplitter(opened=opened)
    deltas: list[tuple[dict[str, str], str | None]] = [({"content": piece}, None) for piece in pieces] + [({}, "stop")]
    chunks = [
        splitter.read(Chunk({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}))
        for delta, finish in deltas
    ]
    return "".join(chunk.text for chunk in chunks), "".join(chunk.reasoning for chunk in chunks)


def whole(text: str) -> tuple[str, str]:
    reply = split_thinking(Reply({"choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}]}))
    return reply.text, reply.reasoning


@pytest.mark.parametrize(
    ("sent", "text", "reasoning"),
    [
        ("<think>so</think>yes", "yes", "so"),
        ("\n<think>\nso\n</think>\n\nyes", "yes", "\nso\n"),
        ("<think></think>yes", "yes", ""),
        ("<think>so", "", "so"),
        ("<think>a < b</thin k>", "", "a < b</thin k>"),
        ("yes <think>no</think>", "yes <think>no</think>", ""),
        ("<thin", "<thin", ""),
        ("", "", ""),
    ],
)
def test_split(sent: str, text: str, reasoning: str) -> None:
    """Wherever the stream is cut, the thinking at the start of the text is told apart."""
    for size in range(1, len(sent) + 2):
        pieces = [sent[i : i + size] for i in range(0, len(sent), size)]
        assert streamed(pieces) == (text, reasoning)


def test_only_the_closing_tag() -> None:
    """A template that opens the thinking itself is said for a stream, and seen in a whole answer."""
    assert streamed(["so</th", "ink>yes"], opened=True) == ("yes", "so")
    assert whole("so</think>\n\nyes") == ("yes", "so")


def test_no_thinking_is_left_as_it_is() -> None:
    """A Reply without tags is unchanged."""
    assert whole("yes") == ("yes", "")
    assert whole("<think>so</think>") == ("", "so")


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "th", "ink>", "a", "\n", "</"]), max_size=8))
def test_nothing_else_is_lost(pieces: list[str]) -> None:
    """Apart from one pair of tags and the line breaks around, every character comes out."""
    text, reasoning = streamed(pieces)
    sent = "".join(pieces)
    if not sent.lstrip().startswith("<think>"):
        assert (text, reasoning) == (sent, "")
    else:
        inside, _, after = sent.lstrip()[len("<think>") :].partition("</think>")
        assert (text, reasoning) == (after.lstrip("\r\n"), inside)
