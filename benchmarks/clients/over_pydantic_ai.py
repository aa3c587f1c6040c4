"""pydantic-ai: its direct requests, which its documentation gives for calls without an agent."""

from __future__ import annotations

from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import ModelRequest, PartDeltaEvent, SystemPromptPart, TextPartDelta, UserPromptPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from shapes import KEY, MESSAGES, MODEL, Shape

from clients import Call


async def opened(base: str, shape: Shape) -> Call:
    model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=base, api_key=KEY))
    parts = [SystemPromptPart(content=MESSAGES[0]["content"]), UserPromptPart(content=MESSAGES[1]["content"])]
    messages = [ModelRequest(parts=parts)]

    async def call() -> tuple[str, int | None]:
        if not shape.events:
            answer = await model_request(model, messages)
            return answer.parts[0].content, answer.usage.output_tokens
        seen = []
        async with model_request_stream(model, messages) as stream:
            async for event in stream:
                if isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                    seen.append(event.delta.content_delta)
            answer = stream.get()
        assert answer.finish_reason == "stop" and len(seen) >= shape.events - 1
        return answer.parts[0].content, answer.usage.output_tokens

    return call
