"""What comes back: chunks, replies and embeddings in OpenAI's shapes, and the tokens they used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

from attrs import frozen

from modelplug._usage import NO_USAGE, Usage
from modelplug._views import JsonObject, View, viewed

if TYPE_CHECKING:
    from modelplug.calls import Call

__all__ = [
    "NO_USAGE",
    "Chunk",
    "Embeddings",
    "Form",
    "JsonObject",
    "Reply",
    "ToolCall",
    "Usage",
    "View",
    "is_whole_object",
]

_SCALARS = frozenset({str, int, float, bool, type(None)})


class Chunk(View):
    """One piece of a streamed answer: OpenAI's `chat.completion.chunk`, as ChunkReader gives it.

    `data` is the JSON object itself; its fields are also attributes: `chunk.choices[0].delta.content`. A finish reason
    is one of OpenAI's words or `other`; where the provider said another word, that is
    `choices[0].native_finish_reason`. Reasoning is always `delta.reasoning_content`. With `usage`, what `data` says of
    the tokens is not read: a layer that answers without the provider knows better.
    """

    __slots__ = ("_form", "_said", "_usage")
    _form: Form

    def __init__(self, data: JsonObject, *, usage: Usage | None = None) -> None:
        super().__init__(data)
        self._said: str | None = None
        self._usage = usage

    def __getattr__(self, name: str) -> Any:
        if name == "_fields" and self._said is not None:  # a chunk of a Form, which nobody has looked into yet
            self._fields = self._form.event(self._said)
            return self._fields
        if name == "_usage":  # nor was this one given any
            return None
        return super().__getattr__(name)

    @property
    def data(self) -> JsonObject:
        """The canonical JSON object."""
        data = self._fields
        self._said = None  # from here on somebody may change it
        return data

    @property
    def said(self) -> str | None:
        """The text of a chunk that is nothing but a piece of text, like others of its stream; None of any other."""
        return self._said

    @property
    def text(self) -> str:
        """The text that this chunk adds to the first choice, or an empty string."""
        if self._said is not None:
            return self._said
        choices = self._fields.get("choices")  # as in _delta, without its calls: hosts read this of every chunk
        if not choices or (choice := choices[0]).get("index"):
            return ""
        delta = choice.get("delta")
        return delta.get("content") or "" if delta else ""

    @property
    def reasoning(self) -> str:
        """The reasoning that this chunk adds to the first choice, or an empty string."""
        return self._delta().get("reasoning_content") or ""

    @property
    def tool_calls(self) -> list[Any]:
        """Views of the tool call deltas: `index`, `function.arguments`, and at a call's first delta `id` and name."""
        return viewed(self._delta().get("tool_calls")) or []

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended, None while it goes on."""
        choice = self._choice()
        return None if choice is None else choice.get("finish_reason")

    @property
    def usage(self) -> Usage | None:
        """The tokens so far, on the chunks that carry them."""
        sent = self._fields.get("usage")
        return None if sent is None else self._usage or Usage.read(sent)

    @property
    def model(self) -> str | None:
        """The name that the provider gives the model."""
        return self._fields.get("model") or None

    @property
    def id(self) -> str | None:
        """The provider's id of the answer."""
        return self._fields.get("id") or None

    def _choice(self) -> JsonObject | None:
        choices = self._fields.get("choices")
        if not choices:
            return None
        choice: JsonObject = choices[0]
        return None if choice.get("index") else choice

    def _delta(self) -> JsonObject:
        choice = self._choice()
        return {} if choice is None else choice.get("delta") or {}


