"""Router: LiteLLM's Router chooses the deployment, Direct carries the call.

LiteLLM's Router could carry it too. But then it retries, sleeps and falls back by itself, and calls an answer a success
that was cut. So it does what it is for, and what came is judged as everywhere (docs/decisions/0003).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from attrs import evolve
from modelplug import CallFailed, Chunk, Credentials, Embeddings, Layer, Reply, Request

from modelplug_litellm._discretion import discretion
from modelplug_litellm._importing import litellm
from modelplug_litellm._providers import dialect
from modelplug_litellm.direct import Direct


class Router(Layer):
    """The strategy `router`, for one provider.

    `deployments` are the provider's own credentials, among which the calls are spread. A call with credentials of its
    own goes there and nowhere else, past LiteLLM's Router: there is nothing to choose.
    """

    name = "router"

    def __init__(self, inner: Direct, deployments: tuple[Credentials, ...] = ()) -> None:
        super().__init__(inner)
        self._deployments = deployments
        self._content = inner.content
        self._router: Any = None

    async def complete(self, request: Request) -> Reply:
        """The whole answer of the deployment that was chosen."""
        routed = await self._routed(request)
        with _unsaid(routed.credentials):
            return await self.inner.complete(routed)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The chunks of the deployment that was chosen."""
        routed = await self._routed(request)
        chunks = self.inner.stream(routed)
        try:
            with _unsaid(routed.credentials):
                async for chunk in chunks:
                    yield chunk
        finally:
            await chunks.aclose()

    async def embed(self, request: Request) -> Embeddings:
        """The vectors of the deployment that was chosen."""
        routed = await self._routed(request)
        with _unsaid(routed.credentials):
            return await super().embed(routed)

    async def _routed(self, request: Request) -> Request:
        """The request, where there is a choice with the credentials of the deployment that LiteLLM's Router chooses."""
        if request.credentials not in self._deployments:
            return request
        llm = await litellm()
        if self._router is None:
            self._router = _new_router(llm)
        group = f"{dialect(llm, request.model.provider)}/{request.wire_name}"
        if group not in self._router.model_names:
            _add(llm, self._router, group, len(self._deployments))
        with discretion(request, content=self._content):
            chosen = await self._router.async_get_available_deployment(model=group, request_kwargs={})
        return evolve(request, credentials=self._deployments[chosen["model_info"]["place"]])


@contextmanager
def _unsaid(credentials: Credentials) -> Iterator[None]:
    """Takes the secrets of the chosen deployment out of an error: the board knows those of the request alone."""
    try:
        yield
    except CallFailed as error:
        credentials.hide_in(error)
        raise


def _new_router(llm: ModuleType) -> Any:
    router = llm.Router(model_list=[], num_retries=0, max_fallbacks=0, retry_after=0, disable_cooldowns=True)
    router.discard()  # it hooks itself into lists of LiteLLM's module, which would keep it and call it for every call
    return router


def _add(llm: ModuleType, router: Any, group: str, deployments: int) -> None:
    """Tell the Router of a model. It learns which deployment is which, and no key."""
    from litellm.types.router import Deployment, LiteLLM_Params, ModelInfo

    for place in range(deployments):
        name = f"modelplug-{id(router)}-{group}-{place}"
        router.add_deployment(
            Deployment(
                model_name=group,
                litellm_params=LiteLLM_Params(model=group, api_key="none"),
                model_info=ModelInfo(id=name, place=place),
            )
        )
        llm.model_cost.pop(name, None)  # the Router writes every deployment into a table of the module's
