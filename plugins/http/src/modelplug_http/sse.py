"""Server-sent events, read from bytes as they arrive."""

from __future__ import annotations

from modelplug.errors import BadReply

Event = tuple[bytes, bytes]
"""The event's name (empty when it has none) and its data."""

_BOM = b"\xef\xbb\xbf"
_COLON, _BRACE = ord(":"), ord("{")


class EventReader:
    """Turns bytes into events, however the bytes are cut (WHATWG HTML, 9.2.6, with the leniency that is needed).

    Lines end with LF, CR LF or CR. Comments, `id`, `retry`, unknown fields and events without data give nothing.
    Lenient where servers are sloppy: a bare line of JSON is an event (some gateways report errors so), and `end`
    gives the last event even when its blank line is missing. `limit` bounds a line and an event, in bytes.
    """

    __slots__ = ("_after_cr", "_data", "_limit", "_line", "_line_size", "_name", "_size", "_start")

    def __init__(self, *, limit: int = 4 * 1024 * 1024) -> None:
        self._limit = limit
        self._line: list[bytes] = []  # pieces of the line that has not ended: joined once, when it does
        self._line_size = 0
        self._data: list[bytes] = []
        self._size = 0
        self._name = b""
        self._start: bytes | None = b""  # what may still become a byte order mark; None after the start
        self._after_cr = False

    @property
    def within_data(self) -> bool:
        """Whether an event has begun to arrive: more than a comment or nothing."""
        return bool(self._data) or (bool(self._line) and self._line[0][0] != _COLON)

    @property
    def between_events(self) -> bool:
        """Whether what comes next begins an event: nothing is held back of what came before it."""
        return not (self._data or self._line or self._name or self._after_cr) and self._start is None

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete. Raises BadReply("too_large")."""
        if self._start is not None:
            data = self._after_mark(data)
        if self._after_cr or b"\r" in data:
            data = self._with_line_feeds(data)
        if not data:
            return []
        if b"\n" not in data:
            self._hold(data)
            return []
        if self._line:
            self._line.append(data)
            data = b"".join(self._line)
            self._line.clear()
            self._line_size = 0
        lines = data.split(b"\n")
        rest = lines.pop()
        if len(data) > self._limit and max(map(len, lines)) > self._limit:
            raise _too_large(self._limit)
        events = self._read(lines)
        if rest:
            self._hold(rest)
        return events

    def end(self) -> list[Event]:
        """The last event, when its blank line is missing."""
        lines = [b"".join(self._line), b""]
        self._line.clear()
        self._line_size = 0
        if self._start:
            lines[0], self._start = self._start, None
        return self._read(lines)

    def _read(self, lines: list[bytes]) -> list[Event]:
        events: list[Event] = []
        data = self._data
        for line in lines:
            if not line:
                if data:
                    events.append((self._name, data[0] if len(data) == 1 else b"\n".join(data)))
                    data.clear()
                    self._size = 0
                self._name = b""
            elif line.startswith(b"data: ") and not data:
                if len(line) > 6:
                    data.append(line[6:])
            else:
                events += self._read_rarer(line)
        return events

    def _read_rarer(self, line: bytes) -> list[Event]:
        """Any line but the usual ones; the events that it completes."""
        if line[0] == _COLON:
            return []
        if line[0] == _BRACE:
            before = self._read([b""])
            return [*before, (b"", line)]
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._add(value)
        elif field == b"event":
            self._name = value
        return []

    def _add(self, value: bytes) -> None:
        if not value and not self._data:
            return  # an empty `data:` alone is no event for us: there is no JSON in it
        self._data.append(value)
        self._size += len(value) + 1
        if self._size > self._limit:
            raise _too_large(self._limit)

    def _hold(self, piece: bytes) -> None:
        self._line.append(piece)
        self._line_size += len(piece)
        if self._line_size > self._limit:
            raise _too_large(self._limit)

    def _after_mark(self, data: bytes) -> bytes:
        data = (self._start or b"") + data
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._start = data
            return b""
        self._start = None
        return data.removeprefix(_BOM)

    def _with_line_feeds(self, data: bytes) -> bytes:
        """The same lines with LF as their only end. A CR LF may be cut in two by the chunks."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _too_large(limit: int) -> BadReply:
    return BadReply(f"an event of the stream is longer than the limit of {limit:,} bytes", kind="too_large")
