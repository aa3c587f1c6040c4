"""The lists that endpoints gave, kept on disk: a file for each provider, with its date and without a key or address."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen
from modelplug import ProviderSettings

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
        if sent["format"] != FORMAT or sent["base"] != _digest(own.api_base):
            return None
        return Kept(fetched=float(sent["fetched"]), entries=tuple(map(Entry.from_json, sent["models"])))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def write(own: ProviderSettings, entries: Sequence[Entry], folder: Path | None = None) -> Path:
    """Keep a list: the file is replaced as a whole, so that no reader sees half of one. Raises OSError."""
    import json

    path = place(own, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {
        "format": FORMAT,
        "base": _digest(own.api_base),
        "fetched": time.time(),
        "models": [entry.as_json() for entry in entries],
    }
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(kept, ensure_ascii=False, indent=1), "utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def place(own: ProviderSettings, folder: Path | None = None) -> Path:
    """The file of this provider."""
    if folder is None:
        from platformdirs import user_cache_path  # late: asked only where a provider is discovered

        folder = user_cache_path("modelplug", appauthor=False)
    name = "".join(c if c.isalnum() or c in "-_" else "_" for c in own.name)
    return folder / "models" / f"{name}.json"


def _digest(base: str | None) -> str:
    """Tells one base from another without keeping an address."""
    from hashlib import sha256

    return sha256((base or "").encode()).hexdigest()[:16]
