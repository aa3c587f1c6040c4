"""The chunks of a stream put together: the Reply that `complete` would have given."""

from __future__ import annotations

from base64 import b64decode, b64encode
from contextlib import suppress
from typing import Any

from modelplug._verdict import failure_of_end
from modelplug.answers import NO_USAGE, Chunk, Form, JsonObject, Reply, Usage

_JOINED = ("content", "reasoning_content", "refusal")
_HANDLED = frozenset({*_JOINED, "role", "tool_calls"})
_CALL = frozenset({"index", "id", "type", "function"})


class Assembly:
    """Collects canonical chunks, in time and memory linear in their text."""

    __slots__ = ("_choices", "_first", "_form", "_model", "_pieces", "_usage", "_usage_sent")

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._first: JsonObject | None = None
        self._model: str | None = None
        self._usage: Usage = NO_USAGE
        self._usage_sent: Any = None
        self._form: Form | None = None  # of the last chunk: another one of the same adds its text, and nothing else
        self._pieces: list[str] = []

    def add(self, chunk: Chunk) -> None:
        """Take in the next chunk."""
        said = chunk._said
        if said is not None and chunk._form is self._form:
            if said:
                self._pieces.append(said)
            return
        data = chunk._fields
        if self._first is None:
            self._first = data
        for sent in data.get("choices") or ():
            index = sent.get("index") or 0
            choice = self._choices.get(index)
            if choice is None:
                choice = self._choices[index] = _Choice()
            delta = sent.get("delta") or {}
            content = delta.get("content")
            if type(content) is str and content:
                choice.content.append(content)
            if len(delta) != 1 or content is None or sent.get("finish_reason") is not None or sent.get("logprobs"):
                choice.take(sent, delta)
        if sent_usage := data.get("usage"):
            self._take_usage(sent_usage, chunk.usage or NO_USAGE)
        if self._model is None:
            self._model = data.get("model")
        if said is None:
            self._form = None
        else:
            self._form, self._pieces = chunk._form, self._choices[0].content

    def reply(self) -> Reply:
        """What has arrived so far, as a Reply. Never raises."""
        first = self._first or {}
        data = {
            **{name: value for name, value in first.items() if name not in ("choices", "usage")},
            "object": "chat.completion",
            "model": self._model,
            "choices": [choice.whole(index) for index, choice in sorted(self._choices.items())],
            "usage": self._usage_sent,
        }
        return Reply(data, usage=self._usage)

    def end(self) -> Reply:
        """The Reply of a stream that is over. Raises StreamCut, EmptyReply or ContentRefused where it is none."""
        reply = self.reply()
        failure = failure_of_end(
            [choice.finish for choice in self._choices.values()],
            something=any(choice.something for choice in self._choices.values()),
            usage=self._usage,
            partial=reply.text,
        )
        if failure is not None:
            raise failure
        return reply

    def _take_usage(self, sent: Any, usage: Usage) -> None:
        """The last usage that can be believed wins: some servers report the sum so far on every chunk."""
        if usage.source != "absent" or self._usage.source == "absent":
            self._usage, self._usage_sent = usage, sent


class _Choice:
    """One choice as far as it has come."""

    __slots__ = ("audio", "calls", "content", "finish", "logprobs", "others", "parts", "rest", "role")

    def __init__(self) -> None:
        self.content: list[str] = []
        self.parts: dict[str, list[str]] = {}
        self.calls: dict[int, _Call] = {}
        self.audio: list[JsonObject] = []
        self.role = "assistant"
        self.finish: str | None = None
        self.rest: JsonObject = {}
        self.others: JsonObject = {}
        self.logprobs: dict[str, list[Any]] = {}

    @property
    def something(self) -> bool:
        """Whether there is anything that a host can use."""
        return bool(self.content or self.parts or self.calls or self.audio or self.others.get("images"))

    def take(self, sent: JsonObject, delta: JsonObject) -> None:
        """All that is not plain text."""
        for name in _JOINED[1:]:
            if isinstance(piece := delta.get(name), str) and piece:
                self.parts.setdefault(name, []).append(piece)
        self.role = delta.get("role") or self.role
        for item in delta.get("tool_calls") or ():
            self._take_call(item)
        for name, value in delta.items():
            if name not in _HANDLED and value is not None:
                self._take_other(name, value)
        if isinstance(logprobs := sent.get("logprobs"), dict):
            for name, tokens in logprobs.items():
                if isinstance(tokens, list):
                    self.logprobs.setdefault(name, []).extend(tokens)
        if sent.get("finish_reason") is not None:
            self.finish = sent["finish_reason"]
            self.rest = {name: value for name, value in sent.items() if name not in ("delta", "index")}

    def _take_call(self, item: JsonObject) -> None:
        index = item.get("index") or 0
        call = self.calls.get(index)
        if call is None:
            call = self.calls[index] = _Call(item.get("id"))
        function = item.get("function") or {}
        call.name = call.name or function.get("name") or ""
        if len(item) > 2:
            call.others.update((name, value) for name, value in item.items() if name not in _CALL)
        if piece := function.get("arguments"):
            call.arguments.append(piece)

    def _take_other(self, name: str, value: Any) -> None:
        """Fields of servers' own: lists grow, of anything else but audio the last counts."""
        known = self.others.get(name)
        if name == "audio" and isinstance(value, dict):
            self.audio.append(value)
        elif isinstance(known, list) and isinstance(value, list):
            known.extend(value)
        else:
            self.others[name] = list(value) if isinstance(value, list) else value

    def whole(self, index: int) -> JsonObject:
        """The choice of a whole answer."""
        message: JsonObject = {"role": self.role, "content": "".join(self.content) if self.content else None}
        message.update({name: "".join(pieces) for name, pieces in self.parts.items()})
        message.update(self.others)
        if self.audio:
            message["audio"] = _spoken(self.audio)
        if self.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": "".join(call.arguments)},
                    **call.others,
                }
                for _, call in sorted(self.calls.items())
            ]
        choice = {"finish_reason": None, **self.rest, "index": index, "message": message}
        if self.logprobs:
            choice["logprobs"] = self.logprobs
        return choice


def _spoken(pieces: list[JsonObject]) -> JsonObject:
    """Audio that came in pieces: each has some of the words, or of the sound as base64 that ends with it."""
    audio = {name: value for piece in pieces for name, value in piece.items()}
    for name in ("transcript", "data"):
        parts = [part for piece in pieces if isinstance(part := piece.get(name), str)]
        if parts:
            audio[name] = "".join(parts)
    if "=" in audio.get("data", "")[:-2]:
        with suppress(ValueError):
            audio["data"] = b64encode(
                b"".join(b64decode(piece["data"]) for piece in pieces if piece.get("data"))
            ).decode()
    return audio


class _Call:
    """One tool call as far as it has come."""

    __slots__ = ("arguments", "id", "name", "others")

    def __init__(self, call_id: str | None) -> None:
        self.id = call_id
        self.name = ""
        self.arguments: list[str] = []
        self.others: JsonObject = {}
