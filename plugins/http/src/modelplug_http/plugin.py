"""The plugin: claims the models of providers whose setting `strategy` is "http"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelplug import Hooks, hookimpl

if TYPE_CHECKING:
    from modelplug import Model, Settings

    from modelplug_http.options import Options
    from modelplug_http.strategy import Http
    from modelplug_http.wire import Wire


class HttpPlugin(Hooks):
    """All its strategies share one Wire; providers with the same options share one strategy."""

    def __init__(self) -> None:
        self._wire: Wire | None = None
        self._strategies: dict[Options, Http] = {}

    @hookimpl
    def select_strategy(self, model: Model, settings: Settings) -> Http | None:
        """Http, for the providers that ask for it."""
        provider = settings.provider(model.provider)
        if provider.strategy != "http":
            return None
        # imported when they are first needed: loading the plugin costs nothing
        from modelplug_http.options import Options
        from modelplug_http.strategy import Http
        from modelplug_http.wire import Wire

        options = Options.read(provider)
        if self._wire is None:
            self._wire = Wire()
        if options not in self._strategies:
            self._strategies[options] = Http(self._wire, options)
        return self._strategies[options]
