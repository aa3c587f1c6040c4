"""LiteLLM's price map, read without importing LiteLLM, as rows that are quick to read again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from modelplug_litellm._providers import MAKERS, is_local, provider_of

_FILE = "model_prices_and_context_window_backup.json"
_KEPT = "litellm-price-map.json"
_FORMAT = 2  # raise it when Row changes, or which models are left out
_MODES: Mapping[str, str] = {"chat": "chat", "embedding": "embeddings"}
_CAPABILITIES: Mapping[str, str] = {
    "supports_function_calling": "tools",
    "supports_vision": "vision",
    "supports_audio_input": "audio",
    "supports_reasoning": "reasoning",
    "supports_response_schema": "json_schema",
}
_PRICES = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
)
_NO_MODELS = ("ft:", "together-ai-")  # prices of fine-tuned models and of size classes: nothing that can be called


class Row(NamedTuple):
    """One model as LiteLLM lists it, in the form in which it is kept.

    `capabilities` are words; `prices` are four words, US dollars a token as written in the map or `-` for unknown:
    input, output, cached input, cache write. `deprecated` is a date in ISO form.
    """

    id: str
    provider: str
    alias: str | None
    context_window: int | None
    max_output: int | None
    capabilities: str
    prices: str
    deprecated: str | None


UNKNOWN = "-"


def rows(*, cache: Path | None) -> list[Row]:
    """All rows of the installed LiteLLM, from the folder `cache` when it holds them for this very map.

    A cache that is missing, damaged or of another LiteLLM is made anew; one that cannot be written is done without.
    Empty when LiteLLM is not installed or has no price map.
    """
    found = find_spec("litellm")
    if found is None or not found.submodule_search_locations:
        return []
    price_map = Path(found.submodule_search_locations[0], _FILE)
    try:
        stat = price_map.stat()
    except OSError:
        return []
    key = f"{_FORMAT}-{stat.st_size}-{stat.st_mtime_ns}"
    if cache is not None and (kept := _kept(cache, key)) is not None:
        return kept
    made = list(_parsed(price_map))
    if cache is not None:
        _keep(cache, key, made)
    return made


def _parsed(price_map: Path) -> Iterator[Row]:
    # Numbers stay as they are written: a price of 2.5e-06 is exact as text, and as a float it is not.
    try:
        listed = json.loads(price_map.read_bytes(), parse_float=str)
    except (OSError, ValueError):
        return
    by_id: dict[str, Mapping[str, Any]] = {}
    for name, entry in listed.items():
        if not isinstance(entry, dict) or entry.get("mode") not in _MODES or name.startswith(_NO_MODELS):
            continue
        if "*" in name or "-commitment/" in name:
            continue  # a price of reserved capacity, not a model
        provider = provider_of(str(entry.get("litellm_provider")))
        if provider is not None:
            by_id.setdefault(f"{provider}/{_bare(name, provider)}", {**entry, "provider": provider})
    owners = _owners_of_bare_names(by_id)
    for model_id, entry in by_id.items():
        yield _row(model_id, entry, owners)


def _bare(name: str, provider: str) -> str:
    """The name without the provider's prefix, in either of LiteLLM's spellings. A slash inside a name stays."""
    for prefix in (f"{provider}/", f"{provider.replace('_', '-')}/"):
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name


def _owners_of_bare_names(by_id: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    owners: dict[str, str] = {}
    for maker in MAKERS:
        for model_id, entry in by_id.items():
            if entry["provider"] == maker:
                owners.setdefault(model_id.removeprefix(f"{maker}/"), model_id)
    return owners


def _row(model_id: str, entry: Mapping[str, Any], owners: Mapping[str, str]) -> Row:
    provider = entry["provider"]
    bare = model_id.removeprefix(f"{provider}/")
    prices = [UNKNOWN if entry.get(name) is None else str(entry[name]) for name in _PRICES]
    if not is_local(provider) and _zero(prices[0]) and _zero(prices[1]):
        prices = [UNKNOWN] * len(prices)  # the map writes 0 where it does not know
    capabilities = [_MODES[entry["mode"]], *(word for flag, word in _CAPABILITIES.items() if entry.get(flag) is True)]
    return Row(
        id=model_id,
        provider=provider,
        alias=bare if owners.get(bare) == model_id else None,
        context_window=_whole(entry.get("max_input_tokens")),
        max_output=_whole(entry.get("max_output_tokens")),
        capabilities=" ".join(capabilities),
        prices=" ".join(prices),
        deprecated=entry.get("deprecation_date"),
    )


def _zero(price: str) -> bool:
    return not price.strip("0.")


def _whole(number: object) -> int | None:
    return number if isinstance(number, int) and number > 0 else None


def _kept(cache: Path, key: str) -> list[Row] | None:
    try:
        kept = json.loads((cache / _KEPT).read_bytes())
        return [Row(*row) for row in kept["rows"]] if kept["key"] == key else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _keep(cache: Path, key: str, made: Sequence[Row]) -> None:
    """Written beside and moved into place, so that another process never reads half a file."""
    text = json.dumps({"key": key, "rows": made}, separators=(",", ":"))
    part = cache / f"{_KEPT}.{os.getpid()}"
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(cache / _KEPT)
        except OSError:
            part.unlink(missing_ok=True)
