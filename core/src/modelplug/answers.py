"""What comes back: chunks, replies and embeddings in OpenAI's shapes, and the tokens they used."""

from __future__ import annotations

import base64
import json
import math
import struct
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import field, frozen

if TYPE_CHECKING:
    from modelplug.calls import Call

_REPR_LIMIT = 200
_MOST_TOKENS = 1_000_000_000_000
"""More tokens than any call uses; a larger number is a fault of the sender."""

JsonObject = dict[str, Any]


class View:
    """A JSON object read by attribute, as OpenAI's own objects are: `view.message.content`, `view["message"]`.

    A field that is not there is None. A field with the name of a method here is read as `view["get"]`.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: JsonObject) -> None:
        self._fields = fields

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _viewed(self._fields.get(name))

    def __getitem__(self, name: str) -> Any:
        return _viewed(self._fields[name])

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, View):
            return type(self) is type(other) and self._fields == other._fields
        return self._fields == other

    __hash__ = None  # type: ignore[assignment]  # its fields can change

    def __repr__(self) -> str:
        shown = repr(self._fields)
        return f"{type(self).__name__}({shown if len(shown) <= _REPR_LIMIT else shown[:_REPR_LIMIT] + '...'})"

    def get(self, name: str, default: Any = None) -> Any:
        """The field, or `default` where it is not there."""
        return _viewed(self._fields.get(name, default))

    def keys(self) -> Any:
        """The names of the fields."""
        return self._fields.keys()

    def model_dump(self) -> JsonObject:
        """The JSON object itself, not a copy."""
        return self._fields


def _viewed(value: Any) -> Any:
    if isinstance(value, dict):
        return View(value)
    if isinstance(value, list):
        return [_viewed(item) for item in value]
    return value


@frozen(kw_only=True)
class Usage:
    """The tokens of one call. None is unknown, which is not zero.

    `cached_tokens` are inside `prompt_tokens`, `reasoning_tokens` inside `completion_tokens`. `source` says where the
    numbers are from: `reported` by the provider, `estimated` by us, or `absent`. `raw` is the object as sent, with
    all its further fields, JSON-safe; `problem` says why numbers that were sent are not believed.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    source: Literal["reported", "estimated", "absent"] = "absent"
    raw: Mapping[str, Any] = field(factory=dict, repr=False)
    problem: str | None = None

    @classmethod
    def read(cls, sent: object) -> Usage:
        """The usage object of an answer, validated. Never raises.

        Nothing, an empty object or a total alone is `absent`. Numbers may be strings or floats when they are whole;
        one that is negative, not a number or beyond reason makes the whole usage `absent`, with its `problem`.
        """
        if type(sent) is dict and (plain := _plain(sent)) is not None:
            return plain
        if not isinstance(sent, Mapping) or not sent:
            return NO_USAGE
        raw = _json_safe(sent)
        counts: dict[str, int] = {}
        for name, places in _COUNTS.items():
            found = next((v for place in places if (v := _at(sent, place)) is not None), None)
            if found is None:
                continue
            count = _count(found)
            if count is None:
                if name in _DETAILS:
                    continue
                return cls(raw=raw, problem=f"{name} is no number of tokens")
            counts[name] = count
        prompt, completion, total = (
            counts.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")
        )
        if prompt is None and completion is None:
            return cls(total_tokens=total, raw=raw)
        written, cached = counts.get("cache_write_tokens"), counts.get("cached_tokens")
        if prompt is not None and "prompt_tokens" not in sent and "input_tokens" in sent:
            # Anthropic's input_tokens leave out what was read from and written to the cache.
            anthropic = "cache_read_input_tokens" in sent or "cache_creation_input_tokens" in sent
            prompt += (cached or 0) + (written or 0) if anthropic else 0
        cached = _within(cached, prompt)
        return cls(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=total if total is not None else _sum(prompt, completion),
            cached_tokens=cached,
            cache_write_tokens=_within(written, None if prompt is None else prompt - (cached or 0)),
            reasoning_tokens=_within(counts.get("reasoning_tokens"), completion),
            source="reported",
            raw=raw,
        )


_COUNTS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "prompt_tokens": (("prompt_tokens",), ("input_tokens",)),
    "completion_tokens": (("completion_tokens",), ("output_tokens",)),
    "total_tokens": (("total_tokens",),),
    "cached_tokens": (
        ("prompt_tokens_details", "cached_tokens"),
        ("input_tokens_details", "cached_tokens"),
        ("prompt_cache_hit_tokens",),  # DeepSeek
        ("cache_read_input_tokens",),  # Anthropic
        ("cached_tokens",),  # Moonshot
    ),
    "cache_write_tokens": (
        ("prompt_tokens_details", "cache_write_tokens"),  # OpenRouter
        ("prompt_tokens_details", "cache_creation_tokens"),
        ("cache_creation_input_tokens",),  # Anthropic
    ),
    "reasoning_tokens": (
        ("completion_tokens_details", "reasoning_tokens"),
        ("output_tokens_details", "reasoning_tokens"),
        ("reasoning_tokens",),
    ),
}
"""Where each dialect writes each count, the commonest first."""

_DETAILS = frozenset({"total_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens"})
"""Counts without which the others are still worth having."""


