"""What is remembered of a call once it is over."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from attrs import frozen

from modelplug.answers import Usage
from modelplug.errors import CallFailed

Outcome = Literal["ok", "failed", "cancelled", "abandoned"]
"""`cancelled`: the host's task was cancelled. `abandoned`: the host left a stream before its end."""

Operation = Literal["chat", "embeddings"]


@frozen(kw_only=True)
class Failure:
    """A CallFailed as data: safe to store, count and show."""

    type: str
    kind: str
    message: str
    retryable: bool = False
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None
    request_id: str | None = None

    @classmethod
    def of(cls, error: CallFailed) -> Failure:
        """The data of an error whose message has passed the redaction boundary."""
        return cls(
            type=type(error).__name__,
            kind=error.kind,
            message=error.message,
            retryable=error.retryable,
            status=error.status,
            code=error.code,
            retry_after=error.retry_after,
            request_id=error.request_id,
        )


@frozen(kw_only=True)
class Attempt:
    """One try within a call: its own outcome, seconds, and tokens where any were reported.

    `waited` is the time in seconds between its end and the next try.
    """

    outcome: Outcome
    seconds: float
    waited: float = 0.0
    error: Failure | None = None
    usage: Usage | None = None


@frozen(kw_only=True)
class Call:
    """The record of one finished call. There is exactly one, whatever happened.

    `requested` is the name that the host used, `model_id` the model it stands for (bill this one), `wire_model` the
    name that went upstream, `response_model` the name that came back and `response_id` the provider's id of the answer.
    `seconds` and `first_chunk` are measured by the core from the host's request on; `started` is Unix time. `cost` is
    US dollars, None when unknown. `tenant` is whom the host named.
    """

    id: str
    requested: str
    model_id: str
    provider: str
    strategy: str
    operation: Operation
    stream: bool
    wire_model: str
    outcome: Outcome
    started: float
    seconds: float
    usage: Usage
    response_model: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    first_chunk: float | None = None
    error: Failure | None = None
    attempts: tuple[Attempt, ...] = ()
    cost: Decimal | None = None
    request_id: str | None = None
    tenant: str | None = None
