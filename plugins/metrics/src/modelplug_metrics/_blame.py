"""Whose fault a failed call is, as far as its record tells."""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern

from modelplug import Call

REST = "other"
"""The label of everything that has none of its own: unknown names, and what is beyond the limits."""

WORDS = 200
"""Kinds and types of errors that are told apart; what plugins invent beyond is counted as `other`."""

CALLER = frozenset({"client", "context", "content", "parameter", "config", "saturated", "shutdown"})
"""Kinds that are the doing of the caller: they say nothing of the provider or the model."""

SCOPES = ("provider", "model", "upstream", "masked")

_SCOPES: Mapping[str, str] = {
    "not_found": "model",
    "plugin_error": "model",
    "upstream": "upstream",
    "upstream_200": "upstream",
}


def scope(call: Call) -> str | None:
    """What a call counts against: `provider` (and its model), `model` alone, or None for neither.

    `upstream` is a provider that fails: one model's failure is no proof of that. `masked` is a failure whose reason a
    reseller hides: it is never one.
    """
    error = call.error
    if call.outcome != "failed" or error is None or error.kind in CALLER or call.provider == REST:
        return None
    return "masked" if error.code == "masked" else _SCOPES.get(error.kind, "provider")


class ErrorNames:
    """The names under which failures are counted; there is a bounded number of them, whatever plugins say."""

    def __init__(self) -> None:
        self._words: set[str] = set()

    def of(self, call: Call) -> tuple[str, ...]:
        """The names for this call."""
        if call.error is None:
            return ()
        kind = self._word(call.error.kind)
        where = scope(call)
        if where is None:
            return (intern(f"errors.{kind}"),)
        return (intern(f"errors.{kind}"), intern(f"faults.{where}.{kind}.{self._word(call.error.type)}"))

    def _word(self, word: str) -> str:
        if word not in self._words:
            if len(self._words) >= WORDS or not word.isidentifier():
                return REST
            self._words.add(word)
        return word