class Form:
    """The event that most chunks of a stream are, but for their text."""

    __slots__ = ("_choice", "_event")

    def __init__(self, event: JsonObject, choice: JsonObject) -> None:
        self._event = event
        self._choice = choice

    @classmethod
    def of(cls, event: Any) -> Form | None:
        """The form of a decoded event; None unless it is one piece of text of the first choice, and nothing else.

        Beside it the event holds plain values only, so that two chunks share nothing that can be changed.
        """
        try:
            (choice,) = event["choices"]
            delta = choice["delta"]
            if (
                type(delta["content"]) is str
                and all(value is None for name, value in delta.items() if name not in ("content", "role"))
                and delta.get("role", "assistant") == "assistant"
                and choice["index"] == 0
                and choice["finish_reason"] is None
                and event.get("usage") is None
                and "error" not in event
                and _SCALARS.issuperset(type(value) for name, value in event.items() if name != "choices")
                and _SCALARS.issuperset(type(value) for name, value in choice.items() if name != "delta")
            ):
                return cls(event, choice)
        except (AttributeError, KeyError, TypeError, ValueError):
            pass
        return None

    def event(self, text: str) -> JsonObject:
        """The event with this text."""
        delta = {**self._choice["delta"], "content": text}
        return {**self._event, "choices": [{**self._choice, "delta": delta}]}

    def chunks(self, texts: Sequence[str]) -> tuple[Chunk, ...]:
        """A chunk of this event for each text. Its JSON object is made when somebody asks for it."""
        chunks = tuple(map(Chunk.__new__, repeat(Chunk, len(texts))))
        for chunk, text in zip(chunks, texts, strict=True):
            chunk._form = self
            chunk._said = text
        return chunks


@frozen(kw_only=True)
class ToolCall:
    """One call of a tool that the model asks for.

    `arguments` is JSON text. It may be executed only when `complete`: the text is one whole JSON object.
    """

    id: str
    name: str
    arguments: str
    complete: bool


class _Answer(View):
    """What Reply and Embeddings share: the JSON object, its usage, and the record of the call."""

    __slots__ = ("_usage", "call")

    def __init__(self, data: JsonObject, *, usage: Usage | None = None) -> None:
        super().__init__(data)
        self._usage = usage
        self.call: Call | None = None
        """The record of the call, set by the Switchboard."""

    @property
    def data(self) -> JsonObject:
        """The canonical JSON object."""
        return self._fields

    @property
    def usage(self) -> Usage:
        """The tokens used; its source is `absent` when nothing was reported."""
        if self._usage is None:
            self._usage = Usage.read(self._fields.get("usage"))
        return self._usage

    @property
    def model(self) -> str | None:
        """The name that the provider gives the model. Bill the local model, not this."""
        return self._fields.get("model") or None

    @property
    def id(self) -> str | None:
        """The provider's id of the answer."""
        return self._fields.get("id") or None


class Reply(_Answer):
    """A whole answer: OpenAI's `chat.completion`.

    `data` is the JSON object itself; its fields are also attributes: `reply.choices[0].message.content`. Finish
    reasons and reasoning are those of Chunk, with `message` in place of `delta`.
    """

    __slots__ = ()

    @property
    def text(self) -> str:
        """The text of the first choice, or an empty string."""
        return self._message().get("content") or ""

    @property
    def reasoning(self) -> str:
        """The reasoning of the first choice, or an empty string. An answer may be in here alone."""
        return self._message().get("reasoning_content") or ""

    @property
    def refusal(self) -> str | None:
        """Why the model refuses, where it says so."""
        return self._message().get("refusal")

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls of tools that the first choice asks for."""
        return tuple(_tool_call(call) for call in self._message().get("tool_calls") or ())

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended: `stop`, `length`, `tool_calls`, `content_filter` or `other`."""
        choices = self._fields.get("choices")
        return choices[0].get("finish_reason") if choices else None

    def _message(self) -> JsonObject:
        choices = self._fields.get("choices")
        return choices[0].get("message") or {} if choices else {}


def _tool_call(call: JsonObject) -> ToolCall:
    function = call.get("function") or {}
    name, arguments = function.get("name") or "", function.get("arguments") or ""
    return ToolCall(
        id=call.get("id") or "", name=name, arguments=arguments, complete=bool(name) and is_whole_object(arguments)
    )


def is_whole_object(text: str) -> bool:
    """Whether the text is one whole JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


class Embeddings(_Answer):
    """Vectors, in the order of the inputs: OpenAI's list of embeddings.

    `data` is the whole JSON object; OpenAI's own list in it is `embeddings["data"]`.
    """

    __slots__ = ()

    @property
    def vectors(self) -> list[list[float]]:
        """One vector for each input."""
        return [item["embedding"] for item in self._fields["data"]]
