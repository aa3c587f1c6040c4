"""Events that repeat the one before them but for their text: most of a stream. Only the text of these is decoded."""

from __future__ import annotations

from typing import Any

import msgspec
from modelplug.answers import Form
from modelplug.errors import BadReply

from modelplug_http import body as bodies

_NAME = b'"content":'
_PROBE = 'a "text" that\nno provider sends \\'
_PROBED = msgspec.json.encode(_PROBE)
_TRIES = 3
"""So many events are looked at for what repeats, and one more for each ten that it was found in."""

_decode_text = msgspec.json.Decoder(str).decode


class Repeats:
    """Decodes the events of one stream.

    An event that begins and ends as an earlier one did, up to and from one JSON string, is that event with another
    string in this place: what JSON means is the same on both sides of it. So the string alone is decoded.
    """

    __slots__ = ("_after", "_before", "_form", "_found", "_looked")

    def __init__(self) -> None:
        self._form: Form | None = None
        self._before = self._after = b""
        self._looked = self._found = 0

    def decoded(self, data: bytes) -> Any:
        """The value of an event, or a Chunk where it is a repeated one. Raises BadReply as `bodies.decoded` does."""
        form = self._form
        if form is not None and data.startswith(self._before) and data.endswith(self._after):
            try:
                text = _decode_text(data[len(self._before) : -len(self._after)])
            except (ValueError, RecursionError):
                pass
            else:
                self._found += 1
                return form.chunk(text)
        value = bodies.decoded(data)
        if self._looked < _TRIES + self._found // 10:
            self._look(data, value)
        return value

    def _look(self, data: bytes, value: Any) -> None:
        """See whether this event is one that may be repeated. What it looks like is put to the test."""
        form = Form.of(value)
        if form is None:
            return
        self._looked += 1
        start = data.find(_NAME) + len(_NAME)
        end = _end_of_text(data, start)
        before, after = data[:start], data[end:]
        try:
            tried = bodies.decoded(before + _PROBED + after)
        except BadReply:
            return
        if tried == form.event(_PROBE):
            self._form, self._before, self._after = form, before, after


def _end_of_text(data: bytes, start: int) -> int:
    """Behind the quote that ends the JSON string which begins here, or somewhere else where none does."""
    end = data.find(b'"', data.find(b'"', start) + 1)
    while end > 0 and data[:end].endswith(b"\\"):
        end = data.find(b'"', end + 1)
    return end + 1
