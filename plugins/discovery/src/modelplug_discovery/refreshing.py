"""Brings the kept lists up to date, and the board with them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen
from modelplug import CallFailed, ConfigError, ProviderSettings, Switchboard

from modelplug_discovery import kept
from modelplug_discovery.entry import PRICES, Entry
from modelplug_discovery.fetching import SECONDS, fetch

log = logging.getLogger("modelplug.discovery")


@frozen(kw_only=True)
class Refreshed:
    """What came of asking one provider: how many models it lists, which are new and which are gone; or its error.

    After an error the provider keeps the models that it had.
    """

    provider: str
    count: int = 0
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    error: CallFailed | ConfigError | None = None


async def refresh(
    board: Switchboard, providers: Iterable[str] | None = None, *, folder: Path | None = None
) -> list[Refreshed]:
    """Ask these providers, or all that have `discover`, for their models, and swap the board's catalog.

    Calls under way keep the model that they began with. No provider's failure is raised: it is in the answer.
    """
    names = discovered(board) if providers is None else list(providers)
    asked = (asyncio.to_thread(ask, board.settings.provider(name), folder=folder) for name in names)
    answers = await asyncio.gather(*asked)
    if any(answer.error is None for answer in answers):
        board.refresh()
    return list(answers)


async def keep_fresh(board: Switchboard, *, hours: float = 24.0) -> None:
    """Refresh now and every so many hours, until the task is cancelled: for `asyncio.create_task` in a host."""
    while True:
        for answer in await refresh(board):
            if answer.error is not None:
                log.warning("provider %r keeps its earlier models: %s", answer.provider, answer.error)
        await asyncio.sleep(hours * 3600)


def discovered(board: Switchboard) -> list[str]:
    """The providers whose settings say `discover`."""
    settings = board.settings
    return [name for name in settings.providers if settings.provider(name).flag("discover")]


def ask(own: ProviderSettings, *, seconds: float = SECONDS, folder: Path | None = None) -> Refreshed:
    """Ask one provider and keep what it lists, with facts that are known elsewhere."""
    try:
        fetched, known = fetch(own, seconds=seconds), _facts()
    except (CallFailed, ConfigError) as error:
        return Refreshed(provider=own.name, error=error)
    entries = [entry.over(known.get(entry.id)) for entry in fetched]
    before = {entry.id for entry in kept.listed(own, folder)}
    now = {entry.id for entry in entries}
    try:
        kept.write(own, entries, folder)
    except OSError as error:
        problem = ConfigError(
            "the cache folder", f"cannot be written ({error.strerror})", "Look at its owner and space."
        )
        return Refreshed(provider=own.name, error=problem)
    return Refreshed(
        provider=own.name, count=len(now), new=tuple(sorted(now - before)), gone=tuple(sorted(before - now))
    )


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
