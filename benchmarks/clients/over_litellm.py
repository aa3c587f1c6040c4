"""LiteLLM: `acompletion`, or its Router with one deployment. Without callbacks, debugging or retries."""

from __future__ import annotations

from typing import Any

import litellm
from shapes import KEY, MESSAGES, MODEL, Shape

from clients import Call
from clients.openai_chunks import streamed, whole


async def opened(base: str, shape: Shape, *, router: bool = False) -> Call:
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    where: dict[str, Any] = {"api_base": base, "api_key": KEY}
    complete, arguments = litellm.acompletion, {"model": f"openai/{MODEL}", "max_retries": 0, **where}
    if router:
        deployment = {"model_name": MODEL, "litellm_params": {"model": f"openai/{MODEL}", **where}}
        complete, arguments = litellm.Router([deployment], num_retries=0).acompletion, {"model": MODEL}
    if shape.events:
        arguments |= {"stream": True, "stream_options": {"include_usage": True}}

    async def call() -> tuple[str, int | None]:
        answer = await complete(messages=MESSAGES, **arguments)
        return await streamed(answer) if shape.events else whole(answer)

    return call
