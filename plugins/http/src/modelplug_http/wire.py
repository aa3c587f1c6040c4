"""The wire: JSON posted to a provider, its answer read whole or as a stream of events, with limits and deadlines.

    wire = Wire()
    answer = await wire.post(url, headers, body, pool=credentials, deadline=deadline)
    answer.status, answer.headers, answer.data

    async with wire.events(url, headers, body, pool=credentials, deadline=deadline) as events:
        async for event in events:      # decoded JSON values, `[DONE]` left out
            if finished(event):
                events.settle()         # what is still to come is to come soon

Both raise kinds of CallFailed and nothing else, beside cancellation. A status that is not success is raised as the
error that `modelplug.failures` makes of it. Leaving `events`, by cancellation too, closes the socket at once.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from attrs import field, frozen
from modelplug.strategy import Request

from modelplug_http import body as bodies
from modelplug_http.events import Events
from modelplug_http.exchange import Post, send
from modelplug_http.options import Options
from modelplug_http.pools import Pools
from modelplug_http.repeats import Repeats


@frozen(kw_only=True)
class Answer(bodies.Body):
    """A successful answer, read whole. `headers` finds a name in any case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)


class Wire:
    """Posts JSON and reads what comes back, over pools of connections that it keeps.

    Usable by several event loops, one after another or at the same time. `options` are those of a call that brings
    none; `pools` bounds how many pools are kept open in each loop.
    """

    def __init__(self, options: Options | None = None, *, pools: int = 64) -> None:
        self._options = options or Options()
        self._pools = Pools(limit=pools)

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Mapping[str, Any],
        *,
        pool: Hashable = None,
        deadline: float | None = None,
        options: Options | None = None,
        call: Request | None = None,
    ) -> Answer:
        """The whole answer to a POST of JSON.

        `pool` names whose connections are used: give the Credentials of the call, so that no two share one.
        `deadline` is in seconds of `time.monotonic()`. Where the provider sent events all the same, the answer's
        `events` are their values. `call` is named in the log.
        """
        used = options or self._options
        exchange = await send(
            self._pools,
            Post(
                url=url,
                headers=_headers(headers, used, "application/json", "gzip, deflate"),
                body=body if isinstance(body, bytes) else bodies.encoded(body),
                options=used,
                limit=used.answer_limit,
                pool=pool,
                deadline=deadline,
                call=call,
            ),
        )
        try:
            found = bodies.read(await exchange.whole())
            return Answer(data=found.data, events=found.events, status=exchange.status, headers=exchange.headers)
        finally:
            exchange.close()

    def events(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Mapping[str, Any],
        *,
        pool: Hashable = None,
        deadline: float | None = None,
        options: Options | None = None,
        repeats: Repeats | None = None,
        call: Request | None = None,
    ) -> Events:
        """The answer to a POST of JSON, as it arrives. Nothing is sent before it is entered.

        Arguments as in `post`. With `repeats`, the events that it finds one after another come as one tuple of Chunks.
        """
        used = options or self._options
        post = Post(
            url=url,
            # compression would hold events back until enough of them have come together
            headers=_headers(headers, used, "text/event-stream", "identity"),
            body=body if isinstance(body, bytes) else bodies.encoded(body),
            options=used,
            limit=used.stream_limit,
            pool=pool,
            deadline=deadline,
            call=call,
        )
        return Events(lambda: send(self._pools, post), used, repeats=repeats)

    async def aclose(self) -> None:
        """Closes all connections. Calls that still run fail with Unreachable. The wire may be used again."""
        await self._pools.aclose()


def _headers(given: Mapping[str, str], options: Options, accept: str, encoding: str) -> dict[str, str]:
    headers = {
        "accept": accept,
        "accept-encoding": encoding,
        "content-type": "application/json",
        "user-agent": options.user_agent,
    }
    headers.update((name.lower(), value) for name, value in given.items())
    return headers
