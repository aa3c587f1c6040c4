"""The plugin: the models that settings name, and those that endpoints list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from attrs import evolve
from modelplug import ConfigError, Hooks, Model, ProviderSettings, Settings, Strategy, Switchboard, hookimpl
from modelplug_http import HttpPlugin

from modelplug_discovery.entries import entries
from modelplug_discovery.kept import listed, read


class Discovery(Hooks):
    """Brings the models of providers whose table has `models` or `discover`.

    What the table says of a model wins over what the endpoint lists. Lists come from the cache: loading asks nobody.
    A provider whose table is wrong is not brought; `problems` says why, by provider.
    """

    def __init__(self) -> None:
        self.problems: Mapping[str, ConfigError] = {}
        self._http = HttpPlugin()

    @hookimpl
    def provide_models(self, settings: Settings) -> Iterable[Model]:
        """Their models; those of a provider with a plugin of its own are the plugin's to bring."""
        models, problems = list[Model](), dict[str, ConfigError]()
        for name in settings.providers:
            own = settings.provider(name)
            try:
                models += _models(own) if _declared(own) else ()
            except ConfigError as error:
                problems[name] = error.with_traceback(None)  # which would hold the settings
        self.problems = problems
        return models

    def fetched(self, own: ProviderSettings) -> float | None:
        """When the list of a provider was fetched (Unix time), None without one."""
        kept = read(own)
        return None if kept is None else kept.fetched

    async def keep_fresh(self, board: Switchboard, *, hours: float = 24.0) -> None:
        """As `modelplug_discovery.refreshing.keep_fresh`, for hosts that know plugins by name alone."""
        from modelplug_discovery.refreshing import keep_fresh

        await keep_fresh(board, hours=hours)

    @hookimpl
    def select_strategy(self, model: Model, settings: Settings) -> Strategy | None:
        """The strategy `http`, where the table of such a provider names none."""
        own = settings.provider(model.provider)
        if own.strategy is not None or not _declared(own):
            return None
        return self._http.select_strategy(model, settings.over([{"providers": {own.name: {"strategy": "http"}}}]))


def _declared(own: ProviderSettings) -> bool:
    if own.name in own.settings.defaults.get("providers", {}):
        return False  # a plugin of its own brings it
    return own.get("models") is not None or own.flag("discover")


def _models(own: ProviderSettings) -> list[Model]:
    # A server on this machine, say, is asked without a key: one is needed where settings speak of one.
    requires = ("api_key", "api_base") if own.find("api_key", "api_key_env", "api_key_file") else ("api_base",)
    found = {entry.id: entry for entry in listed(own)} if own.flag("discover") else {}
    for entry in entries(own):
        found[entry.id] = entry.over(found.get(entry.id))
    ratio = own.number("list_prices", least=0)
    share = None if ratio is None else Decimal(str(ratio))
    return [evolve(entry.model(own.name, ratio=share), requires=requires) for entry in found.values()]