def _plain(sent: JsonObject) -> Usage | None:
    """The usage as OpenAI writes it, nearly always, read quickly; None for every other shape."""
    prompt, completion, total = sent.get("prompt_tokens"), sent.get("completion_tokens"), sent.get("total_tokens")
    if type(prompt) is not int or type(completion) is not int or type(total) is not int:
        return None
    if not (0 <= prompt <= _MOST_TOKENS and 0 <= completion <= _MOST_TOKENS and 0 <= total <= _MOST_TOKENS):
        return None
    cached = reasoning = None
    if len(sent) > 3:
        prompt_details, completion_details = sent.get("prompt_tokens_details"), sent.get("completion_tokens_details")
        if len(sent) > 3 + ("prompt_tokens_details" in sent) + ("completion_tokens_details" in sent):
            return None
        for details in (prompt_details, completion_details):
            if details is None:
                continue
            if type(details) is not dict or not all(
                type(n) is int and 0 <= n <= _MOST_TOKENS for n in details.values()
            ):
                return None
        if prompt_details:
            if "cache_write_tokens" in prompt_details or "cache_creation_tokens" in prompt_details:
                return None
            cached = _within(prompt_details.get("cached_tokens"), prompt)
        if completion_details:
            reasoning = _within(completion_details.get("reasoning_tokens"), completion)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=total,
        cached_tokens=cached,
        reasoning_tokens=reasoning,
        source="reported",
        raw=sent,
    )


def _at(sent: Mapping[str, Any], place: tuple[str, ...]) -> Any:
    value: Any = sent
    for name in place:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _count(value: object) -> int | None:
    """A whole number of tokens from what was sent; None when it is none."""
    if isinstance(value, str) and len(value) <= 20:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, float):
        if not math.isfinite(value) or not value.is_integer():
            return None
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MOST_TOKENS else None


def _sum(prompt: int | None, completion: int | None) -> int | None:
    return None if prompt is None or completion is None else prompt + completion


def _within(part: int | None, whole: int | None) -> int | None:
    return part if part is None or whole is None else min(part, whole)


def _json_safe(sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """A copy that every JSON writer takes: NaN, infinities and what is too deep become None."""
    safe: Mapping[str, Any] = {str(name): _safe_value(value, 4) for name, value in list(sent.items())[:100]}
    return safe


def _safe_value(value: Any, depth: int) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 2**63 else None
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value[:1_000].encode("utf-8", "replace").decode()
    if depth and isinstance(value, Mapping):
        return {str(name): _safe_value(item, depth - 1) for name, item in list(value.items())[:100]}
    if depth and isinstance(value, (list, tuple)):
        return [_safe_value(item, depth - 1) for item in value[:100]]
    return None


NO_USAGE: Final = Usage()
"""Nothing was reported."""


class Chunk(View):
    """One piece of a streamed answer: OpenAI's `chat.completion.chunk`, as ChunkReader gives it.

    `data` is the JSON object itself; its fields are also attributes: `chunk.choices[0].delta.content`. A finish reason
    is one of OpenAI's words or `other`; where the provider said another word, that is
    `choices[0].native_finish_reason`. Reasoning is always `delta.reasoning_content`.
    """

    __slots__ = ()

    @property
    def data(self) -> JsonObject:
        """The canonical JSON object."""
        return self._fields

    @property
    def text(self) -> str:
        """The text that this chunk adds to the first choice, or an empty string."""
        return self._delta().get("content") or ""

    @property
    def reasoning(self) -> str:
        """The reasoning that this chunk adds to the first choice, or an empty string."""
        return self._delta().get("reasoning_content") or ""

    @property
    def tool_calls(self) -> list[Any]:
        """Views of the tool call deltas: `index`, `function.arguments`, and at a call's first delta `id` and name."""
        return _viewed(self._delta().get("tool_calls")) or []

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended, None while it goes on."""
        choice = self._choice()
        return None if choice is None else choice.get("finish_reason")

    @property
    def usage(self) -> Usage | None:
        """The tokens so far, on the chunks that carry them."""
        sent = self._fields.get("usage")
        return None if sent is None else Usage.read(sent)

    @property
    def model(self) -> str | None:
        """The name that the provider gives the model."""
        return self._fields.get("model")

    @property
    def id(self) -> str | None:
        """The provider's id of the answer."""
        return self._fields.get("id")

    def _choice(self) -> JsonObject | None:
        choices = self._fields.get("choices")
        if not choices:
            return None
        choice: JsonObject = choices[0]
        return None if choice.get("index") else choice

    def _delta(self) -> JsonObject:
        choice = self._choice()
        return {} if choice is None else choice.get("delta") or {}


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
        return self._fields.get("model")

    @property
    def id(self) -> str | None:
        """The provider's id of the answer."""
        return self._fields.get("id")


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
        return [_vector(item["embedding"]) for item in self._fields["data"]]


def _vector(sent: Any) -> list[float]:
    """The numbers of an embedding; text is OpenAI's `encoding_format: base64`, little-endian 32-bit floats."""
    if not isinstance(sent, str):
        numbers: list[float] = sent
        return numbers
    packed = base64.b64decode(sent)
    return list(struct.unpack(f"<{len(packed) // 4}f", packed))
