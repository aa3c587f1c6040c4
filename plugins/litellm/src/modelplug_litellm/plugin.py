"""The plugin: brings LiteLLM's catalogue, claims the models that are to be called through LiteLLM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from attrs import evolve
from modelplug import ConfigError, Credentials, Hooks, Model, ProviderSettings, Settings, Strategy, hookimpl

from modelplug_litellm._providers import API_BASES

if TYPE_CHECKING:
    from modelplug_http.options import Options
    from modelplug_http.wire import Wire


class LiteLLMPlugin(Hooks):
    """The models of LiteLLM's standard providers, and two strategies.

    `direct` carries the providers whose setting `strategy` asks for it, `router` those that ask for it and, last of
    all plugins, the standard providers that ask for nothing. All share one Wire.
    """

    def __init__(self) -> None:
        self._wire: Wire | None = None
        self._strategies: dict[tuple[str, str, Options, tuple[Credentials, ...], bool], Strategy] = {}

    @hookimpl
    def provide_models(self, settings: Settings) -> Iterable[Model]:
        """Asked at load: chat and embedding models, read from LiteLLM's price map."""
        from modelplug_litellm._catalogue import models  # not before the plugin is used

        return models()

    @hookimpl(trylast=True)
    def select_strategy(self, model: Model, settings: Settings) -> Strategy | None:
        """Direct or Router, where one of them is asked for or nothing is."""
        provider = settings.provider(model.provider)
        name = provider.strategy or ("router" if model.provider in API_BASES else None)
        if name not in ("direct", "router"):
            return None
        return self._strategy(name, provider)

    def _strategy(self, name: str, provider: ProviderSettings) -> Strategy:
        # imported when they are first needed: loading the plugin costs nothing
        from modelplug_http.options import Options
        from modelplug_http.wire import Wire

        from modelplug_litellm.direct import Direct
        from modelplug_litellm.router import Router

        if self._wire is None:
            self._wire = Wire()
        options = Options.read(provider)
        deployments = _deployments(provider) if name == "router" else ()
        content = provider.settings.table("log").flag("content")
        key = (name, provider.name, options, deployments, content)
        if key not in self._strategies:
            direct = Direct(self._wire, options, content=content)
            self._strategies[key] = direct if name == "direct" else Router(direct, deployments)
        return self._strategies[key]


def _deployments(provider: ProviderSettings) -> tuple[Credentials, ...]:
    """The provider's own credentials and those of its tables `[providers.NAME.deployments.ANY]`; none without any.

    Raises ConfigError for a deployment without a key.
    """
    tables = provider.find("deployments")
    if tables is None or not tables.value:
        return ()
    if not isinstance(tables.value, Mapping):
        raise ConfigError(tables.setting, "is not a table", f"Write [{'.'.join(provider.path)}.deployments.NAME].")
    own = provider.credentials()
    found = [own]
    for name in tables.value:
        table = ProviderSettings(
            settings=provider.settings,
            path=(*provider.path, "deployments", name),
            prefix=f"{provider.prefix}_{name}",
        )
        given = table.credentials()
        if given.api_key is None:
            raise ConfigError(table.variable("api_key"), "is not set, and this deployment needs it", "Set it.")
        found.append(evolve(given, api_base=given.api_base or own.api_base))
    return tuple(found)
