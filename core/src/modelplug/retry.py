"""The one layer that tries again: a plugin of the core's own, which another may replace (block `retry`).

No library does this: retries here share the call's deadline, follow what the provider said about waiting, stop at the
first chunk, and note each try in the call's record. It is one loop.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from time import perf_counter
from typing import TypeVar

from modelplug import _trace
from modelplug.answers import Chunk, Embeddings, Reply
from modelplug.calls import Attempt, Failure
from modelplug.errors import AuthFailed, BadRequest, CallFailed, EmptyReply, QuotaExhausted
from modelplug.hooks import Hooks, hookimpl
from modelplug.models import Model
from modelplug.settings import Settings
from modelplug.strategy import Bursts, Layer, Request, Strategy, bursts_of, embedding

T = TypeVar("T")

ATTEMPTS = 3
FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0
"""Seconds before the second try, doubled for each further one up to the longest; the real wait is 50-100 % of it."""

ONCE = frozenset({"dns", "decode", "protocol", "empty"})
"""Kinds of failure that are worth one more try and not two: they are seldom passing faults."""

NEVER = (AuthFailed, BadRequest, QuotaExhausted)
"""Errors that no second try mends, whatever the provider says of them."""

# As in the retry quota of AWS's SDKs ("standard mode"): an outage drains the bucket, and then calls are tried once.
BUCKET, COST, COST_WHEN_THROTTLED, EARNED = 500, 14, 5, 1


class Retry(Hooks):
    """Puts a Retrying layer round every strategy, nearest to it.

    `attempts` of the provider, or else `[retry] attempts`, says how often to try, 3 at most unless set; 1 is never
    again.
    """

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    @hookimpl(wrapper=True, trylast=True)
    def select_strategy(self, model: Model, settings: Settings) -> Generator[None, Strategy | None, Strategy | None]:
        """The selected strategy, tried again where that can help."""
        inner = yield
        usual = settings.table("retry").number("attempts", least=1)
        attempts = int(settings.provider(model.provider).number("attempts", usual, least=1) or ATTEMPTS)
        if inner is None or attempts < 2:
            return inner
        return Retrying(inner, attempts, self._buckets.setdefault(model.provider, Bucket()))


class Bucket:
    """What one provider's calls may spend on further tries, so that an outage is not multiplied."""

    __slots__ = ("level",)

    def __init__(self) -> None:
        self.level = BUCKET

    def spend(self, error: CallFailed) -> bool:
        """Pay for another try. False when there is not enough left."""
        cost = COST_WHEN_THROTTLED if error.kind == "rate_limit" else COST
        if self.level < cost:
            return False
        self.level -= cost
        return True

    def earn(self) -> None:
        """A call succeeded."""
        if self.level < BUCKET:
            self.level += EARNED


class Retrying(Layer):
    """Tries a call again, within its deadline, and a stream only before its first chunk has reached the caller."""

    def __init__(self, inner: Strategy, attempts: int, bucket: Bucket) -> None:
        super().__init__(inner)
        self.attempts = attempts
        self.bucket = bucket

    async def complete(self, request: Request) -> Reply:
        """The first answer that succeeds."""
        return await self._tried(request, lambda: self.inner.complete(request))

    async def embed(self, request: Request) -> Embeddings:
        """The first answer that succeeds."""
        return await self._tried(request, lambda: embedding(self.inner, request))

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The chunks of the first try whose first chunk arrives."""
        return self._streamed(request, self.inner.stream)

    @property
    def bursts(self) -> Bursts | None:
        """The same in bursts, where the inner strategy has any."""
        inner = bursts_of(self.inner)
        return None if inner is None else lambda request: self._streamed(request, inner)

    async def _streamed(
        self, request: Request, stream: Callable[[Request], AsyncGenerator[T, None]]
    ) -> AsyncGenerator[T, None]:
        chunks, first = await self._tried(request, lambda: self._opened(stream(request)))
        try:
            yield first
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    async def _opened(self, chunks: AsyncGenerator[T, None]) -> tuple[AsyncGenerator[T, None], T]:
        try:
            return chunks, await anext(chunks)
        except StopAsyncIteration:
            raise EmptyReply("the stream ended before its first chunk") from None
        except BaseException:
            await chunks.aclose()
            raise

    async def _tried(self, request: Request, attempt: Callable[[], Awaitable[T]]) -> T:
        while True:
            started = perf_counter()
            try:
                answer = await attempt()
            except CallFailed as error:
                wait = self._wait(request, error)
                if wait is None:
                    raise
                failed = Attempt(
                    outcome="failed",
                    seconds=perf_counter() - started,
                    waited=wait,
                    error=Failure.of(error),
                    usage=error.usage,
                )
            else:
                self.bucket.earn()
                return answer
            request.attempts.append(failed)
            if _trace.steps_wanted():
                _trace.tried(request, failed)
            await _sleep(wait)

    def _wait(self, request: Request, error: CallFailed) -> float | None:
        """Seconds to wait before the next try, or None when there is to be none."""
        tries = len(request.attempts) + 1
        if tries >= self.attempts or not _worth_another(error, tries):
            return None
        wait = error.retry_after
        if wait is None:
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tries - 1)) * _jitter()
        if request.deadline is not None and time.monotonic() + wait >= request.deadline:
            return None
        return wait if self.bucket.spend(error) else None


def _worth_another(error: CallFailed, tries: int) -> bool:
    """Whether a failure may pass by itself. What the provider says of it (`x-should-retry`) comes first."""
    said = vars(error).get("retryable")
    if said is not None:
        return bool(said) and not isinstance(error, NEVER)
    return tries == 1 if error.kind in ONCE else error.retryable


async def _sleep(seconds: float) -> None:
    from asyncio import sleep  # late, with the next one: loading needs neither

    await sleep(seconds)


def _jitter() -> float:
    from random import uniform

    return uniform(0.5, 1.0)  # noqa: S311  # no secret depends on it
