"""Which headers HTTP can carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelplug.errors import ConfigError


def is_header(name: object, value: object) -> bool:
    """Whether a request can have this name and value in its head, without a second header hidden in either."""
    return (
        isinstance(name, str)
        and isinstance(value, str)
        and name.isascii()
        and name.replace("-", "").replace("_", "").isalnum()
        and not any(c in value for c in "\r\n\0")
    )


def checked_headers(headers: Mapping[str, Any], *, setting: str) -> dict[str, str]:
    """The headers as text. Raises ConfigError, naming `setting` and never a value, for what is no header."""
    found = {str(name): str(value) for name, value in headers.items()}
    for name, value in found.items():
        if not is_header(name, value):
            raise ConfigError(setting, f"holds {name!r}, which is no header", 'Write Name = "value", on one line.')
    return found
