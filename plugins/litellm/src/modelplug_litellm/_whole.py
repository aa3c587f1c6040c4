"""Calls that LiteLLM carries itself, with an ear on the wire: for providers whose wire is not OpenAI's."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Awaitable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from modelplug import (
    BadReply,
    Chunk,
    ConfigError,
    Embeddings,
    Reply,
    Request,
    StreamCut,
    UnsupportedParameter,
)
from modelplug.reading import ChunkReader, read_embeddings, read_reply
from modelplug_http.options import Options
from modelplug_http.pools import Pools

from modelplug_litellm._discretion import discretion
from modelplug_litellm._failures import failure_before_the_wire, failure_from
from modelplug_litellm._importing import litellm
from modelplug_litellm._providers import base_of

if TYPE_CHECKING:
    from modelplug_litellm._ear import Ear

_WITH_A_CLIENT_OF_THEIR_OWN = frozenset({"azure", "azure_ai"})
"""Providers that LiteLLM calls through OpenAI's SDK, under which no ear fits. What LiteLLM says of them is believed."""

_OPENAIS = frozenset({"metadata", "user"})
"""Parameters of OpenAI's that LiteLLM has as options too."""

T = TypeVar("T")


class WholePath:
    """LiteLLM from end to end. Its retries, fallbacks and environment are kept out, its verdicts are checked."""

    def __init__(self, options: Options | None = None, *, content: bool = False) -> None:
        self._content = content
        self._options = options or Options()
        self._pools = Pools()
        self._ears: list[Ear] = []

    async def complete(self, request: Request) -> Reply:
        """The whole answer."""
        llm = await litellm()
        with self._listening(llm, request) as ear:
            answer = await self._carried(llm.acompletion(**_arguments(llm, request, ear)), request, ear)
            return read_reply(_data(answer, ear))

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The chunks; a finish reason that was not heard on the wire is not passed on."""
        llm = await litellm()
        reader = ChunkReader()
        with self._listening(llm, request) as ear:
            answer = await self._carried(llm.acompletion(**_arguments(llm, request, ear)), request, ear)
            try:
                while (piece := await self._carried(anext(answer, None), request, ear)) is not None:
                    chunk = reader.read(_data(piece, ear))
                    if chunk is None:
                        continue
                    if chunk.finish_reason and ear is not None and ear.heard.anything and not ear.heard.ended:
                        raise StreamCut("the stream ended before the provider said why")
                    yield chunk
            finally:
                with discretion(request, content=self._content):
                    await answer.aclose()
        reader.end()

    async def embed(self, request: Request) -> Embeddings:
        """Vectors."""
        llm = await litellm()
        with self._listening(llm, request) as ear:
            answer = await self._carried(llm.aembedding(**_arguments(llm, request, ear)), request, ear)
            return read_embeddings(_data(answer, ear), asked=request.input)

    async def aclose(self) -> None:
        """Closes all connections; they are made anew when they are needed."""
        await self._pools.aclose()

    async def _carried(self, calling: Awaitable[T], request: Request, ear: Ear | None) -> T:
        """What LiteLLM answers. What it raises becomes ours: the wire is asked first, LiteLLM where that was silent."""
        try:
            with discretion(request, content=self._content):
                return await calling
        except Exception as error:  # LiteLLM raises whatever its depths raise
            sent = ear is None or ear.heard.asked
            failure = failure_from(error) if sent else failure_before_the_wire(error)
            if ear is not None and ear.heard.failure is not None:
                failure = ear.heard.failure
            elif ear is not None and ear.heard.anything:
                said = "the stream went wrong" if ear.streams else "LiteLLM could not read the answer"
                failure = BadReply(f"{said}: {failure.message}", kind="stream_error" if ear.streams else "decode")
        raise failure

    @contextmanager
    def _listening(self, llm: ModuleType, request: Request) -> Iterator[Ear | None]:
        """An ear for one call; none for the providers under whose client none fits."""
        if request.model.provider in _WITH_A_CLIENT_OF_THEIR_OWN:
            yield None
            return
        from modelplug_litellm._ear import Ear

        ear = self._ears.pop() if self._ears else Ear(llm, self._pools, self._options)
        ear.begin(request)
        try:
            yield ear
        finally:
            ear.end()
            self._ears.append(ear)


def _data(answer: Any, ear: Ear | None) -> dict[str, Any]:
    """The answer in OpenAI's shape, without a count of tokens that LiteLLM made up."""
    data: dict[str, Any] = answer.model_dump(exclude_none=True)
    if ear is not None and ear.heard.anything and not ear.heard.usage:
        data.pop("usage", None)
    for choice in data.get("choices", ()):
        choice.setdefault("finish_reason", None)  # as OpenAI sends it, which is read quickest
    return data


def _arguments(llm: ModuleType, request: Request, ear: Ear | None) -> dict[str, Any]:
    """LiteLLM's arguments for a request. Key and base are always said: what is left out, it takes from elsewhere."""
    provider, credentials = request.model.provider, request.credentials
    arguments = request.body()
    _refuse_options(llm, arguments)
    arguments |= {
        "custom_llm_provider": provider,
        "api_base": _base(request),
        "max_retries": 0,
        "num_retries": 0,
        "extra_headers": {**dict(credentials.headers), **request.headers},
    }
    if credentials.api_key is not None:
        arguments["api_key"] = credentials.api_key.reveal()
    elif "api_key" in request.model.requires:
        raise ConfigError("credentials", f"hold no key for {provider!r}", "Give a key with them.")
    if arguments.get("tools"):
        arguments["_skip_mcp_handler"] = True  # else LiteLLM 1.106 imports its proxy and `mcp`, which it does not need
    if ear is not None:
        arguments["client"] = ear.client
    if request.deadline is not None:
        arguments["timeout"] = max(request.deadline - time.monotonic(), 0.001)
    return arguments


def _base(request: Request) -> str | None:
    """The base of a call. Where nobody gave one, LiteLLM must not find another's in the environment."""
    provider = request.model.provider
    base = base_of(provider, request.credentials.api_base)
    variable = f"{provider.upper()}_API_BASE"
    if base is None and variable in os.environ:
        raise ConfigError(variable, "is set, but the credentials of this call name no base", "Give them an api_base.")
    return base


def _refuse_options(llm: ModuleType, arguments: Mapping[str, Any]) -> None:
    """A request may come from anywhere: it does not steer LiteLLM."""
    for name in arguments:
        if name in llm.types.utils.all_litellm_params and name not in _OPENAIS:
            raise UnsupportedParameter(f"{name!r} is an option of LiteLLM, not a parameter of a call")
