"""Calls that failed: what is kept of the latest ones, and what to do about each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import frozen
from modelplug import Call, Failure

from modelplug_metrics._blame import REST


@frozen(kw_only=True)
class FailedCall:
    """A call that failed. `at` is the Unix time of its end; `message` has passed the core's redaction."""

    at: float
    id: str
    provider: str
    model: str
    strategy: str
    operation: str
    stream: bool
    type: str
    kind: str
    message: str
    next_step: str
    milliseconds: int
    attempts: int
    retryable: bool = False
    status: int | None = None
    code: str | None = None
    request_id: str | None = None

    @classmethod
    def of(cls, call: Call, error: Failure, *, at: float) -> Self:
        """The failure of this call."""
        return cls(
            at=at,
            id=call.id,
            provider=call.provider,
            model=call.model_id,
            strategy=call.strategy,
            operation=call.operation,
            stream=call.stream,
            type=error.type,
            kind=error.kind,
            message=error.message,
            next_step=_unknown_name(call) or next_step("masked" if error.code == "masked" else error.kind),
            milliseconds=round(call.seconds * 1000),
            attempts=len(call.attempts),
            retryable=error.retryable,
            status=error.status,
            code=error.code,
            request_id=call.request_id or error.request_id,
        )

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {name: getattr(self, name) for name in FIELDS}

    @classmethod
    def from_json(cls, sent: Mapping[str, Any]) -> Self:
        """The failure that `as_json` wrote."""
        return cls(**{name: sent[name] for name in FIELDS})


FIELDS = (
    *("at", "id", "provider", "model", "strategy", "operation", "stream", "type", "kind", "message", "next_step"),
    *("milliseconds", "attempts", "retryable", "status", "code", "request_id"),
)

SLOW = "Compare it with another model; shorten the prompt or lower max_tokens; ask whether the provider is overloaded."
"""What to do about a slow model."""


def next_step(kind: str) -> str:
    """What to do about a failure of this kind, in one or two sentences."""
    return _NEXT_STEPS.get(kind, "Read the message; if it does not help, look for the call's id in the log.")


def _unknown_name(call: Call) -> str | None:
    if call.provider != REST or call.error is None or call.error.kind != "not_found":
        return None
    return "Check the name: `modelplug models list --all` shows every model, and aliases can be set in config.toml."


_FAILING = "The provider is failing or overloaded: try again in a minute, or choose another provider."
_REACH = "Check the provider's API base, the network and the proxy of this machine."
_BROKEN = "The provider, or a proxy before it, sent something broken: try again; if it stays, tell the provider."

_NEXT_STEPS: Mapping[str, str] = {
    "auth": "Check the provider's key: `modelplug config show` says where it is read from. It may be for another base.",
    "quota": "Top up the account or raise its limit; until then choose a model of another provider.",
    "not_found": "The provider does not know this model: compare its exact id with the provider's own list.",
    "masked": "The provider hides the reason: check that it still sells this model, then try another model.",
    "rate_limit": "Send fewer calls at once, wait as long as the answer says, or ask the provider for a higher limit.",
    "saturated": "Too many calls of this host wait: raise max_concurrency or max_waiting, or send fewer at once.",
    "upstream": _FAILING,
    "upstream_200": _FAILING,
    "timeout": "Allow more time with `timeout`, ask for fewer tokens, or choose a quicker model.",
    "stall": "The stream fell silent: try again; if it stays, the provider or a proxy holds answers back.",
    "connect": f"Nothing answered. {_REACH}",
    "dns": f"The host's name has no address. {_REACH}",
    "tls": "The certificate was refused: check the API base and the clock, and whether a proxy reads the traffic.",
    "reset": f"The connection was closed early: try again. {_REACH}",
    "redirect": "The API base sends calls elsewhere, where no key is sent: set the base to the final address.",
    "decode": _BROKEN,
    "protocol": _BROKEN,
    "stream_error": _BROKEN,
    "empty": _BROKEN,
    "cut": "The stream ended too early; what had arrived is kept. Try again; if it stays, tell the provider.",
    "too_large": "The answer is beyond the limit: ask for fewer tokens.",
    "client": "The request is refused as it stands: its message says why.",
    "context": "The prompt does not fit: shorten it, or choose a model with a larger context window.",
    "content": "A content filter stopped it: change the prompt, or choose another model.",
    "parameter": "Leave the parameter out, or choose a model that takes it.",
    "config": "The message names the setting: `modelplug config show` says where each is read from.",
    "shutdown": "The board was closed under the call: give `aclose` time to drain, or close it when calls are done.",
    "plugin_error": "A plugin broke its contract: `modelplug plugins list` names it; tell its author.",
}
