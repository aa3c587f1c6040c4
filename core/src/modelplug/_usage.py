"""The tokens of one call: read from every dialect, and believed only where they are believable."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from attrs import evolve, field, frozen

_MOST_TOKENS = 1_000_000_000_000
"""More tokens than any call uses; a larger number is a fault of the sender."""

_SMALLEST_CUT = 1_000
"""Tokens; no server cuts prompts that are shorter."""
_CHARACTERS = 12
"""Characters of text that no token holds on average: English has 4 to 5, code with its blanks up to 8."""


@frozen(kw_only=True)
class Usage:
    """The tokens of one call. None is unknown, which is not zero.

    `cached_tokens` are inside `prompt_tokens`, `reasoning_tokens` inside `completion_tokens`. `source` says where the
    numbers are from: `reported` by who answered, `estimated` by us, or `absent`. `raw` is the object as sent, with
    all its further fields, JSON-safe; `problem` says why numbers that were sent are not believed, or that the prompt
    seems to have been cut.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    source: Literal["reported", "estimated", "absent"] = "absent"
    raw: Mapping[str, Any] = field(factory=dict, repr=False)
    problem: str | None = None

    def beside(self, messages: Sequence[Mapping[str, Any]]) -> Usage:
        """The same, with a `problem` where so few tokens cannot be all of these messages.

        Ollama cuts a prompt at num_ctx in silence, and then counts what is left (ollama/ollama#4967).
        """
        if self.prompt_tokens is None or self.prompt_tokens < _SMALLEST_CUT:
            return self
        characters = sum(map(_characters, messages))
        if characters < self.prompt_tokens * _CHARACTERS:
            return self
        told = f"{self.prompt_tokens} tokens for a prompt of {characters} characters: the server may have cut it"
        return evolve(self, problem=told)

    @classmethod
    def read(cls, sent: object) -> Usage:
        """The usage object of an answer, validated. Never raises.

        Nothing, an empty object or a total alone is `absent`. Numbers may be strings or floats when they are whole;
        one that is negative, not a number or beyond reason makes the whole usage `absent`, with its `problem`, and so
        do zeroes alone, which some servers send in place of nothing.
        """
        if type(sent) is dict and (plain := _plain(sent)) is not None:
            return plain
        if not isinstance(sent, Mapping) or not sent:
            return NO_USAGE
        raw = _json_safe(sent)
        counts: dict[str, int] = {}
        for name, places in _COUNTS.items():
            found = next((v for place in places if (v := _at(sent, place)) is not None), None)
            if found is None:
                continue
            count = _count(found)
            if count is None:
                if name in _DETAILS:
                    continue
                return cls(raw=raw, problem=f"{name} is no number of tokens")
            counts[name] = count
        prompt, completion, total = (
            counts.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")
        )
        if prompt is None and completion is None:
            return cls(total_tokens=total, raw=raw)
        if not prompt and not completion:
            return cls(raw=raw, problem="all counts are zero, which no call is")
        written, cached = counts.get("cache_write_tokens"), counts.get("cached_tokens")
        if prompt is not None and "prompt_tokens" not in sent and "input_tokens" in sent:
            # Anthropic's input_tokens leave out what was read from and written to the cache.
            anthropic = "cache_read_input_tokens" in sent or "cache_creation_input_tokens" in sent
            prompt += (cached or 0) + (written or 0) if anthropic else 0
        cached = _within(cached, prompt)
        return cls(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=total if total is not None else _sum(prompt, completion),
            cached_tokens=cached,
            cache_write_tokens=_within(written, None if prompt is None else prompt - (cached or 0)),
            reasoning_tokens=_within(counts.get("reasoning_tokens"), completion),
            source="reported",
            raw=raw,
        )


