"""What a host may ask for in one call, and with which credentials."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from time import perf_counter, time
from typing import Any

from modelplug._headers import is_header
from modelplug.answers import NO_USAGE
from modelplug.calls import Call, Failure, Operation
from modelplug.errors import AmbiguousModel, BadRequest, ConfigError, UnknownModel

# A request may come from anywhere, a gateway's client included: it never chooses where a key goes.
_NEVER_A_PARAMETER: Mapping[str, str] = {
    "model": "name the model as the first argument",
    "messages": "give the messages as the second argument",
    "stream": "use board.stream(...) for a stream and board.complete(...) for a whole answer",
    **dict.fromkeys(
        ("api_key", "api_base", "base_url", "headers", "default_headers", "organization", "client", "http_client"),
        "give credentials=Credentials(...), or settings of the provider",
    ),
    **dict.fromkeys(
        ("custom_llm_provider", "model_list", "azure_ad_token", "aws_access_key_id", "aws_secret_access_key",
         "aws_session_token", "vertex_credentials"),
        "use settings of the provider",
    ),
}  # fmt: skip
_NEVER_IN_A_BODY: Mapping[str, str] = {
    **_NEVER_A_PARAMETER,
    "extra_body": "give its fields themselves",
    "extra_headers": "give them beside extra_body",
}
_NEVER_A_HEADER = frozenset(
    [
        "authorization",
        "proxy-authorization",
        "host",
        "api-key",
        "x-api-key",
        "x-goog-api-key",
        "cookie",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
    ]
)


class CallIds:
    """Unique ids for the calls of one board. A process that is forked needs a new one."""

    def __init__(self) -> None:
        self._board = os.urandom(8).hex()
        self._count = itertools.count(1)

    def next(self) -> str:
        """A new id."""
        return f"{self._board}-{next(self._count):x}"


def checked_params(params: Mapping[str, Any]) -> None:
    """Raises BadRequest for a parameter that would say where a key goes, or that is said elsewhere.

    In any letter case: gateways written in Go take `Model` for `model`, and of two of them the last.
    """
    if not _NEVER_A_PARAMETER.keys().isdisjoint(map(str.casefold, params)):
        name = next(name for name in params if name.casefold() in _NEVER_A_PARAMETER)
        raise BadRequest(f"{name!r} is no parameter of a call; {_NEVER_A_PARAMETER[name.casefold()]}")
    if extra_body := params.get("extra_body"):
        if not isinstance(extra_body, Mapping):
            raise BadRequest("extra_body is not a mapping of names to values")
        for name in extra_body:
            if instead := _NEVER_IN_A_BODY.get(str(name).casefold()):
                raise BadRequest(f"extra_body may not hold {name!r}; {instead}")
    if extra_headers := params.get("extra_headers"):
        if not isinstance(extra_headers, Mapping):
            raise BadRequest("extra_headers is not a mapping of names to values")
        for name, value in extra_headers.items():
            if str(name).strip().lower() in _NEVER_A_HEADER:
                raise BadRequest(
                    f"extra_headers may not hold {name!r}; credentials=Credentials(...) or the wire says it"
                )
            if not is_header(name, value):
                raise BadRequest("extra_headers holds a name or value that no HTTP header can carry")


def checked_timeout(timeout: Any) -> float:
    """The seconds of a call. Raises BadRequest for what is no positive number."""
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout < float("inf"):
        raise BadRequest("timeout is not a positive number of seconds")
    return timeout


def unresolved(
    call_id: str, error: UnknownModel | AmbiguousModel, name: str, operation: Operation, stream: bool, clock: float
) -> Call:
    """The record of a call whose name is no model: it is counted under `other`, never under the name itself."""
    return Call(
        id=call_id,
        requested=str(name)[:100],
        model_id="other",
        provider="other",
        strategy="none",
        operation=operation,
        stream=stream,
        wire_model="",
        outcome="failed",
        started=time(),
        seconds=perf_counter() - clock,
        usage=NO_USAGE,
        error=Failure(type=type(error).__name__, kind="not_found", message=str(error)),
    )


def missing(variable: str, option: str, model_id: str, provider: str) -> ConfigError:
    """The error for a setting that a model requires and that is not there."""
    return ConfigError(
        variable,
        f"is not set, and {model_id!r} needs it",
        f"Set it in the environment, or {option} under [providers.{provider}] in config.toml.",
    )
