"""The lists that endpoints gave, kept on disk: a file for each provider, with its date and without a key or address."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from threading import get_ident
from typing import Any

from attrs import frozen
from modelplug import ConfigError, ProviderSettings

from modelplug_discovery.entry import Entry

FORMAT = 1
LARGEST = 32 * 1024 * 1024
"""Bytes; a larger file is none of ours."""


@frozen(kw_only=True)
class Kept:
    """A list, and when it was fetched (Unix time)."""

    fetched: float
    entries: tuple[Entry, ...]


def listed(own: ProviderSettings, folder: Path | None = None) -> tuple[Entry, ...]:
    """What the provider's endpoint listed when it was last asked; nothing when it never was. Touches no network."""
    kept = read(own, folder)
    return () if kept is None else kept.entries


def read(own: ProviderSettings, folder: Path | None = None) -> Kept | None:
    """The kept list of this provider at this base, None where there is none or it is damaged."""
    path = place(own, folder)
    try:
        if path.stat().st_size > LARGEST:
            return None
        body = path.read_bytes()
        import json  # late: at load there is seldom a list to read

        sent: dict[str, Any] = json.loads(body)
        if sent["format"] != FORMAT or sent["base"] != _digest(own):
            return None
        return Kept(fetched=float(sent["fetched"]), entries=tuple(map(Entry.from_json, sent["models"])))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def write(own: ProviderSettings, entries: Sequence[Entry], folder: Path | None = None) -> float:
    """Keep a list, and return its date: the file is replaced as a whole, no reader sees half of one. Raises OSError."""
    import json

    path = place(own, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    date = time.time()
    kept = {
        "format": FORMAT,
        "base": _digest(own),
        "fetched": date,
        "models": [entry.as_json() for entry in entries],
    }
    draft = path.with_name(f"{path.name}.{os.getpid()}.{get_ident()}")
    try:
        draft.write_text(json.dumps(kept, ensure_ascii=False, indent=1), "utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return date


def place(own: ProviderSettings, folder: Path | None = None) -> Path:
    """The file of this provider."""
    from urllib.parse import quote

    if folder is None:
        from platformdirs import user_cache_path  # late: asked only where a provider is discovered

        folder = user_cache_path("modelplug", appauthor=False)
    return folder / "models" / f"{quote(own.name, safe='')}.json"


def _digest(own: ProviderSettings) -> str:
    """Tells one base from another without keeping an address."""
    from hashlib import sha256

    try:
        base = own.credentials().api_base
    except ConfigError:  # what is wrong with the key is said at the first call
        try:
            base = own.api_base
        except ConfigError:
            base = None
    return sha256((base or "").encode()).hexdigest()[:16]


def date_of(fetched: float) -> str:
    """The date of a list for people: `2026-11-28 06:05`, in their own time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(fetched))
