"""Bodies: JSON written and strictly read, and what an answer's bytes turn out to be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, NoReturn

import msgspec
from attrs import frozen
from modelplug.errors import BadReply, BadRequest, EmptyReply
from modelplug.failures import safe_text

from modelplug_http.sse import EventReader

Shape = Literal["events", "json", "page", "text"]

DONE = b"[DONE]"
_FIELDS = (b"data", b"event", b"id", b"retry")
_LONGEST_FIELD = 6  # "retry:"
_SPACE = b" \t\r\n"
_LARGE = 1024 * 1024
"""Bytes beyond which reading is guarded: it cannot be interrupted, and the event loop waits for it."""
_SLOWLY = 512 * 1024
"""Bytes up to which what msgspec refuses is read once more by the standard library, at some 60 ms a MiB."""
_MOST_VALUES = 800_000
_WEIGHTS = ((b"[", 3), (b"{", 3), (b":", 3), (b",", 1))
"""What a large answer may hold: an object, a list and a name each count as three values.

A value takes 20 to 50 nanoseconds to read, a name that is never repeated more; text takes next to nothing.
"""
_BOM = b"\xef\xbb\xbf"

_encode = msgspec.json.Encoder(enc_hook=lambda value: _plain(value)).encode
_decode = msgspec.json.Decoder().decode


@frozen(kw_only=True)
class Body:
    """A whole answer: one JSON value in `data`, or, where the provider sent events, `events`: their JSON values."""

    data: Any = None
    events: tuple[Any, ...] | None = None


def encoded(value: Mapping[str, Any]) -> bytes:
    """The JSON of a request. Raises BadRequest for what JSON cannot say."""
    try:
        try:
            return _encode(value)
        except UnicodeEncodeError:  # a lone surrogate: only an escape can say it
            return json.dumps(value, default=_plain, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise BadRequest(f"the request cannot be written as JSON: {error}") from None


def decoded(data: bytes) -> Any:
    """The value of one JSON text. The last of duplicate keys wins.

    Raises BadReply("decode") for anything but JSON in UTF-8: NaN and Infinity, numbers out of range and deep nesting
    included. Lone surrogates, which only escapes can say, are given as they came in up to 512 KiB.
    """
    large = len(data) > _LARGE
    if large and _holds_too_much(data):
        raise BadReply("the answer holds more values than can be read at once", kind="too_large")
    try:
        return _decode(data)
    except (ValueError, RecursionError):
        if len(data) > _SLOWLY:
            raise BadReply("the answer is not JSON") from None
        return _decoded_slowly(data)


def read(body: bytes) -> Body:
    """What a whole answer says, whatever its content type. Raises BadReply, or EmptyReply for nothing at all."""
    body = body.removeprefix(_BOM).strip(_SPACE)
    if not body:
        raise EmptyReply("the provider answered with success and nothing in it")
    shape = shape_of(body)
    if shape == "page":
        raise not_json(body, shape)
    if shape != "events":
        try:
            return Body(data=decoded(_without_done(body)))
        except BadReply:
            if shape != "json":
                raise not_json(body, shape) from None
            if b"\n" not in body:
                raise
    reader = EventReader(limit=len(body))
    return Body(events=tuple(decoded(data) for _, data in reader.feed(body) + reader.end() if data != DONE))


def shape_of(start: bytes) -> Shape | None:
    """What these first bytes begin. None while there are too few of them."""
    head = start.removeprefix(_BOM).lstrip(_SPACE)[:_LONGEST_FIELD]
    if head[:1] in (b"{", b"["):
        return "json"
    if head[:1] == b"<":
        return "page"
    if head[:1] == b":" or any(_is_field(head, field) for field in _FIELDS):
        return "events"
    return None if _BOM.startswith(head) or any(field.startswith(head) for field in _FIELDS) else "text"


def _is_field(head: bytes, field: bytes) -> bool:
    return head.startswith(field) and head[len(field) : len(field) + 1] in (b":", b"\r", b"\n")


def too_large(limit: int) -> BadReply:
    """The error for an answer beyond its limit in bytes."""
    return BadReply(f"the answer is longer than the limit of {limit:,} bytes", kind="too_large")


def not_json(body: bytes, shape: Shape | None) -> BadReply:
    """The error for a body that is neither JSON nor events: what it began with, but never HTML."""
    if shape == "page":
        return BadReply("the provider answered with a web page instead of JSON; check the setting api_base")
    said = safe_text(body[:400].decode("utf-8", "replace"))[:200]
    return BadReply(f"the provider answered with something that is not JSON: {said}")


def _without_done(body: bytes) -> bytes:
    """Without the `data: [DONE]` that some gateways put behind a whole answer (Wei-Shaw/sub2api#2826)."""
    if body.endswith(DONE):
        return body.removesuffix(DONE).rstrip(_SPACE).removesuffix(b"data:").rstrip(_SPACE)
    return body


def _holds_too_much(data: bytes) -> bool:
    found = 0
    for start in range(0, len(data), _LARGE):
        for mark, weight in _WEIGHTS:
            found += weight * data.count(mark, start, start + _LARGE)
        if found > _MOST_VALUES:
            return True
    return False


def _decoded_slowly(data: bytes) -> Any:
    """The standard library's reading, made as strict: it alone takes lone surrogates and large integers."""
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse, parse_float=_finite)
    except UnicodeDecodeError:
        raise BadReply("the answer is not UTF-8") from None
    except RecursionError:
        raise BadReply("the answer's JSON is nested too deeply") from None
    except ValueError:
        raise BadReply("the answer is not JSON") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(text)
    return number


def _plain(value: object) -> Any:
    """What JSON has in place of other mappings and sequences."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "__iter__") and hasattr(value, "__len__"):
        return list(value)
    raise TypeError(f"a {type(value).__name__} has no JSON")
