"""The envelope of every JSON answer, and the reading of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.datastructures import QueryParams


class BadParameter(Exception):
    """A parameter is none of ours, or has a value that it cannot have: status 422."""

    def __init__(self, parameter: str, problem: str) -> None:
        super().__init__(f"{parameter}: {problem}")
        self.parameter = parameter


def said(data: object) -> dict[str, object]:
    """An answer: `{success: true, data, timestamp}`."""
    return {"success": True, "data": data, "timestamp": iso(datetime.now(UTC).timestamp())}


def wrong(message: str, *, parameter: str | None = None) -> dict[str, object]:
    """An error: `{success: false, error: {message, parameter}, timestamp}`."""
    error = {"message": message, "parameter": parameter}
    return {"success": False, "error": error, "timestamp": iso(datetime.now(UTC).timestamp())}


def iso(moment: float | None) -> str | None:
    """Unix time in ISO 8601, in UTC, to the millisecond."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Parameters:
    """The parameters of a request, each read once. `done` raises BadParameter for any that was not asked for."""

    def __init__(self, query: QueryParams) -> None:
        self._left = dict(query)
        for name in self._left:
            if len(query.getlist(name)) > 1:
                raise BadParameter(name[:100], "is given more than once")

    def text(self, name: str, *, most: int = 300) -> str | None:
        """A text, None where it is not given or empty."""
        found = self._left.pop(name, None) or None
        if found is not None and len(found) > most:
            raise BadParameter(name, f"is longer than {most} characters")
        return found

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """One of these words."""
        found = self._left.pop(name, default)
        if found not in choices:
            raise BadParameter(name, f"is none of {', '.join(choices)}")
        return found

    def whole(self, name: str, *, default: int, most: int) -> int:
        """A whole number from 1 to `most`."""
        found = self._left.pop(name, None)
        if found is None:
            return default
        if not (found.isascii() and found.isdecimal() and len(found) <= 10 and 1 <= int(found) <= most):
            raise BadParameter(name, f"is no whole number from 1 to {most}")
        return int(found)

    def flag(self, name: str) -> bool:
        """`true` or `false`, which is the default."""
        return self.choice(name, ("true", "false"), "false") == "true"

    def done(self) -> None:
        """Refuse what is left over: a parameter with a spelling mistake would change nothing, and mislead."""
        for name in self._left:
            raise BadParameter(name[:100], "is not known here; /openapi.json lists what is")
