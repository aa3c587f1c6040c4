"""How a call is carried: the Strategy that carries it, the Request it is given, and layers around a Strategy."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from attrs import field, frozen

from modelplug.answers import Chunk, Embeddings, Reply
from modelplug.calls import Attempt, Operation
from modelplug.credentials import Credentials
from modelplug.errors import NoStrategy
from modelplug.models import Model


@frozen(kw_only=True)
class Request:
    """One call as a strategy sees it. Made by the Switchboard; everything in it is already resolved.

    `messages` are OpenAI's message objects (for chat), `input` is the text or texts (for embeddings), `params` are
    OpenAI's parameters and whatever else the host passed. `deadline` is in seconds of `time.monotonic()`, or None.
    `tenant` is whom the host named.
    `attempts` is the only part that grows: whoever tries again appends the try that failed. The Switchboard adds the
    last one.
    """

    id: str
    requested: str
    model: Model
    wire_name: str
    operation: Operation = "chat"
    stream: bool = False
    messages: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    input: Any = field(default=None, repr=False)
    params: Mapping[str, Any] = field(factory=dict, repr=False)
    credentials: Credentials = field(factory=Credentials, repr=False)
    deadline: float | None = None
    tenant: str | None = None
    attempts: list[Attempt] = field(factory=list, repr=False)

    def body(self) -> dict[str, Any]:
        """The JSON body in OpenAI's shape: the wire name, the messages or input, the parameters, `extra_body` merged.

        A stream asks for usage unless `stream_options` says otherwise; `stream` is always said, because some
        gateways stream when it is absent (liustack/modlens#94).
        """
        body: dict[str, Any] = {"model": self.wire_name}
        if self.operation == "embeddings":
            body["input"] = self.input
        else:
            body["messages"] = self.messages
        for name, value in self.params.items():
            if name == "extra_body":
                body.update(value or {})
            elif name != "extra_headers":
                body[name] = value
        if self.operation == "chat":
            body["stream"] = self.stream
            if self.stream:
                body.setdefault("stream_options", {"include_usage": True})
                if body["stream_options"] is None:
                    del body["stream_options"]
        return body

    @property
    def headers(self) -> dict[str, str]:
        """The caller's extra headers; never one that carries credentials."""
        return dict(self.params.get("extra_headers") or {})


Bursts = Callable[[Request], AsyncGenerator[Sequence[Chunk], None]]
"""What gives the chunks of a stream as they arrived: often many at once."""


@runtime_checkable
class Strategy(Protocol):
    """Anything that can carry a call. Raises only kinds of CallFailed and ConfigError.

    It may be used by several event loops, one after another. A strategy that also has `async embed(request)` carries
    embeddings; one that has `async aclose()` is closed with the board. One that has `bursts(request)`, which gives the
    chunks of `stream` in lists as they arrive, is spared what each chunk costs on its way. `warm()`, called by
    `Switchboard.warm` in a thread, imports what calls need and opens nothing. `name`, or else the class name in lower
    case, is what `Call.strategy` says.
    """

    async def complete(self, request: Request) -> Reply:
        """The whole answer."""
        ...

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The answer in chunks. Closing the generator closes the provider's connection."""
        ...


class Layer:
    """A Strategy that holds a Strategy and passes everything on. Override what the layer is for.

    Put one around others with a wrapper hook; it is built once for a model:

        @hookimpl(wrapper=True)
        def select_strategy(self, model, settings):
            inner = yield
            return None if inner is None else MyLayer(inner)
    """

    def __init__(self, inner: Strategy) -> None:
        self.inner = inner

    @property
    def name(self) -> str:
        """The name of what is inside: a layer does not hide who carries the call."""
        return strategy_name(self.inner)

    async def complete(self, request: Request) -> Reply:
        """The inner answer."""
        return await self.inner.complete(request)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The inner chunks; the inner generator is closed with this one."""
        chunks = self.inner.stream(request)
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    @property
    def bursts(self) -> Bursts | None:
        """The inner bursts. A layer that has a `stream` of its own is asked for that, unless it has `bursts` too."""
        return bursts_of(self.inner)

    async def embed(self, request: Request) -> Embeddings:
        """The inner vectors. Raises NoStrategy where the inner strategy has none."""
        return await embedding(self.inner, request)

    def warm(self) -> None:
        """Warms the inner strategy."""
        warm(self.inner)

    async def aclose(self) -> None:
        """Closes the inner strategy."""
        await close(self.inner)


def bursts_of(strategy: object) -> Bursts | None:
    """The strategy's `bursts`, where they are sure to give what its `stream` gives.

    They are not when a class below the one that wrote `bursts` has written another `stream`.
    """
    for namespace in (getattr(strategy, "__dict__", {}), *map(vars, type(strategy).__mro__)):
        if "bursts" in namespace:
            bursts: Bursts | None = getattr(strategy, "bursts", None)
            return bursts
        if "stream" in namespace:
            break
    return None


async def one_by_one(bursts: AsyncGenerator[Sequence[Chunk], None]) -> AsyncGenerator[Chunk, None]:
    """The chunks of bursts, as `stream` gives them. Closing it closes the bursts."""
    try:
        async for burst in bursts:
            for chunk in burst:
                yield chunk
    finally:
        await bursts.aclose()


async def singly(chunks: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Sequence[Chunk], None]:
    """Chunks as bursts of one. Closing it closes the chunks."""
    try:
        async for chunk in chunks:
            yield (chunk,)
    finally:
        await chunks.aclose()


def strategy_name(strategy: object) -> str:
    """What `Call.strategy` says of this strategy."""
    name = getattr(strategy, "name", None)
    return name if isinstance(name, str) else type(strategy).__name__.lower()


async def embedding(strategy: Strategy, request: Request) -> Embeddings:
    """Vectors from a strategy. Raises NoStrategy when it carries no embeddings."""
    embed = getattr(strategy, "embed", None)
    if embed is None:
        raise NoStrategy(request.model.id, f"strategy {strategy_name(strategy)!r} carries no embeddings")
    vectors: Embeddings = await embed(request)
    return vectors


def warm(strategy: object) -> None:
    """Has a strategy import what its calls need, where it says how."""
    warming = getattr(strategy, "warm", None)
    if warming is not None:
        warming()


async def close(strategy: object) -> None:
    """Closes a strategy that can be closed."""
    aclose = getattr(strategy, "aclose", None)
    if aclose is not None:
        await aclose()
