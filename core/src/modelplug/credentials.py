"""Secrets, and the credentials that one call travels with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NoReturn

from attrs import field, frozen

from modelplug._endpoints import checked_base
from modelplug._redaction import mask_place, redact
from modelplug.errors import ConfigError, ModelplugError

_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"


class Secret:
    """A value that never shows itself: not in repr, str, format, a pickle or a traceback of ours."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. Call it where it goes on the wire and nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")


def _secret(value: Secret | str | None) -> Secret | None:
    if value is None:
        return None
    return checked_key(value.reveal() if isinstance(value, Secret) else value, setting="credentials, api_key")


def _pairs(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return tuple((str(name), str(value)) for name, value in pairs)


@frozen(kw_only=True, cache_hash=True)
class Credentials:
    """Key, base URL and headers of one call: they travel together, and pools of connections are kept for each.

    `headers` (a mapping) are sent with every request of these credentials. Raises ConfigError for a key or base that
    is not fit for use, see `checked_key` and `checked_base`.
    """

    api_key: Secret | None = field(default=None, converter=_secret)
    api_base: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), converter=_pairs, repr=False)
    allow_link_local: bool = field(default=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.api_base is not None:
            setting = "credentials, api_base"
            base = checked_base(self.api_base, setting=setting, allow_link_local=self.allow_link_local)
            object.__setattr__(self, "api_base", base)

    def secrets(self) -> tuple[str, ...]:
        """The values that must not leave modelplug, for the redaction boundary."""
        key = () if self.api_key is None else (self.api_key.reveal(),)
        return key + tuple(value for _, value in self.headers)

    def masked(self, text: str) -> str:
        """The text without these secrets or parts of them, and without the base: what may leave modelplug."""
        text = redact(text, self.secrets())
        return text if self.api_base is None else mask_place(text, self.api_base)

    def hide_in(self, error: ModelplugError) -> None:
        """Take these credentials out of all that an error says, in place: its message, fields, notes and causes.

        What had arrived of an answer (`partial`) stays: it is the model's text.
        """
        error.args = tuple(self.masked(arg) if isinstance(arg, str) else arg for arg in error.args)
        for name, value in vars(error).items():
            if isinstance(value, str) and name != "partial":
                setattr(error, name, self.masked(value))
        vars(error).pop("__notes__", None)
        error.__cause__ = error.__context__ = None
        error.__suppress_context__ = True


def checked_key(value: str, *, setting: str) -> Secret:
    """The key as a Secret. Raises ConfigError naming `setting` when it cannot be a key."""
    problem = None
    if not value.strip():
        problem = "is set but blank"
    elif any(c in value for c in "\r\n"):
        problem = "holds a line break"
    elif value != value.strip():
        problem = "begins or ends with white space"
    elif value[0] in _QUOTES or value[-1] in _QUOTES:
        problem = "is in quotes, or holds part of one"
    elif not all(" " <= c <= "~" for c in value):
        problem = "holds a character that no HTTP header can carry"
    if problem:
        raise ConfigError(setting, problem, "Set it to the bare key.")
    return Secret(value)
