"""langchain-openai: ChatOpenAI, kept."""

from __future__ import annotations

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from shapes import KEY, MESSAGES, MODEL, Shape

from clients import Call


async def opened(base: str, shape: Shape) -> Call:
    chat = ChatOpenAI(base_url=base, api_key=KEY, model=MODEL, max_retries=0, stream_usage=True)
    messages = [SystemMessage(MESSAGES[0]["content"]), HumanMessage(MESSAGES[1]["content"])]

    async def call() -> tuple[str, int | None]:
        if not shape.events:
            answer = await chat.ainvoke(messages)
            return answer.content, answer.usage_metadata["output_tokens"]
        texts, finish, tokens = [], None, None
        async for chunk in chat.astream(messages):
            texts.append(chunk.content)
            finish = chunk.response_metadata.get("finish_reason") or finish
            if chunk.usage_metadata:
                tokens = chunk.usage_metadata["output_tokens"]
        assert finish == "stop"
        return "".join(texts), tokens

    return call
