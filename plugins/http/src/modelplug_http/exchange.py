"""One request and its response: bytes, deadlines and the connection they use."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Hashable, Mapping
from urllib.parse import urljoin

from attrs import field, frozen
from modelplug.errors import BadReply, CallFailed, TimedOut, Unreachable
from modelplug.failures import failure_from_response, request_id
from modelplug.strategy import Request

from modelplug_http.body import too_large
from modelplug_http.endpoint import proxy_for, same_server
from modelplug_http.foreign import ASKS_FOR_PASSWORD, failure_from, foreign_errors, refused_by_proxy
from modelplug_http.options import Options
from modelplug_http.pools import Pool, Pools
from modelplug_http.posting import Response

log = logging.getLogger("modelplug.http")

_ERROR_LIMIT = 256 * 1024
"""How much of an error's body is read, in bytes: enough for any message."""
_ERROR_WAIT = 5.0
"""Seconds given to an error's body, at most."""
_REDIRECTS = 3
_DRAIN = 0.05
"""Seconds given to the end of a body after `[DONE]`, so that the connection can be used again."""
_BREATH = 512 * 1024
"""After so many bytes of one answer, other tasks of the loop get their turn."""
_NEVER = float("inf")


@frozen(kw_only=True)
class Post:
    """What is asked of a provider. `deadline` is in seconds of `time.monotonic()`; `pool` names its connections.

    `call` is whose attempt it is, for the log.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    options: Options
    limit: int
    pool: Hashable = field(default=None, repr=False)
    deadline: float | None = None
    call: Request | None = field(default=None, repr=False)


class Exchange:
    """A response whose head has come with a status of success. Close it, always.

    One timer watches deadline and silence; it costs nothing for each piece that arrives.
    """

    def __init__(self, response: Response, lent: Pool, post: Post) -> None:
        self._response = response
        self._lent: Pool | None = lent
        self._loop = asyncio.get_running_loop()
        self.idle = post.options.idle_timeout
        """Seconds of silence that are one too many."""
        self._deadline = _in_loop_time(self._loop, post.deadline)
        self._settled = _NEVER
        self._silent_since = _NEVER  # while nobody waits for bytes, nothing is silent
        self._timer: asyncio.TimerHandle | None = None
        self._gone: asyncio.Future[None] | None = None
        self._overdue: TimedOut | None = None
        self._limit = post.limit
        self._size = 0
        self._breath = min(_BREATH, post.limit)

    @property
    def status(self) -> int:
        """The HTTP status, 200 to 299."""
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The response's headers, found by name in any case."""
        return self._response.headers

    @property
    def now(self) -> float:
        """The loop's time, in which `since` is given."""
        return self._loop.time()

    async def next(self, since: float) -> bytes:
        """The next bytes of the body, decompressed; none at its end. `since` is when the silence began.

        Raises TimedOut, StreamCut, Unreachable and BadReply. After `settle`, whatever goes wrong is the end.
        """
        content = self._response.content
        self._silent_since = since
        if self._timer is None and not content.is_eof():
            self._watch()
        try:
            data = await self._response.arrived()
        except foreign_errors() as error:
            data = self._left_over(error)
        finally:
            self._silent_since = _NEVER
        self._size += len(data)
        if self._size > self._breath:
            if self._size > self._limit:
                raise too_large(self._limit)
            self._breath = min(self._size + _BREATH, self._limit)
            await asyncio.sleep(0)
        return data

    def _left_over(self, error: BaseException) -> bytes:
        """What had arrived when the body broke off; the client would drop it. Without any, raises what happened."""
        content = self._response.content
        content.set_exception(None)  # type: ignore[arg-type]  # no other way to read on
        data: bytes = content.read_nowait()
        content.set_exception(error)
        if not data and self._settled == _NEVER:
            raise (self._overdue or failure_from(error)) from None
        return data

    async def whole(self) -> bytes:
        """The whole body."""
        content, pieces = self._response.content, []
        while data := await self.next(self.now):
            pieces.append(data)
            if content.at_eof():
                break
        if not pieces and "Content-Encoding" in self.headers and self.headers.get("Content-Length") != "0":
            raise BadReply("the compressed answer was cut before anything of it could be read")
        return b"".join(pieces) if len(pieces) != 1 else pieces[0]

    def settle(self, seconds: float) -> None:
        """What is still to come is to come within so many seconds; then the body is taken to have ended."""
        if self._response.content.is_eof():
            return
        self._settled = self.now + seconds
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._loop.call_at(self._due(), self._look)

    async def drain(self) -> None:
        """Read past what nobody wants, briefly: a body that has ended leaves a connection to use again."""
        if not self._response.content.is_eof():
            self.settle(_DRAIN)
            while await self.next(self.now):
                pass

    def close(self) -> None:
        """Give the connection back if the body has ended, else close its socket."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._gone is not None:
            self._gone.remove_done_callback(self._lost)
            self._gone = None
        if self._response.connection is not None:  # after the body's end the client has put it back
            self._response.close()
        if self._lent is not None:
            self._lent.busy -= 1
            self._lent = None

    def _watch(self) -> None:
        """Watch a body that has not ended: its deadlines, and its connection."""
        self._timer = self._loop.call_at(self._due(), self._look)
        connection = self._response.connection
        if connection is not None and connection.protocol is not None:
            self._gone = connection.protocol.closed
            if self._gone is not None:
                self._gone.remove_done_callback(_seen)  # so that there is one, however many calls it serves
                self._gone.add_done_callback(_seen)
                self._gone.add_done_callback(self._lost)

    def _lost(self, gone: asyncio.Future[None]) -> None:
        """The connection is gone. After a malformed part the client closes it and leaves the reader waiting."""
        connection, content = self._response.connection, self._response.content
        error = None if gone.cancelled() else gone.exception()
        if not content.is_eof() and content.exception() is None:
            told = None if connection is None or connection.protocol is None else connection.protocol.exception()
            content.set_exception(told or error or ConnectionResetError())

    def _due(self) -> float:
        return min(self._deadline, self._settled, min(self._silent_since, self.now) + self.idle)

    def _look(self) -> None:
        """The timer has run out: something is overdue, or bytes came in between and there is more to wait."""
        now = self.now
        if now >= self._deadline:
            self._overdue = TimedOut("the provider's answer was not complete within the deadline of this call")
        elif now >= self._silent_since + self.idle:
            self._overdue = TimedOut(
                f"the provider fell silent for {self.idle:g} seconds within its answer", kind="stall"
            )
        elif now < self._settled:
            self._timer = self._loop.call_at(self._due(), self._look)
            return
        self._response.close()


def _seen(gone: asyncio.Future[None]) -> None:
    """Looks at how a connection ended: asyncio complains of an exception that nobody looked at."""
    if not gone.cancelled():
        gone.exception()


async def send(pools: Pools, post: Post) -> Exchange:
    """Post, and wait for the head of the answer.

    Raises what a status without success means, Unreachable, TimedOut, BadReply and BadRequest.
    """
    proxy = proxy_for(post.url, post.options.proxy)
    lent = await pools.get(post.pool, proxy=proxy)
    exchange = None
    try:
        exchange = await _answered(pools, lent, post, proxied=proxy is not None)
        if log.isEnabledFor(logging.DEBUG):
            _tell(post, exchange)
        if exchange.status // 100 != 2:
            raise await _failure(exchange)
        return exchange
    except BaseException:
        if exchange is None:
            lent.busy -= 1
        else:
            exchange.close()
        raise


def _tell(post: Post, exchange: Exchange) -> None:
    """A line for the head of an answer, with the provider's own id of the request."""
    call = post.call
    if call is not None:
        shown = request_id(exchange.headers, call.credentials.secrets()) or "none"
        number, sent = len(call.attempts) + 1, len(post.body)
        said = f"{sent} bytes sent, status {exchange.status}, request id {shown}"
        more = {"call_id": call.id, "attempt": number, "request_id": shown}
        log.debug("call %s, attempt %d: %s", call.id, number, said, extra=more)


