"""An ear on the wire under LiteLLM's own client: what really came back, whatever LiteLLM makes of it.

The bytes go over the same wire as all others, with its limits, deadlines and errors; httpx, which LiteLLM speaks, is a
shell around it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any, cast

import httpx
from modelplug import CallFailed, Request
from modelplug_http.exchange import Exchange, Post, send
from modelplug_http.options import Options
from modelplug_http.pools import Pools
from yarl import URL

# OpenAI, Gemini, Anthropic, Bedrock, Ollama. Inside a text the quotes would be escaped.
_ENDING = re.compile(rb'"(?:finish_reason|finishReason|stop_reason|stopReason|done_reason)"\s*:\s*"[^"]')
_USAGE = re.compile(rb'"(?:usage|usageMetadata|prompt_eval_count)"\s*:\s*[{\d]')
_LONGEST_MARK = 64
_OURS = frozenset({"host", "content-length", "connection", "transfer-encoding", "accept-encoding", "user-agent"})
"""Headers that the wire says by itself."""


class Heard:
    """What the answer to one call said on the wire.

    `asked` says that the call went out, `anything` that an answer began, `ended` that a finish reason was heard,
    `usage` that the provider reported its count of tokens. `failure` is what went wrong with the wire or was said with
    a status without success.
    """

    def __init__(self) -> None:
        self.asked = False
        self.anything = False
        self.ended = False
        self.usage = False
        self.failure: CallFailed | None = None
        self._tail = b""

    def add(self, data: bytes) -> None:
        """Some more bytes of the answer."""
        window = self._tail + data
        self.ended = self.ended or _ENDING.search(window) is not None
        self.usage = self.usage or _USAGE.search(window) is not None
        self._tail = window[-_LONGEST_MARK:]


class Ear(httpx.AsyncBaseTransport):
    """A transport that remembers what it heard; `client` is what LiteLLM is given. It listens to one call at a time."""

    def __init__(self, llm: ModuleType, pools: Pools, options: Options) -> None:
        self._pools = pools
        self._options = options
        self._request: Request | None = None
        self._exchange: Exchange | None = None
        self.heard = Heard()
        self.client: Any = llm.llms.custom_httpx.http_handler.AsyncHTTPHandler()
        self.client.client = httpx.AsyncClient(transport=self, follow_redirects=False, trust_env=False, timeout=None)  # noqa: S113  # the wire has its own

    @property
    def streams(self) -> bool:
        """Whether the call asked for a stream."""
        return self._request is not None and self._request.stream

    def begin(self, request: Request) -> None:
        """Listen to this call."""
        self._request, self.heard = request, Heard()

    def end(self) -> None:
        """The call is over: hang up, whether LiteLLM did or not."""
        if self._exchange is not None:
            self._exchange.close()
        self._request = self._exchange = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Post over the wire. Raises TransportError for every failure; which it was is in `heard`."""
        heard = self.heard
        heard.asked = True
        try:
            self._exchange = exchange = await send(self._pools, self._post(request, await request.aread()))
        except CallFailed as error:
            heard.failure = error
            raise httpx.TransportError("the wire failed") from None
        heard.anything = True
        headers = {name: value for name, value in exchange.headers.items() if name.lower() not in _DECODED}
        return httpx.Response(exchange.status, headers=headers, stream=_Listening(exchange, heard))

    def _post(self, request: httpx.Request, body: bytes) -> Post:
        call, options = self._request, self._options
        if call is None or request.method != "POST":
            raise httpx.UnsupportedProtocol("only the call itself goes over this wire")
        headers = {name: value for name, value in request.headers.items() if name not in _OURS}
        return Post(
            # exactly as it is written: AWS signs `%3A`, and aiohttp would make a colon of it
            url=cast("str", URL(str(request.url), encoded=True)),
            headers={**headers, "accept-encoding": "identity", "user-agent": options.user_agent},
            body=body,
            options=options,
            limit=options.stream_limit if call.stream else options.answer_limit,
            pool=call.credentials,
            deadline=call.deadline,
            call=call,
        )


_DECODED = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers that are no longer true of a body that the wire has read."""


class _Listening(httpx.AsyncByteStream):
    def __init__(self, exchange: Exchange, heard: Heard) -> None:
        self._exchange = exchange
        self._heard = heard

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while data := await self._exchange.next(self._exchange.now):
                self._heard.add(data)
                yield data
        except CallFailed as error:
            self._heard.failure = error
            raise httpx.ReadError("the wire failed") from None

    async def aclose(self) -> None:
        self._exchange.close()
