"""What JSON has no word for, made plain."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
from modelplug import Secret


def plain(value: Any) -> Any:
    """The value in JSON's terms: a Decimal as text, a record as an object, a set sorted, a secret hidden."""
    if isinstance(value, Secret):
        return "***"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (frozenset, set)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Path):
        return str(value)
    if attrs.has(type(value)):
        return attrs.asdict(value, recurse=False)
    return str(value)
