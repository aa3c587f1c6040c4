"""Router: LiteLLM's Router chooses the deployment, Direct carries the call.

LiteLLM's Router could carry it too. But then it retries, sleeps and falls back by itself, and calls an answer a success
that was cut. So it does what it is for, and what came is judged as everywhere (docs/decisions/0003).
"""

from __future__ import annotations

from collections import OrderedDict
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

_KEPT = 64
"""So many Routers of LiteLLM are kept, those used last."""


class Router(Layer):
    """The strategy `router`, for one provider.

    `deployments` are the provider's own credentials, among which the calls are spread. A call with credentials of its
    own goes there and nowhere else. Each of these has a Router of LiteLLM's to itself: no call can get another's key.
    """

    name = "router"

    def __init__(self, inner: Direct, deployments: tuple[Credentials, ...] = ()) -> None:
        super().__init__(inner)
        self._deployments = deployments
        self._content = inner.content
        self._routers: OrderedDict[tuple[Credentials, ...], Any] = OrderedDict()

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

    async def aclose(self) -> None:
        """Closes what carries the calls, and forgets all keys."""
        self._routers.clear()
        await super().aclose()

    async def _routed(self, request: Request) -> Request:
        """The request, with the credentials of the deployment that LiteLLM's Router chooses."""
        llm = await litellm()
        known = request.credentials in self._deployments
        deployments = self._deployments if known else (request.credentials,)
        router = self._router(llm, deployments)
        group = f"{dialect(llm, request.model.provider)}/{request.wire_name}"
        if group not in router.model_names:
            _add(llm, router, group, len(deployments))
        with discretion(request, content=self._content):
            chosen = await router.async_get_available_deployment(model=group, request_kwargs={})
        place = chosen["model_info"]["place"]
        return evolve(request, credentials=deployments[place])

    def _router(self, llm: ModuleType, deployments: tuple[Credentials, ...]) -> Any:
        router = self._routers.get(deployments)
        if router is None:
            router = self._routers[deployments] = _new_router(llm)
            if len(self._routers) > _KEPT:
                self._routers.popitem(last=False)
        else:
            self._routers.move_to_end(deployments)
        return router


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
