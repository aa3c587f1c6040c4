"""One tiny call for each thing that a model is said to be able to do, and an honest look at its answer."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from attrs import evolve, field, frozen
from modelplug import Call, EmptyReply, Model, Switchboard, UnsupportedParameter, Usage

SECONDS = 60.0
TOKENS = 64
"""Of an answer, at most."""
THOUGHTS = 1024
"""Of an answer of a model that reasons first: its thoughts are in there."""
PICTURE = 3_000
"""Tokens that the picture may count for; the most that is known of one so small (gpt-4o-mini: 2,833)."""

GREEN = (
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAATElEQVR42u3PQQkAAAgAseufwqhG8C0MVmA1/SYgICAgICAgICAgICAgICAgIC"
    "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgcFlT0gCXrcLQywAAAABJRU5ErkJggg=="
)
"""A picture of 64 times 64 points in one colour."""

TOOL: Mapping[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city now.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"colour": {"type": "string"}, "letters": {"type": "integer"}},
    "required": ["colour", "letters"],
    "additionalProperties": False,
}


class Untrue(Exception):
    """The call ended well, and its answer does not show what the model is said to be able to do."""


@frozen(kw_only=True)
class Tried:
    """What came of a tiny call: in words, and its record."""

    said: str
    call: Call | None


@frozen(kw_only=True)
class Tiny:
    """A tiny call of one kind. `needs` is the capability that is tried, `name` what the step is called."""

    name: str
    needs: str
    content: Any
    ask: Callable[[Switchboard, Model, Tiny], Awaitable[Tried]]
    params: Mapping[str, Any] = field(factory=dict)
    limit: str = "max_tokens"

    def most_tokens(self, model: Model) -> int:
        """Of the answer."""
        if self.needs == "embeddings":
            return 0
        return THOUGHTS if "reasoning" in model.capabilities else TOKENS

    def dearest(self, model: Model) -> Decimal | None:
        """US dollars that the call costs at most, None where a price is unknown.

        Text has no more tokens than bytes; what a server adds around it is paid for by the bytes of the JSON.
        """
        sent = {"messages": [{"role": "user", "content": self.content}], **self.params}
        sent_tokens = len(json.dumps(sent).encode()) + (PICTURE if self.needs == "vision" else 0)
        return model.prices.cost(Usage(prompt_tokens=sent_tokens, completion_tokens=self.most_tokens(model)))

    async def tried(self, board: Switchboard, model: Model) -> Tried:
        """What comes of it. Raises Untrue, and what `complete` raises."""
        try:
            return await self.ask(board, model, self)
        except UnsupportedParameter as error:
            if error.param != self.limit:
                raise
        return await self.ask(board, model, evolve(self, limit="max_completion_tokens"))  # OpenAI's that reason

    def given(self, model: Model) -> dict[str, Any]:
        """The arguments of the call."""
        messages = [{"role": "user", "content": self.content}]
        return {"messages": messages, self.limit: self.most_tokens(model), "timeout": SECONDS, **self.params}


async def _chat(board: Switchboard, model: Model, tiny: Tiny) -> Tried:
    reply = await board.complete(model.id, **tiny.given(model))
    return Tried(said="answered", call=reply.call)


async def _stream(board: Switchboard, model: Model, tiny: Tiny) -> Tried:
    async with board.stream(model.id, **tiny.given(model)) as chunks:
        count = 0
        async for chunk in chunks:
            count += bool(chunk.text or chunk.reasoning)
    return Tried(
        said=f"{count} piece{'s' * (count != 1)}, finish reason {chunks.reply.finish_reason}", call=chunks.call
    )


async def _tools(board: Switchboard, model: Model, tiny: Tiny) -> Tried:
    reply = await board.complete(model.id, **tiny.given(model))
    if not any(call.name == "weather" and call.complete for call in reply.tool_calls):
        raise Untrue("it answered, and called no tool" if not reply.tool_calls else "it called the tool in a wrong way")
    return Tried(said="called the tool", call=reply.call)


async def _json_schema(board: Switchboard, model: Model, tiny: Tiny) -> Tried:
    reply = await board.complete(model.id, **tiny.given(model))
    try:
        found = json.loads(reply.text)
    except ValueError:
        raise Untrue("it answered, and not in JSON") from None
    fits = isinstance(found, dict) and found.keys() == SCHEMA["properties"].keys()
    if not fits or type(found["colour"]) is not str or type(found["letters"]) is not int:
        raise Untrue("it answered in JSON that does not fit the schema")
    return Tried(said="kept to the schema", call=reply.call)


async def _vision(board: Switchboard, model: Model, tiny: Tiny) -> Tried:
    reply = await board.complete(model.id, **tiny.given(model))
    if "green" not in reply.text.lower():
        raise Untrue("it answered, and not what is on the picture")
    return Tried(said="saw the colour of a picture", call=reply.call)


async def _reasoning(board: Switchboard, model: Model, tiny: Tiny) -> Tried:
    try:
        reply = await board.complete(model.id, **tiny.given(model))
    except EmptyReply as error:
        raise Untrue(f"it did not come to an answer within {tiny.most_tokens(model):,} tokens") from error
    if not reply.reasoning and not reply.usage.reasoning_tokens:
        raise Untrue("it answered, and told of no thoughts and of no tokens for them")
    return Tried(said="reasoned first", call=reply.call)


async def _embeddings(board: Switchboard, model: Model, tiny: Tiny) -> Tried:
    answer = await board.embed(model.id, tiny.content, timeout=SECONDS)
    if len(answer.vectors) != 1 or not answer.vectors[0]:
        raise Untrue("it answered without a vector")
    return Tried(said=f"a vector of {len(answer.vectors[0]):,} numbers", call=answer.call)


HELLO = "Say hello."
FORMAT: Mapping[str, Any] = {"type": "json_schema", "json_schema": {"name": "colour", "strict": True, "schema": SCHEMA}}
SEEN: Sequence[Mapping[str, Any]] = [
    {"type": "text", "text": "Which colour fills this picture? Answer with one English word."},
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{GREEN}", "detail": "low"}},
]

CALLS: tuple[Tiny, ...] = (
    Tiny(name="chat", needs="chat", content=HELLO, ask=_chat),
    Tiny(name="stream", needs="chat", content=HELLO, ask=_stream),
    Tiny(
        name="tools",
        needs="tools",
        content="What is the weather in Paris? Ask the tool.",
        ask=_tools,
        params={"tools": [TOOL]},
    ),
    Tiny(
        name="json_schema",
        needs="json_schema",
        content="Which colour is grass, and how many letters has that word? Answer in JSON.",
        ask=_json_schema,
        params={"response_format": FORMAT},
    ),
    Tiny(name="vision", needs="vision", content=SEEN, ask=_vision),
    Tiny(name="reasoning", needs="reasoning", content="Is 91 a prime number? Think first.", ask=_reasoning),
    Tiny(name="embeddings", needs="embeddings", content="hello", ask=_embeddings),
)


@frozen(kw_only=True)
class Planned:
    """A tiny call and the model that it goes to."""

    tiny: Tiny
    model: Model

    @property
    def dearest(self) -> Decimal | None:
        """US dollars that it costs at most, None where that is not known."""
        return self.tiny.dearest(self.model)


def plan(models: Iterable[Model], preferred: Collection[str] = ()) -> list[Planned]:
    """A call for each capability that one of these models has, to the one that costs least; the first of equals.

    Where one whose id is in `preferred` has the capability, it is one of these.
    """
    known = list(models)
    found = []
    for tiny in CALLS:
        able = [model for model in known if tiny.needs in model.capabilities]
        able = [model for model in able if model.id in preferred] or able
        if able:
            found.append(Planned(tiny=tiny, model=min(able, key=lambda model: _order(tiny.dearest(model)))))
    return found


def untried(models: Iterable[Model]) -> list[str]:
    """What these models are said to be able to do, and no tiny call shows."""
    said = {word for model in models for word in model.capabilities}
    return sorted(said - {tiny.needs for tiny in CALLS})


def _order(dearest: Decimal | None) -> tuple[bool, Decimal]:
    return dearest is None, dearest or Decimal(0)
