"""What is under test: a plugin's model, the plugins it needs, its settings and what it claims to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen
from modelplug import Model, Settings, Switchboard
from modelplug.retry import Retry
from modelplug.testing import Listener

KEY = "sk-kit-7Qm3xYv9Lr2Tb8Wd"
"""The key of all calls of the kit; nothing may show it."""

QUICK: Mapping[str, float] = {"connect_timeout": 5, "first_byte_timeout": 5, "idle_timeout": 0.6, "grace": 0.2}
"""Settings that strategies on modelplug-http's wire follow; others leave them alone."""


def _words(words: Iterable[str]) -> frozenset[str]:
    return frozenset(words)


@frozen(kw_only=True)
class Subject:
    """A plugin as the kit calls it.

    `model` names one of its models, `embedding_model` the one for embeddings where that is another; a plugin that
    only listens has none. `claims` are words of "chat", "stream", "tools", "embeddings". `plugins` are plugged in by
    hand; without any the installed ones are loaded. `settings` are further settings of the model's provider.
    """

    model: str = ""
    claims: frozenset[str] = field(converter=_words)
    embedding_model: str | None = None
    plugins: tuple[Any, ...] = ()
    settings: Mapping[str, Any] = field(factory=dict)

    def board(
        self, *, tries: int = 1, base: str | None = None, environment: Mapping[str, str] | None = None
    ) -> Switchboard:
        """A new board, with no setting from this machine. Its provider has a key, and `base` where one is given."""
        if not self.model:
            return self._loaded(Settings(argument={"retry": {"attempts": tries}}, environment={}))
        provider = self._found(Settings(environment={})).provider
        table: dict[str, Any] = {**QUICK, **self.settings}
        if environment is None:
            table["api_key"] = KEY
            if base is not None:
                table["api_base"] = base
        argument = {"providers": {provider: table}, "retry": {"attempts": tries}}
        return self._loaded(Settings(argument=argument, environment=environment or {}))

    def listened(self, **options: Any) -> tuple[Switchboard, Listener]:
        """A new board, and what listens to it."""
        board = self.board(**options)
        return board, Listener.on(board, name="the-kit-listens")

    def _found(self, settings: Settings) -> Model:
        return self._loaded(settings).resolve(self.model)

    def _loaded(self, settings: Settings) -> Switchboard:
        if not self.plugins:
            return Switchboard.load(settings=settings)
        board = Switchboard(settings=settings)
        board.add(Retry(), name="retry")
        for plugin in self.plugins:
            board.add(plugin)
        return board
