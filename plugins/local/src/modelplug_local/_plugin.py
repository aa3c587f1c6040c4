"""The plugin: brings the model and the strategy that serves it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from modelplug import Hooks, Model, Prices, Settings, hookimpl

from modelplug_local._loading import PROVIDER, loading_of

if TYPE_CHECKING:
    from modelplug_local._strategy import LocalStrategy
    from modelplug_local.model import Progress

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
        if settings.provider(model.provider).strategy != "local":
            return None
        from modelplug_local._strategy import LocalStrategy  # not before a call: loading needs neither process nor loop

        loading = loading_of(settings)
        if self._strategy is None or self._strategy.loading != loading:
            self._strategy = LocalStrategy(loading, progress=self._tell)
        return self._strategy

    def _tell(self, done: int, total: int | None) -> None:
        if self.progress is not None:
            self.progress(done, total)
