"""How long a provider asks to wait, from its headers or its words."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping

_A_YEAR = 366 * 86_400.0

_UNITS: Mapping[str, float] = {"m": 0.001, "millisecond": 0.001, "minute": 60.0}
"""Seconds of a unit, its plural s left off; of any other, one."""

_WAIT = (
    r"(?:try again|retry) (?:in|after) (?:about |approximately )?"
    r"(?:(?P<h>\d{1,6})h)?(?:(?P<m>\d{1,6})m(?!s))?(?:(?P<s>\d{1,9}(?:\.\d{1,9})?) ?"
    r"(?P<unit>ms|milliseconds?|s\b|seconds?|minutes?))?"
)


def parse_retry_after(headers: Mapping[str, str], text: str = "", *, now: float | None = None) -> float | None:
    """Seconds to wait, from `retry-after-ms`, `Retry-After` (seconds or a date) or words; None where nothing is said.

    What is negative, not finite, not readable, or longer than a year is ignored. `now` is Unix time.
    """
    names = {str(name).lower(): str(value).strip() for name, value in headers.items()}
    milliseconds = _seconds(names.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1_000
    after = names.get("retry-after")
    seconds = _seconds(after)
    if seconds is None and after:
        from email.utils import parsedate_to_datetime

        try:
            seconds = parsedate_to_datetime(after[:100]).timestamp() - (time.time() if now is None else now)
        except (TypeError, ValueError, OverflowError, OSError, IndexError):
            seconds = None
    if seconds is not None and 0 <= seconds <= _A_YEAR:
        return seconds
    return _seconds_in_words(text)


def _seconds(text: str | None) -> float | None:
    if not text or len(text) > 40:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds <= _A_YEAR * 1_000 else None


def _seconds_in_words(text: str) -> float | None:
    """`try again in 5.289s`, `in 1m42.6s`, `in 20ms` (aider#3265, OpenHands#1263); `retry after 26 seconds` (Azure)."""
    for match in re.finditer(_WAIT, text[:5_000], re.IGNORECASE):
        if match["h"] or match["m"] or match["s"]:
            unit = _UNITS.get((match["unit"] or "s").lower().removesuffix("s"), 1.0)
            seconds = float(match["s"] or 0) * unit + int(match["m"] or 0) * 60 + int(match["h"] or 0) * 3_600
            return seconds if seconds <= _A_YEAR else None
    return None
