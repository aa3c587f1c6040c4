"""Events that repeat an earlier one but for their text: most of a stream. Only the texts of these are decoded."""

from __future__ import annotations

from itertools import takewhile
from operator import methodcaller
from typing import Any

import msgspec
from modelplug.answers import Chunk, Form
from modelplug.errors import BadReply

from modelplug_http import body as bodies

_NAME = b'"content":'
_PROBE = 'a "text" that\nno provider sends \\'
_PROBED = msgspec.json.encode(_PROBE)
_FEW = 4
_LOOKS, _MISSES, _REST = 3, 16, 64
"""After so many looks in vain, or so many events that did not repeat, so many pieces pass before the next look."""

_decode_texts = msgspec.json.Decoder(list[str]).decode


class Repeats:
    """Finds the events of one stream that an earlier one was, up to and from one JSON string.

    Such an event is the earlier one with another string in this place: what JSON means is the same on both sides of
    it. So the strings of many events are decoded as one list, and nothing else of them.
    """

    __slots__ = ("_begins", "_ends", "_form", "_lead", "_looks", "_misses", "_rest", "_tail")

    def __init__(self) -> None:
        self._form: Form | None = None
        self._lead = self._tail = b""
        self._begins = self._ends = methodcaller("startswith", b"")
        self._looks = self._misses = self._rest = 0

    def hopeful(self) -> bool:
        """Whether to look for events that repeat in the next piece."""
        if self._rest:
            self._rest -= 1
        return not self._rest

    def run(self, data: bytes, start: int) -> tuple[tuple[Chunk, ...], int]:
        """The chunks of the whole events that repeat, from `start` on, and where what follows them begins."""
        form, lead, tail = self._form, self._lead, self._tail
        if form is None or not data.startswith(lead, start):
            return (), start
        # A line break cannot be within a JSON string, so each event that repeats is one line, and a blank one follows.
        lines = data[start:].split(b"\n")
        whole = lines[: (len(lines) - 1) // 2 * 2 : 2]
        like_it = list(takewhile(self._ends, takewhile(self._begins, whole)))  # without a step of Python's for each
        if any(lines[1 : 2 * len(like_it) : 2]):
            return (), start
        first, last = len(lead), -len(tail)
        texts = [line[first:last] for line in like_it]
        if not texts:
            return (), start
        try:
            # For the same reason no two texts become one by what stands between them here: as many come out as went in
            # only if each is one string.
            said = _decode_texts(b"[" + b",\n".join(texts) + b"]")
        except (ValueError, RecursionError):
            said = []
        if len(said) != len(texts):
            self._give_up()
            return (), start
        self._misses = 0
        return form.chunks(said), start + len(said) * (first - last + 2) + sum(map(len, texts))

    def look(self, data: bytes, value: Any) -> None:
        """See whether this event, which does not repeat an earlier one, is one that may be repeated."""
        self._misses += 1
        if self._misses > _MISSES:
            self._give_up()
        if self._form is not None and self._misses < _FEW:
            return  # one of those that end a stream
        start = data.find(_NAME) + len(_NAME)
        if data.startswith(b'""', start):  # the first event of a stream often brings the role alone
            return
        form = Form.of(value)
        if form is None:
            return
        end = _end_of_text(data, start)
        before, after = data[:start], data[end:]
        if self._is_place(form, before, after):
            self._form, self._lead, self._tail = form, b"data: " + before, after
            self._begins, self._ends = methodcaller("startswith", self._lead), methodcaller("endswith", after)
            return
        self._looks += 1
        if self._looks >= _LOOKS:
            self._give_up()

    def _is_place(self, form: Form, before: bytes, after: bytes) -> bool:
        """Whether the text stands between these: another one put there is another text, and nothing else."""
        try:
            return bool(bodies.decoded(before + _PROBED + after) == form.event(_PROBE))
        except BadReply:
            return False

    def _give_up(self) -> None:
        self._form = None
        self._looks = self._misses = 0
        self._rest = _REST


def _end_of_text(data: bytes, start: int) -> int:
    """Behind the quote that ends the JSON string which begins here, or somewhere else where none does."""
    end = data.find(b'"', data.find(b'"', start) + 1)
    while end > 0 and data[:end].endswith(b"\\"):
        end = data.find(b'"', end + 1)
    return end + 1
