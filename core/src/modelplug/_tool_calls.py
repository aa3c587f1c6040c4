"""The tool calls of one streamed choice, put in order from whatever shape their deltas have."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from modelplug.answers import is_whole_object


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

    __slots__ = ("arguments", "id", "index", "name", "place", "repeats_name", "wire_id")

    def __init__(self, index: int, place: int | None, wire_id: str, call_id: str) -> None:
        self.index = index
        self.place = place
        self.wire_id = wire_id
        self.id = call_id
        self.name = ""
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

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def __bool__(self) -> bool:
        return bool(self._calls)

    def canonical(self, sent: list[Any]) -> list[dict[str, Any]]:
        """The same deltas in OpenAI's shape; what is no delta is left out."""
        deltas = []
        for position, item in enumerate(sent):
            delta = self._delta(item, position if len(sent) > 1 else None) if isinstance(item, dict) else None
            if delta is not None:
                deltas.append(delta)
        return deltas

    def alone(self, item: object) -> list[dict[str, Any]]:
        """The delta of an item that is a call of its own, as in a whole message."""
        delta = self._delta(item, None, begins=True) if isinstance(item, dict) else None
        return [] if delta is None else [delta]

    def completed(self) -> list[dict[str, Any]]:
        """The deltas that are missing at a proper end: `{}` for each call without arguments (vllm#19419)."""
        missing = [call for call in self._calls if not any(piece.strip() for piece in call.arguments)]
        for call in missing:
            call.arguments.append("{}")
        return [{"index": call.index, "function": {"arguments": "{}"}} for call in missing]

    def _delta(self, item: dict[str, Any], position: int | None, *, begins: bool = False) -> dict[str, Any] | None:
        function = item.get("function")
        if not isinstance(function, dict):
            function = item if "arguments" in item or "name" in item else {}
        name = function.get("name")
        name = name if isinstance(name, str) else ""
        piece = arguments_text(function.get("arguments"))
        wire_id = item.get("id")
        wire_id = str(wire_id) if isinstance(wire_id, (str, int)) and not isinstance(wire_id, bool) else ""
        place = item.get("index")
        place = place if isinstance(place, int) and not isinstance(place, bool) else None

        call = None if begins else self._owner(place, wire_id, name, piece, position)
        delta: dict[str, Any]
        if call is None:
            if not (wire_id or name or piece):
                return None
            taken = any(known.id == wire_id for known in self._calls)
            call = _Call(len(self._calls), place, wire_id, new_id() if taken or not wire_id else wire_id)
            self._calls.append(call)
            call.name = name
            delta = {
                "index": call.index,
                "id": call.id,
                "type": "function",
                "function": {"name": name, "arguments": piece},
            }
        else:
            delta = {"index": call.index, "function": {"arguments": piece}}
            if name and not call.name:
                call.name = name
                delta["function"]["name"] = name
        if piece:
            call.arguments.append(piece)
        return delta

    def _owner(self, place: int | None, wire_id: str, name: str, piece: str, position: int | None) -> _Call | None:
        """The call that a delta goes on with, None when it begins one."""
        candidates = self._calls if place is None else [call for call in self._calls if call.place == place]
        if not candidates:
            return None
        last = candidates[-1]
        if wire_id:
            known = next((call for call in reversed(candidates) if call.wire_id == wire_id), None)
            if known is not None:
                return known if known.goes_on_with(name, piece) else None
            if not last.wire_id and last.name and not name:
                return last  # the id comes after the name
            # Another id and a name: another call, even at the same index. Without a name it is a server that makes up
            # a new id for every delta.
            return None if name else last
        if place is None and not name and position is not None and position < len(candidates):
            return candidates[position]
        if name and last.name and name != last.name and place is None:
            return None
        return last if last.goes_on_with(name, piece) else None
