"""JSON objects read by attribute, as OpenAI's own are, and made plain again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelplug.errors import BadRequest

JsonObject = dict[str, Any]

_REPR_LIMIT = 200
_PLAIN = frozenset({dict})


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
        return viewed(self._fields.get(name))

    def __getitem__(self, name: str) -> Any:
        return viewed(self._fields[name])

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
        return viewed(self._fields.get(name, default))

    def keys(self) -> Any:
        """The names of the fields."""
        return self._fields.keys()

    def model_dump(self, *, exclude_none: bool = False, exclude_unset: bool = True) -> JsonObject:
        """A copy as plain dicts and lists. A field that nobody sent is in none, as with `exclude_unset`."""
        copied: JsonObject = _copied(self._fields, exclude_none)
        return copied

    def model_dump_json(self, *, exclude_none: bool = False) -> str:
        """The same as JSON text."""
        return json.dumps(self.model_dump(exclude_none=exclude_none), ensure_ascii=False)


def plain_messages(messages: Sequence[Any]) -> Sequence[Any]:
    """The same messages; one that an answer brought (`reply.choices[0].message`) as the JSON object that it is.

    Raises BadRequest for what are no messages.
    """
    if isinstance(messages, (list, tuple)) and _PLAIN.issuperset(map(type, messages)):  # nearly always
        return messages
    if isinstance(messages, (str, bytes)) or not isinstance(messages, Sequence):
        raise BadRequest(f"messages are a list of objects with role and content, not a {type(messages).__name__}")
    plain = [message.model_dump() if isinstance(message, View) else message for message in messages]
    wrong = next((message for message in plain if not isinstance(message, Mapping)), plain)
    if wrong is not plain:
        raise BadRequest(f"a message is an object with role and content, not a {type(wrong).__name__}")
    return plain


def _copied(value: Any, exclude_none: bool) -> Any:
    if isinstance(value, dict):
        kept = value.items() if not exclude_none else [pair for pair in value.items() if pair[1] is not None]
        return {name: _copied(item, exclude_none) for name, item in kept}
    if isinstance(value, list):
        return [_copied(item, exclude_none) for item in value]
    return value


def viewed(value: Any) -> Any:
    if isinstance(value, dict):
        return View(value)
    if isinstance(value, list):
        return [viewed(item) for item in value]
    return value
