"""What an error body says, in whichever dialect it says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import frozen

_WORDS = ("message", "msg", "err", "error_msg", "detail", "error_message", "title", "reason")
"""Where servers put the sentence; `msg`, `err` and `error_msg` are one-api's upstreams (relay/controller/error.go)."""

_READ_AT_MOST = 100_000
_DEEPEST = 8


@frozen(kw_only=True)
class Said:
    """The parts of an error body. `number` is a numeric code, `data` the object it was found in."""

    message: str = ""
    code: str | None = None
    type: str | None = None
    param: str | None = None
    number: int | None = None
    request_id: str | None = None
    data: Mapping[str, Any] = {}

    @property
    def words(self) -> tuple[str, ...]:
        """Code and type in lower case, the more telling first."""
        return tuple(word.lower() for word in (self.code, self.type) if word)


def said_in(body: bytes | str | object) -> Said:
    """What a body says: JSON in any known dialect, or plain text. Never raises."""
    if isinstance(body, (bytes, bytearray)):
        body = bytes(body[:_READ_AT_MOST]).decode("utf-8", "replace")
    return _said(body, _DEEPEST)


def error_in(answer: Mapping[str, Any], *, something: tuple[str, ...] = ("choices",)) -> Said | None:
    """The error in an answer that came with a successful status, None where there is none.

    `something` names the fields that make an answer; only without them can a bare message be an error.
    """
    if _is_error(answer.get("error")):
        return said_in(answer)
    if answer.get("object") == "error" or answer.get("type") == "error":
        return said_in(answer)
    if any(answer.get(name) for name in something):
        return None
    if "usage" in answer and isinstance(answer["usage"], dict) and answer["usage"]:
        return None
    if _is_error(answer.get("errors")) or isinstance(answer.get("detail"), (str, list)):
        return said_in(answer)
    nested = answer.get("response")
    if isinstance(nested, Mapping) and _is_error(nested.get("error")):
        return said_in(answer)
    header = answer.get("header")
    if isinstance(header, Mapping) and header.get("message") and header.get("code"):
        return said_in(answer)
    said = said_in(answer)
    fine = said.number in (None, 0, 200) and (said.code or "ok").lower() in ("ok", "success")
    if not fine or answer.get("success") is False:
        return said if said.message or said.number is not None else None
    bare = said.number is None and said.code is None and (said.type or "").lower() not in _SIGNS_OF_LIFE
    return said if said.message and bare else None


_SIGNS_OF_LIFE = frozenset({"ping", "heartbeat", "keepalive", "keep-alive"})


def _is_error(value: object, depth: int = _DEEPEST) -> bool:
    """Whether an `error` field reports one: some servers send it empty or with zeroes in every answer."""
    if depth and isinstance(value, (Mapping, list)):
        items = value.values() if isinstance(value, Mapping) else value
        return any(_is_error(item, depth - 1) for item in items)
    return bool(value)


def _said(body: object, depth: int) -> Said:
    if isinstance(body, list):
        body = next((item for item in body if isinstance(item, Mapping)), None)  # Gemini wraps an error in a list
    if isinstance(body, str):
        return _said_by_text(body, depth)
    if not isinstance(body, Mapping) or depth <= 0:
        return Said()
    inner = _inner(body)
    if inner is not body:
        said = _said(inner, depth - 1) if isinstance(inner, Mapping) else Said(message=str(inner)[:_READ_AT_MOST])
        return _filled(said, body)
    message, data = "", body
    for name in _WORDS:
        value = body.get(name)
        if value:
            message, found = _sentence(value, depth)
            if message:
                if found is not None:
                    data = found.data or data
                    return Said(
                        message=message,
                        code=_word(body.get("code")) or found.code,
                        type=found.type or _word(body.get("type")),
                        param=found.param or _param(body),
                        number=found.number if found.number is not None else _number(body.get("code")),
                        data=data,
                    )
                break
    said = _filled(Said(message=message, param=_param(body), data=body), body)
    return _with_metadata(said, body, depth)


