"""Brings the kept lists up to date, and the board with them: once, or again and again beside a host."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterable
from pathlib import Path

from modelplug import ConfigError, ModelplugError, ProviderSettings, Switchboard

from modelplug_discovery import kept
from modelplug_discovery.asking import Refreshed, ask

__all__ = ["Refreshed", "ask", "discovered", "keep_fresh", "refresh"]

log = logging.getLogger("modelplug.discovery")

LOOK = 60.0
"""Seconds between two looks at the providers and at the dates of their lists."""
PAUSE = 60.0
"""Seconds until a provider that failed is asked again; twice as long after each further failure."""
SOON = 0.01
SPREAD = 0.1
"""The part of a wait that chance decides, so that many processes do not ask at once."""


async def refresh(
    board: Switchboard, providers: Iterable[str] | None = None, *, folder: Path | None = None
) -> list[Refreshed]:
    """Ask these providers, or all that have `discover`, for their models, and swap the board's catalog.

    Calls under way keep the model that they began with. No provider's failure is raised: it is in the answer.
    """
    names = discovered(board) if providers is None else list(providers)
    answers = await asyncio.gather(*(_ask(board, name, folder) for name in names))
    if any(answer.error is None for answer in answers):
        board.refresh()
    return list(answers)


async def _ask(board: Switchboard, name: str, folder: Path | None) -> Refreshed:
    """Ask one provider; models that another plugin brings, such as LiteLLM's of `openai`, are left to that plugin."""
    clashes, owner = board.catalog.clashes, board.catalog.owner
    theirs = {model.id for model in board.models if model.provider == name}
    taken = {own.removeprefix(f"{name}/") for own in theirs if owner(own) != "discovery" or own in clashes}
    return await ask(board.settings.provider(name), taken=taken, folder=folder)


def discovered(board: Switchboard) -> list[str]:
    """The providers whose settings say `discover`; one whose setting is wrong is told when models are brought."""
    settings = board.settings
    return [name for name in settings.providers if _discovers(settings.provider(name))]


def _discovers(own: ProviderSettings) -> bool:
    try:
        return own.flag("discover")
    except ConfigError:
        return False


async def keep_fresh(
    board: Switchboard, *, hours: float = 24.0, look: float = LOOK, folder: Path | None = None
) -> None:
    """Ask each provider that has `discover` whose list is older than so many hours, until the task is cancelled.

    For `asyncio.create_task` in a host. Each provider is asked by itself: none waits for another, and one that fails is
    asked again after a pause that grows, and not before the time that it said itself. Every `look` seconds the settings
    and the dates of the lists are looked at: a list that another process fetched is taken over. Nothing but being
    cancelled ends it.
    """
    tasks = dict[str, asyncio.Task[None]]()
    try:
        while True:
            names = discovered(board)
            for name in tasks.keys() - names:
                tasks.pop(name).cancel()
            for name in names:
                if name not in tasks:
                    tasks[name] = asyncio.create_task(_Kept(board, name, hours * 3600, folder).fresh(look))
            await asyncio.sleep(look)
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


class _Kept:
    """The list of one provider, kept fresh for a board."""

    def __init__(self, board: Switchboard, name: str, period: float, folder: Path | None) -> None:
        self._board, self._name, self._folder = board, name, folder
        self._period = period * random.uniform(1 - SPREAD, 1)  # noqa: S311  # no secret
        self._failures = 0
        self._not_before = 0.0
        self._taken: float | None = None
        """The date of the list that the board has."""

    async def fresh(self, look: float) -> None:
        """Until it is cancelled."""
        self._taken = await self._date()
        while True:
            try:
                wait = await self._turn()
            except ModelplugError as error:
                wait = self._failed(str(error))
            except Exception as error:  # whatever it is: the next turn may do better, and nobody else would say it
                wait = self._failed(type(error).__name__)
            await asyncio.sleep(min(max(wait, SOON), look))

    async def _turn(self) -> float:
        """Asks for the list where it is time, swaps the catalog where there is another; seconds until it is time."""
        date, now = await self._date(), time.time()
        due = 0.0 if date is None or date > now else date + self._period
        if max(due, self._not_before) <= now:
            answer = await _ask(self._board, self._name, self._folder)
            if answer.error is not None:
                return self._failed(str(answer.error), getattr(answer.error, "retry_after", None))
            self._failures, date = 0, answer.fetched
            due = time.time() + self._period
        if date != self._taken:
            self._board.refresh()
            self._taken = date
        return max(due, self._not_before) - time.time()

    async def _date(self) -> float | None:
        own = self._board.settings.provider(self._name)
        found = await asyncio.to_thread(kept.read, own, self._folder)
        return None if found is None else found.fetched

    def _failed(self, said: str, retry_after: float | None = None) -> float:
        """Seconds until it is asked again, never more than between two good lists."""
        pause = PAUSE * 2.0 ** min(self._failures, 10) * random.uniform(1, 1 + SPREAD)  # noqa: S311
        pause = min(max(pause, retry_after or 0.0), self._period)
        self._failures += 1
        self._not_before = time.time() + pause
        log.warning("provider %r keeps its earlier models: %s", self._name, said)
        return pause
