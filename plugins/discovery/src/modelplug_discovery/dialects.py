"""Reads the list of models of any OpenAI-compatible endpoint. What is not said stays unknown; nothing is guessed.

Shapes seen: OpenAI `{object, data: [{id}]}`, a bare list (Together), `{models: [...]}`, names alone; context windows as
`context_length` (OpenRouter, Together), `max_model_len` (vLLM), `context_window` (Groq), `max_context_length`
(Mistral), `meta.n_ctx_train` (llama.cpp); prices for a token as text (OpenRouter) or for a million (Together).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from modelplug_discovery.entry import Entry, named, price, tokens

MOST = 20_000
"""Models that are read of one list."""

CONTEXT = (
    *("context_window", "context_length", "max_context_length", "max_model_len", "max_input_tokens"),
    *("top_provider.context_length", "meta.n_ctx", "meta.n_ctx_train", "inputTokenLimit"),
)
OUTPUT = (
    *("max_output", "max_output_tokens", "max_completion_tokens", "top_provider.max_completion_tokens"),
    "outputTokenLimit",
)
PER_TOKEN: Mapping[str, str] = {
    "prompt": "input",
    "completion": "output",
    "input_cache_read": "cached_input",
    "input_cache_write": "cache_write",
}
PER_MILLION: Mapping[str, str] = {"input": "input", "output": "output", "cached_input": "cached_input"}

SAID: Mapping[str, str] = {
    **{word: word for word in ("chat", "embeddings", "tools", "vision", "audio", "reasoning", "json_schema")},
    "completion_chat": "chat",
    "chat-completion": "chat",
    "embedding": "embeddings",
    "text-embedding": "embeddings",
    "function_calling": "tools",
    "tool_use": "tools",
    "image": "vision",
    "multimodal": "vision",
    "include_reasoning": "reasoning",
    "structured_outputs": "json_schema",
}
"""Words of endpoints for what a model can, and ours."""

WORDS = (
    "type",
    "capabilities",
    "features",
    "supported_parameters",
    "input_modalities",
    "architecture.input_modalities",
)
"""Where endpoints put such words: one, a list, or a table of flags."""


def read_list(sent: object) -> tuple[Entry, ...]:
    """The models of a list, in its order, each once. Raises ValueError when it is no list of models."""
    found: dict[str, Entry] = {}
    rows = _rows(sent)
    if rows is None:
        raise ValueError("the answer is no list of models")
    for row in rows[:MOST]:
        entry = _entry(row)
        if entry is not None:
            found.setdefault(entry.id, entry)
    return tuple(found.values())


def _rows(sent: object) -> list[Any] | None:
    if isinstance(sent, list):
        return sent
    if not isinstance(sent, dict):
        return None
    for name in ("data", "models", "items"):
        inside = sent.get(name)
        if isinstance(inside, list):
            return inside
        if isinstance(inside, dict):
            return [{"id": key, **row} if isinstance(row, dict) else key for key, row in inside.items()]
    return None


def _entry(row: object) -> Entry | None:
    if isinstance(row, str):
        row = {"id": row}
    if not isinstance(row, dict):
        return None
    try:
        own = named(next(row[key] for key in ("id", "name", "model") if row.get(key)))
        return Entry(
            id=own.removeprefix("models/"),
            name=_title(row, own),
            context_window=_first(row, CONTEXT, tokens),
            max_output=_first(row, OUTPUT, tokens),
            capabilities=_capabilities(row),
            prices=_prices(row.get("pricing")),
        )
    except (StopIteration, ValueError):
        return None


def _title(row: Mapping[str, Any], own: str) -> str | None:
    for key in ("display_name", "displayName", "name"):
        title = row.get(key)
        if isinstance(title, str) and title != own and title.isprintable() and 0 < len(title.strip()) <= 200:
            return title.strip()
    return None


def _at(row: Mapping[str, Any], path: str) -> Any:
    found: Any = row
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _first(row: Mapping[str, Any], paths: tuple[str, ...], read: Callable[[object], int | None]) -> int | None:
    return next((value for path in paths if (value := read(_at(row, path))) is not None), None)


def _capabilities(row: Mapping[str, Any]) -> frozenset[str] | None:
    found = frozenset(SAID[word] for path in WORDS for word in _words(_at(row, path)) if word in SAID)
    return found or None


def _words(said: object) -> Iterator[str]:
    if isinstance(said, str):
        yield said.lower()
    elif isinstance(said, list):
        yield from (word.lower() for word in said if isinstance(word, str))
    elif isinstance(said, dict):
        yield from (word.lower() for word, flag in said.items() if flag is True and isinstance(word, str))


def _prices(said: object) -> dict[str, Decimal]:
    if not isinstance(said, dict):
        return {}
    scale, names = (6, PER_TOKEN) if PER_TOKEN.keys() & said.keys() else (0, PER_MILLION)
    prices = {ours: price(said.get(theirs), scale=scale) for theirs, ours in names.items()}
    return {name: known for name, known in prices.items() if known is not None}
