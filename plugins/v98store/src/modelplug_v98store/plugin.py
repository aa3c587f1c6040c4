"""The plugin. A provider is a class with three things: its models, the name that each has on the wire, and defaults
that say where calls go and which strategy carries them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from attrs import evolve
from modelplug import (
    Chunk,
    ConfigError,
    Hooks,
    Layer,
    Model,
    ProviderSettings,
    Reply,
    Request,
    Settings,
    Strategy,
    hookimpl,
)
from modelplug_discovery import listed
from modelplug_discovery.entries import entries

from modelplug_v98store._models import models

_CLAUDE_MAX_TOKENS = 8_192  # of the 64,000 possible: the reseller reserves their price before it answers


class V98Store(Hooks):
    """The provider `v98store`. Its settings are `V98STORE_API_KEY`, `V98STORE_API_BASE`, `V98STORE_GROUP_RATIO`."""

    defaults: ClassVar[Mapping[str, Any]] = {
        "providers": {
            "v98store": {
                "api_base": "https://v98store.com/v1",
                "strategy": "direct",
                "also": ["OPENAI_COMPATIBLE"],
            }
        }
    }

    @hookimpl
    def provide_models(self, settings: Settings) -> Iterable[Model]:
        own = settings.provider("v98store")
        return models(_group_ratio(own), entries(own), listed(own))

    @hookimpl
    def wire_name(self, model: Model) -> str | None:
        return model.id.removeprefix("openai-compatible/") if model.provider == "v98store" else None

    @hookimpl(wrapper=True)
    def select_strategy(self, model: Model, settings: Settings) -> Generator[None, Strategy | None, Strategy | None]:
        strategy = yield
        if strategy is None or model.provider != "v98store" or not model.id.startswith("openai-compatible/claude-"):
            return strategy
        return WithMaxTokens(strategy)


class WithMaxTokens(Layer):
    """Says `max_tokens` where the host did not: Claude models refuse a request without it."""

    async def complete(self, request: Request) -> Reply:
        return await super().complete(_with_max_tokens(request))

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        return super().stream(_with_max_tokens(request))


def _with_max_tokens(request: Request) -> Request:
    if not {"max_tokens", "max_completion_tokens"}.isdisjoint(request.body()):
        return request
    return evolve(request, params={**request.params, "max_tokens": _CLAUDE_MAX_TOKENS})


def _group_ratio(provider: ProviderSettings) -> Decimal:
    """What list prices are multiplied by: the ratio of the key's price group, which no answer tells."""
    ratio = Decimal(str(provider.number("group_ratio", 1)))
    if not 1 <= ratio <= 16:
        raise ConfigError(provider.variable("group_ratio"), "is not between 1 and 16", "Look at the key's price group.")
    return ratio
