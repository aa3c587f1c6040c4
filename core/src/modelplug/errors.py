"""Every error that modelplug raises, and nothing else.

ModelplugError
  ConfigError            a setting is wrong or missing
  PluginError            a plugin broke its contract
  UnknownModel           no model has this name
  AmbiguousModel         several plugins brought this name
  NoStrategy             no plugin carries calls to this model
  CallFailed             the call was made, or refused before the wire, and did not succeed
    BadRequest           the provider refuses the request as it stands
      ContextTooLong     it does not fit the context window
      ContentRefused     a content filter stopped it
      UnsupportedParameter
    AuthFailed           the key is wrong, or may not do this
    QuotaExhausted       the balance or quota is used up
    ModelNotFound        the provider does not know the wire name
    RateLimited *        too many requests
    Unavailable *        the provider is failing or overloaded
    TimedOut *           a deadline of ours passed
    Unreachable *        no connection
    BadReply             the answer cannot be read
      StreamCut          the stream ended without a finish reason
      EmptyReply *       nothing was in the answer

* may be retried: `error.retryable`
"""

from __future__ import annotations

import copyreg
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelplug.answers import Usage
    from modelplug.calls import Attempt
    from modelplug.models import Model

MESSAGE_LIMIT = 2_000
"""The longest message that leaves modelplug, in characters."""


class ModelplugError(Exception):
    """Root of all errors of modelplug. Each can be pickled: a task queue or a pool of processes passes it on whole."""

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]  # not in its stub


class ConfigError(ModelplugError):
    """A setting is wrong or missing. Names the setting, never its value, and says what to do next."""

    def __init__(self, setting: str, problem: str, next_step: str) -> None:
        super().__init__(f"{setting}: {problem}. {next_step}")
        self.setting = setting
        self.problem = problem
        self.next_step = next_step


class PluginError(ModelplugError):
    """A plugin broke its contract: it failed to load, or gave a hook an answer of the wrong type."""

    def __init__(self, plugin: str, reason: str) -> None:
        super().__init__(f"plugin {plugin!r}: {reason}")
        self.plugin = plugin
        self.reason = reason


class UnknownModel(ModelplugError):
    """No model has this id or alias. `close_matches` are names that exist."""

    def __init__(self, name: str, close_matches: Sequence[str] = ()) -> None:
        hint = f" Did you mean {_or(close_matches)}?" if close_matches else " `modelplug models list --all` shows all."
        super().__init__(f"no model is called {_shown(name)}.{hint}")
        self.name = name
        self.close_matches = tuple(close_matches)


class AmbiguousModel(ModelplugError):
    """Several models answer to this name. `owners` are pairs `plugin: model id`."""

    def __init__(self, name: str, owners: Sequence[str]) -> None:
        super().__init__(
            f"{_shown(name)} is the name of several models ({', '.join(owners)}). "
            f"Use an exact id, choose one under [aliases] in config.toml, or block one of the plugins."
        )
        self.name = name
        self.owners = tuple(owners)


class NoStrategy(ModelplugError):
    """No plugin offered a strategy for this model, or the strategy cannot do what was asked."""

    def __init__(self, model_id: str, reason: str) -> None:
        super().__init__(f"no strategy for {model_id!r}: {reason}")
        self.model_id = model_id
        self.reason = reason


class CallFailed(ModelplugError):
    """A call did not succeed.

    Strategies raise the subclasses with what the provider said; the Switchboard adds `model_id`, `wire_model`,
    `provider` and `attempts`, and passes the message through the redaction boundary.

    `kind` is a stable word for metrics, `status` an HTTP status or None, `code` the provider's own code,
    `retry_after` seconds, `partial` the text that had arrived, `usage` the tokens that were reported.
    """

    kind: str = "failed"
    retryable: bool = False
    usage: Usage | None = None

    def __init__(
        self,
        message: str,
        *,
        kind: str | None = None,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        partial: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message[:MESSAGE_LIMIT])
        if kind is not None:
            self.kind = kind
        if retryable is not None:
            self.retryable = retryable
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.request_id = request_id
        self.partial = partial
        self.model_id: str | None = None
        self.wire_model: str | None = None
        self.provider: str | None = None
        self.attempts: tuple[Attempt, ...] = ()

    @property
    def message(self) -> str:
        """What happened, in one or two sentences."""
        return str(self.args[0])

    def place(self, model: Model, wire_model: str, attempts: Iterable[Attempt]) -> None:
        """Say where this happened. Called once, by the Switchboard."""
        self.model_id, self.provider = model.id, model.provider
        self.wire_model = wire_model
        self.attempts = tuple(attempts)

    def __str__(self) -> str:
        return f"{self.model_id}: {self.message}" if self.model_id else self.message


class BadRequest(CallFailed):
    """The provider refuses the request as it stands; its words say why."""

    kind = "client"


class ContextTooLong(BadRequest):
    """The request does not fit the context window (`context_window`, `prompt_tokens`: tokens, where given)."""

    kind = "context"
    context_window: int | None = None
    prompt_tokens: int | None = None


class ContentRefused(BadRequest):
    """A content filter of the provider stopped the request or the answer."""

    kind = "content"


class UnsupportedParameter(BadRequest):
    """The provider does not take the parameter `param` for this model."""

    kind = "parameter"
    param: str | None = None


class AuthFailed(CallFailed):
    """The provider refuses the key, or what the key may do."""

    kind = "auth"


class QuotaExhausted(CallFailed):
    """The balance or the quota is used up; waiting a little does not help."""

    kind = "quota"


class ModelNotFound(CallFailed):
    """The provider does not know the wire name."""

    kind = "not_found"


class RateLimited(CallFailed):
    """Too many requests; `retry_after` says how many seconds to wait, where the provider said so."""

    kind = "rate_limit"
    retryable = True


class Unavailable(CallFailed):
    """The provider is failing or overloaded."""

    kind = "upstream"
    retryable = True


class TimedOut(CallFailed):
    """A deadline of ours passed: `timeout` for the whole call, `stall` for silence within a stream."""

    kind = "timeout"
    retryable = True


class Unreachable(CallFailed):
    """No usable connection: `connect`, `dns`, `tls`, `reset` or `redirect`."""

    kind = "connect"
    retryable = True


class BadReply(CallFailed):
    """The answer is not what it should be: `decode`, `protocol`, `too_large` or `stream_error`."""

    kind = "decode"


class StreamCut(BadReply):
    """The stream ended without a finish reason; `partial` is what had arrived."""

    kind = "cut"


class EmptyReply(BadReply):
    """A successful status with nothing in it."""

    kind = "empty"
    retryable = True


def _shown(name: str) -> str:
    """The name, made safe to print: bounded, control characters escaped."""
    return repr(name if len(name) <= 100 else name[:97] + "...")


def _or(names: Sequence[str]) -> str:
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
