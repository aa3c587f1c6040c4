"""Asks one provider for its models and keeps what it lists."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

from attrs import evolve, frozen
from modelplug import BadReply, CallFailed, ConfigError, ProviderSettings

from modelplug_discovery import kept
from modelplug_discovery.entry import PRICES, Entry
from modelplug_discovery.fetching import SECONDS, Listing, fetch


@frozen(kw_only=True)
class Refreshed:
    """What came of asking one provider: how many models it lists, which are new and which are gone; or its error.

    After an error the provider keeps the models that it had, whose list is of the time `fetched` (Unix time, None
    without any). Where `whole` is False the endpoint names more than could be read; then none is gone.
    """

    provider: str
    count: int = 0
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    whole: bool = True
    fetched: float | None = None
    error: CallFailed | ConfigError | None = None


async def ask(
    own: ProviderSettings, *, taken: Collection[str] = (), seconds: float = SECONDS, folder: Path | None = None
) -> Refreshed:
    """Ask one provider and keep what it lists, with facts that are known elsewhere.

    `taken` are names of models that another plugin brings: they are that plugin's, and are not kept.
    """
    try:
        listing = await fetch(own, seconds=seconds)
        return await asyncio.to_thread(_keep, own, listing, taken, folder)
    except (CallFailed, ConfigError) as error:
        before = await asyncio.to_thread(kept.read, own, folder)
        return Refreshed(provider=own.name, fetched=None if before is None else before.fetched, error=error)


def _keep(own: ProviderSettings, listing: Listing, taken: Collection[str], folder: Path | None) -> Refreshed:
    known = _facts()
    entries = {entry.id: entry.over(known.get(entry.id)) for entry in listing.entries if entry.id not in taken}
    before = {entry.id: entry for entry in kept.listed(own, folder)}
    if before and not listing.entries:
        raise BadReply("the list is empty, though there were models before", kind="empty")
    new, gone = sorted(entries.keys() - before.keys()), sorted(before.keys() - entries.keys())
    if not listing.whole:
        entries, gone = {**before, **entries}, []
    try:
        date = kept.write(own, tuple(entries.values()), folder)
    except OSError as error:
        raise ConfigError(
            "the cache folder", f"cannot be written ({error.strerror})", "Look at its owner and space."
        ) from None
    count = len(entries.keys() | {entry.id for entry in listing.entries})
    answer = Refreshed(provider=own.name, count=count, new=tuple(new), gone=tuple(gone), fetched=date)
    return evolve(answer, whole=listing.whole)


def _facts() -> dict[str, Entry]:
    """What LiteLLM's table knows, by the models' names; nothing where modelplug-litellm is not installed."""
    try:
        from modelplug_litellm.facts import facts
    except ImportError:
        return {}
    return {
        name: Entry(
            id=name,
            context_window=model.context_window,
            max_output=model.max_output,
            capabilities=model.capabilities,
            list_prices={key: price for key in PRICES if (price := getattr(model.prices, key)) is not None},
        )
        for name, model in facts().items()
    }