def _inner(body: Mapping[str, Any]) -> object:
    """The part of a body that is the error: itself, or what it wraps."""
    error = body.get("error")
    if _is_error(error) and isinstance(error, (Mapping, str)):
        return error
    if _is_error(error) and isinstance(error, list):
        return next((item for item in error if isinstance(item, (Mapping, str)) and item), body)
    response = body.get("response")
    if isinstance(response, Mapping) and _is_error(response.get("error")):
        return response
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], (Mapping, str)):
        return errors[0]
    if isinstance(errors, Mapping) and errors:
        return errors
    header = body.get("header")
    if isinstance(header, Mapping) and header.get("message"):
        return header
    return body


def _said_by_text(text: str, depth: int) -> Said:
    stripped = text[:_READ_AT_MOST].strip()
    if stripped[:1] in ("{", "[") and depth > 0:
        try:
            decoded = json.loads(stripped)
            if not decoded:
                return Said()
            said = _said(decoded, depth - 1)
        except (ValueError, RecursionError):
            return Said(message=stripped)
        return said if said.message or said.words or said.number is not None else Said(message=stripped)
    return Said(message=stripped)


def _sentence(value: object, depth: int) -> tuple[str, Said | None]:
    """The sentence in a message field: text, JSON within text, FastAPI's list of faults, or an object of these."""
    if isinstance(value, str):
        if value.lstrip()[:1] == "{":
            nested = _said_by_text(value, depth - 1)
            return nested.message, nested
        return value, None
    if isinstance(value, list):
        faults = [item for item in value if isinstance(item, Mapping)]
        if not faults:
            return "; ".join(str(item) for item in value if isinstance(item, (str, int)))[:_READ_AT_MOST], None
        first = faults[0]
        message = "; ".join(_fault(item) for item in faults[:10])
        return message, Said(message=message, type=_word(first.get("type")), param=_location(first), data=first)
    if isinstance(value, Mapping):
        nested = _said(value, depth - 1)
        return nested.message, nested
    return "", None


def _fault(item: Mapping[str, Any]) -> str:
    where, what = _location(item), item.get("msg") or item.get("message") or ""
    return f"{where}: {what}" if where else str(what)


def _location(item: Mapping[str, Any]) -> str | None:
    """The name of the parameter in pydantic's `loc`, such as ["body", "stream_options"]."""
    loc = item.get("loc")
    if not isinstance(loc, list):
        return None
    names = [str(part) for part in loc if isinstance(part, str) and part != "body"]
    return names[0][:100] if names else None


def _filled(said: Said, body: Mapping[str, Any]) -> Said:
    """The same with what an outer object adds."""
    code = body.get("code", body.get("error_code", body.get("err_code")))
    status = body.get("status", body.get("status_code"))
    return Said(
        message=said.message,
        code=said.code or _word(code) or (_word(status) if isinstance(status, str) and status.isupper() else None),
        type=said.type or _word(body.get("type")) or _word(body.get("error_type")),
        param=said.param or _param(body),
        number=next((n for n in (said.number, _number(code), _number(status)) if n is not None), None),
        request_id=said.request_id or (_word(body.get("request_id")) or _word(body.get("requestId"))),
        data=said.data or body,
    )


def _with_metadata(said: Said, body: Mapping[str, Any], depth: int) -> Said:
    """OpenRouter keeps what the upstream said in `metadata.raw`."""
    metadata = body.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    if not raw or not isinstance(raw, (str, Mapping)):
        return said
    upstream = _said(raw, depth - 1)
    return Said(
        message=f"{said.message}: {upstream.message}" if upstream.message else said.message,
        code=said.code or upstream.code,
        type=said.type or upstream.type,
        param=said.param or upstream.param,
        number=said.number if said.number is not None else upstream.number,
        request_id=said.request_id or upstream.request_id,
        data=upstream.data or said.data,
    )


def _param(body: Mapping[str, Any]) -> str | None:
    param = body.get("param")
    return param[:100] if isinstance(param, str) and param else None


def _word(value: object) -> str | None:
    """A code that is a word. Numbers are none, nor is a sentence."""
    if not isinstance(value, str):
        return None
    value = value.strip()
    return value if value and len(value) <= 100 and "\n" not in value and _number(value) is None else None


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e9:
        return int(value)
    if isinstance(value, int):
        return value if abs(value) < 1_000_000_000 else None
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value.strip()) < 10:
        return int(value)
    return None
