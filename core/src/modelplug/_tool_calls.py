"""The tool calls of one streamed choice, put in order from whatever shape their deltas have."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from modelplug.answers import is_whole_object

_KNOWN = frozenset({"index", "id", "type", "function", "name", "arguments"})


def arguments_text(arguments: object) -> str:
    """Arguments as JSON text. Some servers send an object (agno#10254); an empty one may stand for "none yet"."""
    if isinstance(arguments, str):
        return arguments
    if arguments is None or arguments == {}:
        return ""
    try:
        return json.dumps(arguments, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return ""


def new_id() -> str:
    """A unique id for a call that came without one (litellm#33223)."""
    return f"call_{uuid4().hex[:24]}"


class _Call:
    """One call as far as it has come. `wire_id` is the id as sent, `id` the one that the host is given."""

    __slots__ = ("arguments", "id", "index", "name", "repeats_name", "wire_id")

    def __init__(self, index: int, wire_id: str, call_id: str, name: str) -> None:
        self.index = index
        self.wire_id = wire_id
        self.id = call_id
        self.name = name
        self.arguments: list[str] = []
        self.repeats_name = False

    def goes_on_with(self, name: str, piece: str) -> bool:
        """Whether a delta without an id of its own, that names a function again, still belongs to this call."""
        if not name or not self.name or self.repeats_name:
            return True
        if self.arguments and piece.lstrip().startswith("{") and is_whole_object("".join(self.arguments)):
            return False  # nothing can follow a whole object
        self.repeats_name = True  # asked once: a server that repeats names does so in every delta
        return True


class ToolCalls:
    """Sorts deltas into calls: by index, by id, or by position where a server sends neither.

    Each call gets a dense index in order of appearance and a unique id that stays. Its id and name are said once.
    """

    __slots__ = ("_calls", "_ids", "_known", "_last")

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._ids: set[str] = set()
        self._last: dict[int | None, _Call] = {}
        """The latest call at an index as sent; under None the latest of all."""
        self._known: dict[tuple[int | None, str], _Call] = {}
        """Calls by index and id as sent, and by id alone under None."""

    def __bool__(self) -> bool:
        return bool(self._calls)

    def canonical(self, sent: list[Any]) -> list[dict[str, Any]]:
        """The same deltas in OpenAI's shape; what is no delta is left out."""
        if self.goes_on_plainly(sent):
            return sent
        deltas: list[dict[str, Any]] = []
        spoken_of: set[int] = set()
        for position, item in enumerate(sent):
            if isinstance(item, dict):
                delta = self._delta(item, position if len(sent) > 1 else None, spoken_of)
                if delta is not None:
                    deltas.append(delta)
                    spoken_of.add(delta["index"])
        return deltas

    def goes_on_plainly(self, sent: Any) -> bool:
        """Whether deltas are just OpenAI's own next piece of the arguments of one call, and then takes it in."""
        if type(sent) is not list or len(sent) != 1:
            return False
        item = sent[0]
        if type(item) is not dict or len(item) != 2 or type(item.get("index")) is not int:
            return False
        call, function = self._last.get(item["index"]), item.get("function")
        if call is None or call.index != item["index"] or type(function) is not dict or len(function) != 1:
            return False
        piece = function.get("arguments")
        if type(piece) is not str:
            return False
        call.arguments.append(piece)
        return True

    def whole(self, sent: list[Any]) -> list[dict[str, Any]]:
        """The calls of a whole message, each item a call of its own, in OpenAI's shape."""
        deltas = [self._begun(*_parts(item)) for item in sent if isinstance(item, dict)]
        return [delta for delta in deltas if delta is not None]

    def completed(self) -> list[dict[str, Any]]:
        """The deltas that are missing at a proper end: `{}` for each call without arguments (vllm#19419)."""
        missing = [call for call in self._calls if not any(piece.strip() for piece in call.arguments)]
        for call in missing:
            call.arguments.append("{}")
        return [{"index": call.index, "function": {"arguments": "{}"}} for call in missing]

    def _delta(self, item: dict[str, Any], position: int | None, spoken_of: set[int]) -> dict[str, Any] | None:
        place, wire_id, name, piece, others = _parts(item)
        call = self._owner(place, wire_id, name, piece, position)
        if call is None or (name and call.index in spoken_of):
            return self._begun(place, wire_id, name, piece, others)
        delta: dict[str, Any] = {"index": call.index, "function": {"arguments": piece}, **others}
        if name and not call.name:
            call.name = delta["function"]["name"] = name
        if piece:
            call.arguments.append(piece)
        return delta

    def _begun(
        self, place: int | None, wire_id: str, name: str, piece: str, others: dict[str, Any]
    ) -> dict[str, Any] | None:
        """The first delta of a new call."""
        if not (wire_id or name or piece):
            return None
        call_id = new_id() if not wire_id or wire_id in self._ids else wire_id
        call = _Call(len(self._calls), wire_id, call_id, name)
        if piece:
            call.arguments.append(piece)
        self._calls.append(call)
        self._ids.add(call_id)
        for key in {place, None}:
            self._last[key] = call
            self._known[key, wire_id] = call
        return {
            "index": call.index,
            "id": call_id,
            "type": "function",
            "function": {"name": name, "arguments": piece},
            **others,
        }

    def _owner(self, place: int | None, wire_id: str, name: str, piece: str, position: int | None) -> _Call | None:
        """The call that a delta goes on with, None when it begins one."""
        if place not in self._last and not name:
            place = None  # an index that no call began with says nothing
        last = self._last.get(place)
        if last is None:
            return None
        if wire_id:
            known = self._known.get((place, wire_id))
            if known is not None:
                return known if known.goes_on_with(name, piece) else None
            # Another id with a name is another call, even at the same index. Without a name it comes from a server
            # that makes up a new id for every delta, or says the id late.
            return None if name else last
        if place is None and not name and position is not None and position < len(self._calls):
            return self._calls[position]
        if place is None and name and last.name and name != last.name:
            return None
        return last if last.goes_on_with(name, piece) else None


def _parts(item: dict[str, Any]) -> tuple[int | None, str, str, str, dict[str, Any]]:
    """Index, id, name and arguments of a tool call, each as far as it was sent, and fields of the server's own.

    Such as Gemini's `extra_content`, whose signature must come back with the call.
    """
    function = item.get("function")
    if not isinstance(function, dict):
        function = item
    name, wire_id, place = function.get("name"), item.get("id"), item.get("index")
    return (
        place if type(place) is int else None,
        str(wire_id) if type(wire_id) in (str, int) else "",
        name if isinstance(name, str) else "",
        arguments_text(function.get("arguments")),
        {name: value for name, value in item.items() if name not in _KNOWN and value is not None},
    )
