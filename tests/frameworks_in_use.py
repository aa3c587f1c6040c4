"""What users of three frameworks do, through a board. Run by test_frameworks.py, in an environment that has them.

Prints for each of them: the answer after a tool was called, the same streamed, a field of structured output, and the
tokens of the first.
"""

# mypy: disable-error-code=import-not-found

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
from agents import Agent as SdkAgent
from agents import OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from modelplug import Chunk, Reply, Request, Switchboard
from modelplug.testing import USAGE, FakePlugin, FakeStrategy
from modelplug_faces import BoardTransport, openai_client
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


class Place(BaseModel):
    city: str


def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


class Model(FakeStrategy):
    """Calls the tool that it is offered and says what came of it, fills in a form, or else goes on for ever."""

    def answer(self, request: Request) -> tuple[dict[str, Any], str]:
        """A message and its finish reason."""
        last = request.messages[-1]
        if last["role"] == "tool":
            return {"content": last["content"]}, "stop"
        if request.params.get("response_format"):
            return {"content": '{"city": "Paris"}'}, "stop"
        for tool in request.params.get("tools") or ():
            name = tool["function"]["name"]
            arguments = '{"a": 2, "b": 3}' if name == "add" else '{"city": "Paris"}'
            call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
            return {"content": None, "tool_calls": [call]}, "tool_calls"
        return {"content": "hello"}, "stop"

    async def complete(self, request: Request) -> Reply:
        message, finish = self.answer(request)
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
        return Reply({**HEAD, "object": "chat.completion", "choices": [choice], "usage": dict(USAGE)})

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        delta, finish = self.answer(request)
        for place, call in enumerate(delta.get("tool_calls", ())):
            call["index"] = place
        yield piece(delta, None)
        yield piece({}, finish)
        yield Chunk({**HEAD, "object": "chat.completion.chunk", "choices": [], "usage": dict(USAGE)})


HEAD = {"id": "1", "created": 1, "model": "m"}


def piece(delta: dict[str, Any], finish: str | None) -> Chunk:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return Chunk({**HEAD, "object": "chat.completion.chunk", "choices": [choice]})


board = Switchboard(settings={})
board.add(FakePlugin(strategy=Model()))


async def with_langchain() -> list[Any]:
    client = httpx.AsyncClient(transport=BoardTransport(board))
    chat = ChatOpenAI(model="one", api_key="none", base_url="http://board.invalid/v1", http_async_client=client)
    tooled = chat.bind_tools([add])
    asked: list[BaseMessage] = [HumanMessage("2 + 3?")]
    first = await tooled.ainvoke(asked)
    asked += [first, *(ToolMessage(str(add(**call["args"])), tool_call_id=call["id"]) for call in first.tool_calls)]
    answer = await tooled.ainvoke(asked)
    pieces = [piece.content async for piece in tooled.astream(asked)]
    place = await chat.with_structured_output(Place).ainvoke("Where?")
    tokens = first.usage_metadata["total_tokens"] + answer.usage_metadata["total_tokens"]

    return [answer.content, "".join(pieces), place.city, tokens]


async def with_pydantic_ai() -> list[Any]:
    model = OpenAIChatModel("one", provider=OpenAIProvider(openai_client=openai_client(board)))
    answer = await Agent(model, tools=[add]).run("2 + 3?")
    async with Agent(model, tools=[add]).run_stream("2 + 3?") as streaming:
        pieces = [piece async for piece in streaming.stream_text(delta=True)]
    place = await Agent(model, output_type=Place).run("Where?")

    tokens = answer.usage.total_tokens
    return [answer.output, "".join(pieces), place.output.city, tokens]


async def with_agents() -> list[Any]:
    set_tracing_disabled(True)
    model = OpenAIChatCompletionsModel(model="one", openai_client=openai_client(board))
    adder: SdkAgent[None] = SdkAgent(name="Adder", model=model, tools=[function_tool(add)])
    answer = await Runner.run(adder, "2 + 3?")
    streamed = Runner.run_streamed(adder, "2 + 3?")
    async for _ in streamed.stream_events():
        pass
    place = await Runner.run(SdkAgent(name="Guide", model=model, output_type=Place), "Where?")

    tokens = answer.context_wrapper.usage.total_tokens
    return [answer.final_output, streamed.final_output, place.final_output.city, tokens]


async def main() -> None:
    async with board:
        found = {
            "LangChain": await with_langchain(),
            "pydantic-ai": await with_pydantic_ai(),
            "Agents SDK": await with_agents(),
        }
    print(json.dumps(found))  # noqa: T201  # what the test reads


asyncio.run(main())
