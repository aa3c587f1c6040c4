"""A layer: whole answers are remembered, streams pass through."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Generator

from modelplug import Hooks, Layer, Model, Reply, Request, Settings, Strategy, hookimpl

_KEPT = 1_000


class Cache(Layer):
    """Answers a question that it has heard before from memory.

    The key is everything that is sent, and whose credentials send it: tenants never see each other's answers.
    """

    def __init__(self, inner: Strategy) -> None:
        super().__init__(inner)
        self._known: OrderedDict[tuple[str, object], Reply] = OrderedDict()

    async def complete(self, request: Request) -> Reply:
        key = (json.dumps(request.body(), sort_keys=True, default=str), request.credentials)
        if key not in self._known:
            self._known[key] = await super().complete(request)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return Reply(self._known[key].data)  # a new object: each call has a record of its own


class Caching(Hooks):
    """Puts a Cache round every selected strategy, once for each model."""

    @hookimpl(wrapper=True)
    def select_strategy(self, model: Model, settings: Settings) -> Generator[None, Strategy | None, Strategy | None]:
        inner = yield
        return None if inner is None else Cache(inner)
