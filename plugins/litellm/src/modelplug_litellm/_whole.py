"""Calls that LiteLLM carries itself, with an ear on the wire: for providers whose wire is not OpenAI's."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import nullcontext
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from modelplug import (
    BadReply,
    CallFailed,
    Chunk,
    ConfigError,
    Embeddings,
    Reply,
    Request,
    StreamCut,
    Unreachable,
    UnsupportedParameter,
)
from modelplug.failures import failure_from_response
from modelplug.reading import ChunkReader, read_embeddings, read_reply

from modelplug_litellm._failures import failure_from
from modelplug_litellm._importing import litellm
from modelplug_litellm._providers import API_BASES

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from modelplug_litellm._ear import Ear, Ears

_WITH_A_CLIENT_OF_THEIR_OWN = frozenset({"azure", "azure_ai"})
"""Providers that LiteLLM calls through OpenAI's SDK, under which no ear fits. What LiteLLM says of them is believed."""

_OPENAIS = frozenset({"metadata", "user"})
"""Parameters of OpenAI's that LiteLLM has as options too."""

T = TypeVar("T")


class WholePath:
    """LiteLLM from end to end. Its retries, fallbacks and environment are kept out, its verdicts are checked."""

    def __init__(self) -> None:
        self._ears: Ears | None = None

    async def complete(self, request: Request) -> Reply:
        """The whole answer."""
        llm = await litellm()
        with await self._listening(llm, request) as ear:
            answer = await _carried(llm.acompletion(**_arguments(llm, request, ear)), ear)
            return read_reply(_data(answer, ear))

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The chunks; a finish reason that was not heard on the wire is not passed on."""
        llm = await litellm()
        reader = ChunkReader()
        with await self._listening(llm, request) as ear:
            answer = await _carried(llm.acompletion(**_arguments(llm, request, ear)), ear)
            try:
                while (piece := await _carried(anext(answer, None), ear)) is not None:
                    chunk = reader.read(_data(piece, ear))
                    if chunk is None:
                        continue
                    if chunk.finish_reason and ear is not None and not ear.heard.ended:
                        raise StreamCut("the stream ended before the provider said why")
                    yield chunk
            finally:
                await answer.aclose()
                if ear is not None:
                    await ear.hang_up()
        reader.end()

    async def embed(self, request: Request) -> Embeddings:
        """Vectors."""
        llm = await litellm()
        with await self._listening(llm, request) as ear:
            answer = await _carried(llm.aembedding(**_arguments(llm, request, ear)), ear)
            return read_embeddings(_data(answer, ear))

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        if self._ears is not None:
            await self._ears.aclose()

    async def _listening(self, llm: ModuleType, request: Request) -> AbstractContextManager[Ear | None]:
        if request.model.provider in _WITH_A_CLIENT_OF_THEIR_OWN:
            return nullcontext()
        if self._ears is None:
            from modelplug_litellm._ear import Ears

            self._ears = Ears()
        await self._ears.begin()
        return self._ears.one(llm)


async def _carried(calling: Awaitable[T], ear: Ear | None) -> T:
    """What LiteLLM answers. What it raises becomes ours: the wire is asked first, LiteLLM where the wire was silent."""
    try:
        return await calling
    except Exception as error:  # LiteLLM raises whatever its depths raise
        heard = None if ear is None else ear.heard
        if heard is None:
            failure: CallFailed = failure_from(error)
        elif heard.refused:
            failure = failure_from_response(heard.status or 0, heard.headers, heard.body)
        elif heard.broken and heard.status is None:
            failure = Unreachable("no connection to the provider could be made, or it was lost before the answer")
        elif heard.broken:
            failure = StreamCut("the connection ended before the answer did")
        else:
            failure = failure_from(error)
            if heard.status is not None and not isinstance(failure, BadReply):
                failure = BadReply(failure.message, kind="stream_error", code=failure.code)
    raise failure


def _data(answer: Any, ear: Ear | None) -> dict[str, Any]:
    """The answer in OpenAI's shape, without a count of tokens that LiteLLM made up."""
    data: dict[str, Any] = answer.model_dump(exclude_none=True)
    if ear is not None and not ear.heard.usage:
        data.pop("usage", None)
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
    if ear is not None:
        arguments["client"] = ear.client
    if request.deadline is not None:
        arguments["timeout"] = max(request.deadline - time.monotonic(), 0.001)
    return arguments


def _base(request: Request) -> str | None:
    """The base of a call. Where nobody gave one, LiteLLM must not find another's in the environment."""
    provider = request.model.provider
    base = request.credentials.api_base or API_BASES.get(provider)
    variable = f"{provider.upper()}_API_BASE"
    if base is None and variable in os.environ:
        raise ConfigError(variable, "is set, but the credentials of this call name no base", "Give them an api_base.")
    return base


def _refuse_options(llm: ModuleType, arguments: Mapping[str, Any]) -> None:
    """A request may come from anywhere: it does not steer LiteLLM."""
    for name in arguments:
        if name in llm.types.utils.all_litellm_params and name not in _OPENAIS:
            raise UnsupportedParameter(f"{name!r} is an option of LiteLLM, not a parameter of a call")