async def _answered(pools: Pools, lent: Pool, post: Post, *, proxied: bool) -> Exchange:
    due = time.monotonic() + post.options.first_byte_timeout
    deadline = pools.deadlines.until(due if post.deadline is None else min(due, post.deadline))
    url = post.url
    try:
        for _ in range(_REDIRECTS + 1):
            with deadline:
                response = await lent.posting.post(url, post.headers, post.body, post.options.connect_timeout)
            if response.status // 100 != 3:
                return Exchange(response, lent, post)
            response.close()
            url = _redirected(url, response)
    except foreign_errors() as error:
        raise failure_from(error, proxied=proxied) from None
    finally:
        deadline.close()
    raise Unreachable("the provider redirects the call again and again", kind="redirect", retryable=False)


def _redirected(url: str, response: Response) -> str:
    """Where a redirect leads. Raises Unreachable unless it keeps method, body and server: no key goes elsewhere."""
    try:
        target = urljoin(url, response.headers.get("Location", ""))
    except ValueError:  # no URL at all
        target = ""
    if response.status not in (307, 308) or not same_server(url, target):
        raise Unreachable(
            "the provider redirects the call to another place, where its key must not go; check the setting api_base",
            kind="redirect",
            status=response.status,
            retryable=False,
        )
    return target


async def _failure(exchange: Exchange) -> CallFailed:
    """What a status without success means; as much of the body as came is read for it."""
    if exchange.status < 200:
        return BadReply("the provider answers with a status that was not asked for", kind="protocol")
    if exchange.status == ASKS_FOR_PASSWORD:
        return refused_by_proxy(exchange.status)
    body = b""
    exchange.settle(min(_ERROR_WAIT, exchange.idle))  # what comes is enough, the status alone if nothing does
    while len(body) < _ERROR_LIMIT and (data := await exchange.next(exchange.now)):
        body += data
    return failure_from_response(exchange.status, exchange.headers, body[:_ERROR_LIMIT])


def _in_loop_time(loop: asyncio.AbstractEventLoop, deadline: float | None) -> float:
    return _NEVER if deadline is None else loop.time() + (deadline - time.monotonic())
