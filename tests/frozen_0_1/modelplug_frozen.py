"""Plugins as they were written for the hooks of 0.1, and one for hooks that there may be. Never change one; add one.

`tests/test_versions.py` loads them with the hooks of today and with hooks as they may be tomorrow.
"""

# mypy: disable-error-code=override
# Plugins may leave arguments out, and one insists on too many.

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable, Mapping
from typing import Any, ClassVar

import pluggy
from modelplug import Call, Chunk, Hooks, Layer, Model, Reply, Request, Settings, Strategy, hookimpl
from modelplug.testing import FakeStrategy


class Whole(Hooks):
    """Every hook, with every argument that it had."""

    defaults: ClassVar[Mapping[str, Any]] = {"providers": {"frozen": {"strategy": "frozen"}}}

    def __init__(self) -> None:
        self.heard: list[str] = []

    @hookimpl
    def provide_models(self, settings: Settings) -> Iterable[Model]:
        return [Model(id="frozen/one", provider="frozen", requires=())]

    @hookimpl
    def wire_name(self, model: Model) -> str | None:
        return "uno" if model.id == "frozen/one" else None

    @hookimpl
    def select_strategy(self, model: Model, settings: Settings) -> Strategy | None:
        wanted = settings.provider(model.provider).strategy
        return FakeStrategy("frozen words") if wanted == "frozen" else None

    @hookimpl
    def call_started(self, request: Request) -> None:
        self.heard.append(f"started {request.wire_name}")

    @hookimpl
    def call_finished(self, call: Call) -> None:
        self.heard.append(f"finished {call.model_id} {call.outcome}")


class Fewer(Hooks):
    """The same hooks with fewer arguments, or none."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    @hookimpl
    def provide_models(self) -> Iterable[Model]:
        return [Model(id="fewer/one", provider="fewer", requires=())]

    @hookimpl
    def wire_name(self) -> str | None:
        return None

    @hookimpl
    def select_strategy(self, model: Model) -> Strategy | None:
        return FakeStrategy("fewer words") if model.provider == "fewer" else None

    @hookimpl
    def call_started(self) -> None:
        self.heard.append("started")

    @hookimpl
    def call_finished(self) -> None:
        self.heard.append("finished")


class Around(Hooks):
    """A layer, by a wrapper without arguments."""

    @hookimpl(wrapper=True)
    def select_strategy(self) -> Generator[None, Strategy | None, Strategy | None]:
        inner = yield
        return None if inner is None else Layer(inner)


class TwoMethods:
    """A strategy that is nothing but its two methods."""

    name = "plain"

    async def complete(self, request: Request) -> Reply:
        message = {"role": "assistant", "content": "of two methods"}
        return Reply({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        for word, finish in (("of two ", None), ("methods", "stop")):
            yield Chunk({"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": finish}]})


class Loud(Layer):
    """A layer that changes what its inner strategy says, whole and in chunks."""

    async def complete(self, request: Request) -> Reply:
        reply = await super().complete(request)
        reply.data["choices"][0]["message"]["content"] = reply.text.upper()
        return Reply(reply.data)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        chunks = self.inner.stream(request)
        try:
            async for chunk in chunks:
                chunk.data["choices"][0]["delta"]["content"] = chunk.text.upper()
                yield chunk
        finally:
            await chunks.aclose()


class Plain(Hooks):
    """Brings a model, and carries it by a layer round a strategy."""

    @hookimpl
    def provide_models(self) -> Iterable[Model]:
        return [Model(id="plain/one", provider="plain", requires=())]

    @hookimpl
    def select_strategy(self, model: Model) -> Strategy | None:
        return Loud(TwoMethods()) if model.provider == "plain" else None


class Bare:
    """A plugin that knows pluggy's marker and no class of modelplug's."""

    mark = pluggy.HookimplMarker("modelplug")

    def __init__(self) -> None:
        self.heard: list[str] = []

    @mark
    def call_finished(self, call: Any) -> None:
        self.heard.append(call.outcome)


class Ahead(Hooks):
    """Has a hook that 0.1 does not ask, marked so that it need not."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    @hookimpl(optionalhook=True)
    def board_closed(self, reason: str) -> None:
        self.heard.append(reason)

    @hookimpl
    def call_finished(self, call: Call) -> None:
        self.heard.append(call.outcome)


class TooFarAhead(Hooks):
    """The same hook, and it insists."""

    @hookimpl
    def board_closed(self, reason: str) -> None: ...


class Greedy(Hooks):
    """A hook of 0.1 with an argument that it never had."""

    @hookimpl
    def call_finished(self, call: Call, weather: str) -> None: ...