_COUNTS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "prompt_tokens": (("prompt_tokens",), ("input_tokens",)),
    "completion_tokens": (("completion_tokens",), ("output_tokens",)),
    "total_tokens": (("total_tokens",),),
    "cached_tokens": (
        ("prompt_tokens_details", "cached_tokens"),
        ("input_tokens_details", "cached_tokens"),
        ("prompt_cache_hit_tokens",),  # DeepSeek
        ("cache_read_input_tokens",),  # Anthropic
        ("cached_tokens",),  # Moonshot
    ),
    "cache_write_tokens": (
        ("prompt_tokens_details", "cache_write_tokens"),  # OpenRouter
        ("prompt_tokens_details", "cache_creation_tokens"),
        ("cache_creation_input_tokens",),  # Anthropic
    ),
    "reasoning_tokens": (
        ("completion_tokens_details", "reasoning_tokens"),
        ("output_tokens_details", "reasoning_tokens"),
        ("reasoning_tokens",),
    ),
}
"""Where each dialect writes each count, the commonest first."""

_DETAILS = frozenset({"total_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens"})
"""Counts without which the others are still worth having."""


def _plain(sent: dict[str, Any]) -> Usage | None:
    """The usage as OpenAI writes it, nearly always, read quickly; None for every other shape."""
    prompt, completion, total = sent.get("prompt_tokens"), sent.get("completion_tokens"), sent.get("total_tokens")
    if type(prompt) is not int or type(completion) is not int or type(total) is not int:
        return None
    if not (0 < prompt <= _MOST_TOKENS and 0 <= completion <= _MOST_TOKENS and 0 <= total <= _MOST_TOKENS):
        return None
    cached = reasoning = None
    if len(sent) > 3:
        prompt_details, completion_details = sent.get("prompt_tokens_details"), sent.get("completion_tokens_details")
        if len(sent) > 3 + ("prompt_tokens_details" in sent) + ("completion_tokens_details" in sent):
            return None
        if not (_are_counts(prompt_details) and _are_counts(completion_details)):
            return None
        if prompt_details:
            if "cache_write_tokens" in prompt_details or "cache_creation_tokens" in prompt_details:
                return None
            cached = _within(prompt_details.get("cached_tokens"), prompt)
        if completion_details:
            reasoning = _within(completion_details.get("reasoning_tokens"), completion)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=total,
        cached_tokens=cached,
        reasoning_tokens=reasoning,
        source="reported",
        raw=sent,
    )


def _are_counts(details: object) -> bool:
    if details is None:
        return True
    if type(details) is not dict:
        return False
    for count in details.values():  # noqa: SIM110  # a generator costs twice as much, in every call
        if type(count) is not int or not 0 <= count <= _MOST_TOKENS:
            return False
    return True


def _at(sent: Mapping[str, Any], place: tuple[str, ...]) -> Any:
    value: Any = sent
    for name in place:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _count(value: object) -> int | None:
    """A whole number of tokens from what was sent; None when it is none."""
    if isinstance(value, str) and len(value) <= 20:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, float):
        if not math.isfinite(value) or not value.is_integer():
            return None
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MOST_TOKENS else None


def _sum(prompt: int | None, completion: int | None) -> int | None:
    return None if prompt is None or completion is None else prompt + completion


def _within(part: int | None, whole: int | None) -> int | None:
    return part if part is None or whole is None else min(part, whole)


def _json_safe(sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """A copy that every JSON writer takes: NaN, infinities and what is too deep become None."""
    safe: Mapping[str, Any] = {str(name): _safe_value(value, 4) for name, value in list(sent.items())[:100]}
    return safe


def _safe_value(value: Any, depth: int) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 2**63 else None
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value[:1_000].encode("utf-8", "replace").decode()
    if depth and isinstance(value, Mapping):
        return {str(name): _safe_value(item, depth - 1) for name, item in list(value.items())[:100]}
    if depth and isinstance(value, (list, tuple)):
        return [_safe_value(item, depth - 1) for item in value[:100]]
    return None


NO_USAGE: Final = Usage()
"""Nothing was reported."""


def _characters(message: object) -> int:
    content = message.get("content") if isinstance(message, Mapping) else None
    if isinstance(content, str):
        return len(content)
    parts = content if isinstance(content, list | tuple) else ()
    return sum(len(text) for part in parts if isinstance(part, Mapping) and isinstance(text := part.get("text"), str))
