"""Reads the list of models of any OpenAI-compatible endpoint. What is not said stays unknown; nothing is guessed.

Shapes seen: OpenAI `{object, data: [{id}]}`, a bare list (Together), `{models: [...]}`, names alone, pages (Anthropic,
Gemini, Cohere); context windows as `context_length` (OpenRouter, Together), `max_model_len` (vLLM), `context_window`
(Groq), `max_context_length` (Mistral), `meta.n_ctx_train` (llama.cpp); prices for a token as text (OpenRouter, Vercel)
or for a million (Together, DeepInfra).
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
    *("top_provider.context_length", "metadata.context_length", "context_size"),
    *("meta.n_ctx", "meta.n_ctx_train", "inputTokenLimit", "limits.max_input_tokens"),
)
OUTPUT = (
    *("max_output", "max_output_tokens", "max_completion_tokens", "top_provider.max_completion_tokens"),
    *("metadata.max_tokens", "max_tokens", "outputTokenLimit", "limits.max_output_tokens"),
)
PER_TOKEN: Mapping[str, str] = {
    "prompt": "input",
    "completion": "output",
    "input_cache_read": "cached_input",
    "input_cache_write": "cache_write",
}
PER_MILLION: Mapping[str, str] = {
    "input": "input",
    "output": "output",
    "cached_input": "cached_input",
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_tokens": "cached_input",
    "input_cache_read": "cached_input",
}
CHEAPEST = Decimal("0.001")
"""US dollars for a million tokens. What seems to cost less is the price of one token (Vercel's)."""

SAID: Mapping[str, str] = {
    **{word: word for word in ("chat", "embeddings", "tools", "vision", "audio", "reasoning", "json_schema")},
    **dict.fromkeys(("completion_chat", "chat_completion", "chat-completion", "supports_chat", "llm", "vlm"), "chat"),
    **dict.fromkeys(("embedding", "text-embedding", "embedcontent"), "embeddings"),
    **dict.fromkeys(("function_calling", "tool_use", "tool-use", "tool-calling", "supports_tools"), "tools"),
    **dict.fromkeys(("image", "multimodal", "image_input", "supports_image_input"), "vision"),
    **dict.fromkeys(("include_reasoning", "thinking"), "reasoning"),
    "generatecontent": "chat",
    "structured_outputs": "json_schema",
}
"""Words of endpoints for what a model can, and ours."""

IMPLIED: Mapping[str, str] = {"tools": "chat", "vlm": "vision"}
"""What a word says beside: tools are called in a chat, and LM Studio's vision models have a type of their own."""

WORDS = (
    "type",
    "capabilities",
    "features",
    "supported_parameters",
    "input_modalities",
    "supported_input_modalities",
    "architecture.input_modalities",
    "metadata.tags",
    "supported_endpoint_types",
    "supportedGenerationMethods",
    "endpoints",
)
"""Where endpoints put such words: one, a list, or a table of flags."""

FLAGS = ("supports_chat", "supports_tools", "supports_image_input")
"""Flags that are fields of the model itself (Fireworks)."""


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


def following(sent: object) -> Mapping[str, str] | None:
    """What asks for the next page of this list; None where this is all of it."""
    if not isinstance(sent, dict):
        return None
    for name, asked in (("nextPageToken", "pageToken"), ("next_page_token", "page_token")):
        if isinstance(sent.get(name), str) and sent[name]:
            return {asked: sent[name]}
    if sent.get("has_more") is not True:
        return None
    last = sent.get("last_id")
    if not isinstance(last, str) or not last:
        rows = _rows(sent)
        last = rows[-1].get("id") if rows and isinstance(rows[-1], dict) else None
    # Anthropic's own list has no `object`, OpenAI's lists have one and another name for the place to go on from.
    return {"after" if "object" in sent else "after_id": str(last)}


def _rows(sent: object) -> list[Any] | None:
    if isinstance(sent, list):
        return sent
    if not isinstance(sent, dict) or sent.get("error") or sent.get("success") is False:
        return None
    if sent.get("object") == "list" and "data" in sent and sent["data"] is None:
        return []  # Ollama without a model
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
    if not isinstance(row, dict) or row.get("active") is False:
        return None
    try:
        own = named(next(row[key] for key in ("id", "name", "model") if row.get(key)))
        return Entry(
            id=own.removeprefix("models/"),
            name=_title(row, own),
            context_window=_first(row, CONTEXT, tokens),
            max_output=_first(row, OUTPUT, tokens),
            capabilities=_capabilities(row),
            prices=_prices(row.get("pricing") or _at(row, "metadata.pricing")),
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
    words = {word for path in WORDS for word in _words(_at(row, path))}
    words.update(flag for flag in FLAGS if row.get(flag) is True)
    found = {SAID[word] for word in words if word in SAID}
    found.update(more for word, more in IMPLIED.items() if word in words or word in found)
    return frozenset(found) or None


def _words(said: object) -> Iterator[str]:
    if isinstance(said, str):
        yield said.lower()
    elif isinstance(said, list):
        yield from (word.lower() for word in said if isinstance(word, str))
    elif isinstance(said, dict):
        yield from (word.lower() for word, flag in said.items() if isinstance(word, str) and _is_set(flag))


def _is_set(flag: object) -> bool:
    """Whether a flag says yes: `true`, or Anthropic's `{"supported": true}`."""
    return flag is True or (isinstance(flag, dict) and flag.get("supported") is True)


def _prices(said: object) -> dict[str, Decimal]:
    if not isinstance(said, dict):
        return {}
    scale, names = (6, PER_TOKEN) if PER_TOKEN.keys() & said.keys() - PER_MILLION.keys() else (0, PER_MILLION)
    prices = _known(said, names, scale)
    if scale == 0 and any(prices.values()) and max(prices.values()) < CHEAPEST:
        prices = _known(said, names, 6)
    return prices


def _known(said: Mapping[str, Any], names: Mapping[str, str], scale: int) -> dict[str, Decimal]:
    prices = {ours: price(said.get(theirs), scale=scale) for theirs, ours in names.items() if theirs in said}
    return {name: known for name, known in prices.items() if known is not None}
