"""One call under way: its clock, and its one record at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter, time

from attrs import evolve

from modelplug import _trace
from modelplug._redaction import safe_text
from modelplug.answers import NO_USAGE, Embeddings, Reply, Usage
from modelplug.calls import Attempt, Call, Failure, Outcome
from modelplug.credentials import Credentials
from modelplug.deadlines import Deadlines, is_cancelled
from modelplug.errors import CallFailed, ConfigError, ModelplugError, NoStrategy, TimedOut
from modelplug.strategy import Request

log = _trace.log

_LONGEST_NAME = 200
_REPORT = "(a fault of the plugin; report it to its author)"
_LEAD = 8
"""With so many of its first characters a key is recognised in a name; looking for all of them costs each call more."""


class Running:
    """A call between its first moment and its record. Whatever happens, `record` is reached once."""

    __slots__ = (
        "_clock", "_content", "_tell", "call", "deadline", "first_chunk", "request", "shut", "strategy"
    )  # fmt: skip

    def __init__(
        self,
        request: Request,
        strategy: str,
        clock: float,
        tell: Callable[[Running, Call], None],
        deadlines: Deadlines,
        *,
        content: bool = False,
    ) -> None:
        self.request = request
        self.strategy = strategy
        self.deadline = deadlines.until(request.deadline)
        self.first_chunk: float | None = None
        self.call: Call | None = None
        self.shut = False
        self._clock = clock
        self._tell = tell
        self._content = content
        if _trace.steps_wanted():
            _trace.begun(request, strategy, content=content)

    def shut_down(self) -> None:
        """End the call: its host sees a CallFailed of kind `shutdown`."""
        self.shut = True
        self.deadline.come()

    def chunk_arrived(self) -> None:
        """Note the moment of the first chunk."""
        if self.first_chunk is None:
            self.first_chunk = perf_counter() - self._clock
            if _trace.steps_wanted():
                _trace.first_chunk(self.request, self.first_chunk)

    def succeeded(self, answer: Reply | Embeddings) -> Call:
        """The record of a call that was answered."""
        return self._record("ok", answer=answer)

    def left(self, partial: Reply | None) -> Call:
        """The record of a stream that the host left before its end."""
        return self._record("abandoned", answer=partial)

    def failed(self, error: BaseException, *, partial: Reply | None = None) -> BaseException:
        """Record what happened and return what the host is to see: no cause chain, no secret, one of our types.

        Cancellation comes back untouched.
        """
        if is_cancelled(error) or isinstance(error, (KeyboardInterrupt, GeneratorExit)):
            self._record("cancelled", answer=partial)
            return error
        try:
            shown = self._shown(error)
            failure = _failure(shown, partial)
        except Exception:  # the border to foreign code: an error that does not even tell what it is
            said = f"strategy {self.strategy!r} failed with {type(error).__name__}, which cannot be read"
            shown = CallFailed(f"{said} {_REPORT}", kind="plugin_error")
            failure = _failure(shown, partial)
        reported = getattr(shown, "usage", None)
        call = self._record("failed", answer=partial, failure=failure, reported=reported)
        if isinstance(shown, CallFailed):
            shown.place(self.request.model, self.request.wire_name, call.attempts)
        return shown

    def _shown(self, error: BaseException) -> ModelplugError:
        if isinstance(error, TimeoutError) and self.shut:
            error = CallFailed("the board was closed while this call was under way", kind="shutdown")
        elif isinstance(error, TimeoutError) and self.deadline.passed:
            error = TimedOut("no answer within the deadline of this call")
        elif isinstance(error, TimeoutError):
            error = TimedOut(f"strategy {self.strategy!r} gave up waiting, before the deadline of this call")
        elif not isinstance(error, ModelplugError):  # a strategy that breaks its contract must not break its host
            name = type(error).__name__
            log.error(
                "call %s: strategy %r raised %s, none of modelplug's errors", self.request.id, self.strategy, name
            )
            words = safe_text(str(error), self._private().secrets())
            said = f"strategy {self.strategy!r} failed with {name}: {words}"
            error = CallFailed(f"{said} {_REPORT}", kind="plugin_error")
        self._private().hide_in(error)
        if isinstance(error, CallFailed) and error.partial is not None:
            error.partial = str(error.partial)
        return error

    def _record(
        self,
        outcome: Outcome,
        *,
        answer: Reply | Embeddings | None,
        failure: Failure | None = None,
        reported: Usage | None = None,
    ) -> Call:
        if self.call is not None:
            return self.call
        self.deadline.close()
        try:
            call = self._written(outcome, answer, failure, reported)
        except Exception:  # the border to foreign code: an answer that does not hold what it should
            if outcome == "ok":
                raise
            call = self._written(outcome, None, failure, None)
        self.call = call
        if _trace.ends_wanted():
            _trace.ended(call, self.request if self._content else None, answer)
        self._tell(self, call)
        return call

    def _written(
        self, outcome: Outcome, answer: Reply | Embeddings | None, failure: Failure | None, reported: Usage | None
    ) -> Call:
        request, seconds = self.request, perf_counter() - self._clock
        usage = NO_USAGE if answer is None else answer.usage
        if usage.source == "absent" and reported is not None:
            usage = reported
        usage = self._doubted(usage)
        attempts: tuple[Attempt, ...] = ()
        before = 0.0
        if request.attempts:
            attempts = tuple(_masked(attempt, self._private()) for attempt in request.attempts)
            before = sum(attempt.seconds + attempt.waited for attempt in attempts)
        if seconds >= before or outcome == "ok":
            attempts += (Attempt(outcome=outcome, seconds=max(0.0, seconds - before), error=failure, usage=usage),)
        else:  # it ended in the wait for a try that was never made
            attempts = (*attempts[:-1], evolve(attempts[-1], waited=max(0.0, attempts[-1].waited - before + seconds)))
        return Call(
            id=request.id,
            requested=request.requested,
            model_id=request.model.id,
            provider=request.model.provider,
            strategy=self.strategy,
            operation=request.operation,
            stream=request.stream,
            wire_model=request.wire_name,
            response_model=None if answer is None else self._named(answer.model),
            response_id=None if answer is None else self._named(answer.id),
            outcome=outcome,
            finish_reason=getattr(answer, "finish_reason", None),
            error=failure,
            attempts=attempts,
            usage=usage,
            cost=request.model.prices.cost(usage),
            started=time() - seconds,
            seconds=seconds,
            first_chunk=self.first_chunk,
            request_id=failure.request_id if failure else None,
            tenant=request.tenant,
        )

    def _doubted(self, usage: Usage) -> Usage:
        doubted = usage.beside(self.request.messages)
        if doubted is not usage:
            log.warning("call %s: %s: %s", self.request.id, self.request.model.id, doubted.problem)
        return doubted

    def _private(self) -> Credentials:
        """What may not leave: the credentials, and the values of headers that came with the call."""
        credentials, extra = self.request.credentials, self.request.params.get("extra_headers")
        if not extra or not isinstance(extra, Mapping):
            return credentials
        return evolve(credentials, headers={**dict(credentials.headers), **extra})

    def _named(self, name: str | None) -> str | None:
        """A name that the provider gave: bounded, and not one of the secrets that it was sent."""
        if name is None:
            return None
        if len(name) > _LONGEST_NAME:
            name = name[:_LONGEST_NAME]
        credentials = self._private()
        key = credentials.api_key
        return credentials.masked(name) if credentials.headers or (key and key.reveal()[:_LEAD] in name) else name


def _failure(shown: ModelplugError, partial: Reply | None) -> Failure:
    if not isinstance(shown, CallFailed):
        kind = "config" if isinstance(shown, ConfigError | NoStrategy) else "plugin_error"
        return Failure(type=type(shown).__name__, kind=kind, message=str(shown))
    if partial is not None and shown.partial is None:
        shown.partial = partial.text
    return Failure.of(shown)


def _masked(attempt: Attempt, credentials: Credentials) -> Attempt:
    """An attempt whose failure was noted by whoever tried again, before any boundary."""
    failure = attempt.error
    if failure is None:
        return attempt
    return evolve(
        attempt,
        error=evolve(
            failure,
            message=credentials.masked(failure.message),
            code=failure.code and credentials.masked(failure.code),
            request_id=failure.request_id and credentials.masked(failure.request_id),
        ),
    )
