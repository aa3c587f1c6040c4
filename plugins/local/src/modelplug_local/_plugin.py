"""The plugin: brings the model and the strategy that serves it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from modelplug import ConfigError, Hooks, Model, Prices, Settings, hookimpl

from modelplug_local._model import Progress
from modelplug_local._server import Loading, Server
from modelplug_local._strategy import LocalStrategy

PROVIDER = "local"

FREE = Prices(input=Decimal(0), output=Decimal(0))


class Local(Hooks):
    """One model and, for its calls, one strategy. Nothing is fetched or started before the first call.

    `progress` may be set by the host: it is told, by another thread, while the model is fetched.
    """

    defaults: ClassVar[Mapping[str, Any]] = {
        "default_model": "local",
        "providers": {PROVIDER: {"strategy": "local"}},
    }

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self._strategy: LocalStrategy | None = None

    @hookimpl
    def provide_models(self, settings: Settings) -> Iterable[Model]:
        """SmolLM2, or the model that the settings name."""
        loading = loading_of(settings)
        small = loading.path is None
        yield Model(
            id=f"{PROVIDER}/{loading.name}",
            provider=PROVIDER,
            name="SmolLM2 135M Instruct" if small else loading.name,
            aliases=("local", "smollm2") if small else ("local",),
            context_window=loading.context_window,
            capabilities=("chat", "embeddings", "json_schema"),
            prices=FREE,
            requires=(),
        )

    @hookimpl
    def select_strategy(self, model: Model, settings: Settings) -> LocalStrategy | None:
        """The strategy, for providers that ask for `local`."""
        if settings.provider(model.provider).strategy != LocalStrategy.name:
            return None
        loading = loading_of(settings)
        if self._strategy is None or self._strategy.loading != loading:
            self._strategy = LocalStrategy(loading, progress=self._tell)
        return self._strategy

    def _tell(self, done: int, total: int | None) -> None:
        if self.progress is not None:
            self.progress(done, total)


def loading_of(settings: Settings) -> Loading:
    """What the settings say is to be loaded. Raises ConfigError for a context window that is no whole number."""
    provider = settings.provider(PROVIDER)
    found = provider.find("context_window")
    tokens = provider.number("context_window", Loading().context_window)
    if found is not None and (tokens is None or tokens < 1 or tokens != int(tokens)):
        raise ConfigError(found.setting, "is not a number of tokens", "Write a whole number such as 2048.")
    context_window = int(tokens or 0)
    path = provider.get("model_path")
    if not path:
        return Loading(context_window=context_window)
    path = Path(str(path)).expanduser()
    return Loading(path=path, name=path.stem.lower(), context_window=context_window)


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    api_key: str | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Server:
    """The local model as an OpenAI-compatible endpoint for other programs: a running Server, to be used in `with`.

    `server.credentials` has its base and key. Raises what `Server.start` raises.
    """
    loading = loading_of(settings or Settings.read())
    return Server.start(loading, host=host, port=port, key=api_key, progress=progress)
