"""One message or delta, whatever its dialect, in the one shape that hosts read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_REASONING = ("reasoning_content", "reasoning", "thinking")
"""Where servers put reasoning; some write the same twice (litellm#20246)."""

_DIALECT = frozenset({"content", "function_call", "tool_calls", "refusal", "reasoning_details", *_REASONING})

_FINISH: Mapping[str, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "tool_calls",
    # Words that other documented APIs use for the same, and that gateways pass on.
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "safety": "content_filter",
}

_UNUSUAL = frozenset(
    {"reasoning", "thinking", "reasoning_details", "tool_calls", "function_call", "refusal", "audio", "images"}
)
"""Fields of a delta that need more than a look."""

FINISHED_BY_FAULT = frozenset({"error", "insufficient_system_resource"})
"""Finish reasons that report a failure (OpenRouter, DeepSeek)."""


def finish_word(sent: object) -> str | None:
    """OpenAI's word for a finish reason; `other` for an unknown word; None for none, and for "" (ollama#4357)."""
    if not isinstance(sent, str) or not sent.strip():
        return None
    return _FINISH.get(sent.strip().lower(), "other")


def judged_by_content(finish: str | None, tool_calls: bool) -> str | None:
    """The finish reason that fits what was sent: some say `stop` with tool calls, or the reverse (CQ-58)."""
    if finish == "stop" and tool_calls:
        return "tool_calls"
    if finish == "tool_calls" and not tool_calls:
        return "stop"
    return finish


def is_plain(delta: dict[str, Any]) -> bool:
    """Whether a delta of text or reasoning is canonical as it stands."""
    role, reasoning = delta.get("role", "assistant"), delta.get("reasoning_content")
    return (
        type(role) is str
        and role != ""
        and (reasoning is None or type(reasoning) is str)
        and (_UNUSUAL.isdisjoint(delta) or all(delta[name] is None for name in _UNUSUAL.intersection(delta)))
    )


def body_of(sent: dict[str, Any], *, message_first: bool = False) -> tuple[dict[str, Any], bool]:
    """The delta or message of a choice, and whether it came as `message` (CQ-67); or a legacy completion's text."""
    places = ("message", "delta") if message_first else ("delta", "message")
    for place in places:
        body = sent.get(place)
        if isinstance(body, dict) and body:
            return body, place == "message"
    text = sent.get("text")
    return ({"content": text} if isinstance(text, str) else {}), False


def parts_of(sent: dict[str, Any]) -> dict[str, Any]:
    """The message without dialect: `content`, `reasoning_content`, `refusal` as text where they are any.

    Tool calls are left to the caller; other fields (`role`, `audio`, `images`, ...) stay as they are.
    """
    message = {name: value for name, value in sent.items() if name not in _DIALECT}
    if not isinstance(message.get("role", ""), str) or not message.get("role"):
        message.pop("role", None)
    content, thought = sent.get("content"), ""
    refusal = sent.get("refusal")
    refusal = refusal if isinstance(refusal, str) else ""
    if isinstance(content, (list, dict)):
        content, thought, said = _joined(content if isinstance(content, list) else [content])
        refusal = refusal or said
    reasoning = next((value for name in _REASONING if (value := sent.get(name)) and isinstance(value, str)), "")
    reasoning = reasoning or thought or _text_of(sent.get("reasoning_details"))
    if isinstance(content, str):
        message["content"] = content
    if reasoning:
        message["reasoning_content"] = reasoning
    if refusal:
        message["refusal"] = refusal
    return message


def tool_items(sent: dict[str, Any]) -> list[Any]:
    """The tool calls of a message or delta, a legacy `function_call` among them."""
    calls = sent.get("tool_calls")
    if isinstance(calls, dict):
        calls = [calls]
    if isinstance(calls, list) and calls:
        return calls
    function = sent.get("function_call")
    return [{"function": function}] if isinstance(function, dict) and function else []


def is_empty(message: dict[str, Any]) -> bool:
    """Whether a canonical message holds nothing that a host can use. Reasoning alone is something."""
    return not any(
        message.get(name) for name in ("content", "reasoning_content", "tool_calls", "refusal", "audio", "images")
    )


def _joined(parts: list[Any]) -> tuple[str, str, str]:
    """Text, reasoning and refusal of content parts; references and unknown parts are left out (vercel/ai#13703)."""
    text, reasoning, refusal = [], [], []
    for part in parts:
        if isinstance(part, str):
            text.append(part)
        elif isinstance(part, dict):
            kind = part.get("type", "text")
            if kind in ("text", "output_text"):
                text.append(_text_of(part.get("text")))
            elif kind in ("thinking", "reasoning"):
                reasoning.append(_text_of(part.get("thinking") or part.get("reasoning") or part.get("text")))
            elif kind == "refusal":
                refusal.append(_text_of(part.get("refusal")))
    return "".join(text), "".join(reasoning), "".join(refusal)


def _text_of(value: object) -> str:
    """Text that may itself be a list of text parts (Mistral)."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(text for part in value if isinstance(part, dict) and isinstance(text := part.get("text"), str))
    return ""
