"""One thing that `modelplug doctor` looked at."""

from __future__ import annotations

from typing import Literal

from attrs import frozen


@frozen(kw_only=True)
class Finding:
    """One thing that was looked at. `next_step` says what to do where it is not ok."""

    state: Literal["ok", "warning", "wrong"]
    subject: str
    said: str
    next_step: str | None = None
