"""Asks a declared endpoint for its models: GETs that are bounded in time and size and follow no redirect.

They go by the client and the proxy that calls go by (decision 0008): where a list comes from, calls get through.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen
from modelplug import BadReply, CallFailed, ConfigError, ProviderSettings, TimedOut
from modelplug.failures import failure_from_response
from modelplug_http.endpoint import endpoint, proxy_for
from modelplug_http.foreign import failure_from, foreign_errors
from modelplug_http.options import Options

from modelplug_discovery.dialects import MOST, following, read_list
from modelplug_discovery.entry import Entry

if TYPE_CHECKING:
    from aiohttp import ClientSession

SECONDS = 20.0
LARGEST = 16 * 1024 * 1024
"""Bytes of a list, all its pages together."""
ERROR = 64 * 1024
"""Bytes of an error that are read."""
PAGES = 100


@frozen(kw_only=True)
class Listing:
    """What an endpoint lists; `whole` is False where it names more models than could be read."""

    entries: tuple[Entry, ...]
    whole: bool = True


async def fetch(own: ProviderSettings, *, seconds: float = SECONDS) -> Listing:
    """What the endpoint lists, all pages of it.

    Raises ConfigError when it has no address, and kinds of CallFailed, without key or address, for all that goes wrong.
    """
    credentials, options = own.credentials(), Options.read(own)
    if credentials.api_base is None:
        raise ConfigError(own.variable("api_base"), "is not set", "Say where the provider is: https://host/v1.")
    headers = {"accept": "application/json", "user-agent": options.user_agent, **dict(credentials.headers)}
    if credentials.api_key is not None:
        headers.setdefault("authorization", f"Bearer {credentials.api_key.reveal()}")
    url = endpoint(credentials.api_base, "/models")
    if "aiohttp" not in sys.modules:
        await asyncio.to_thread(importlib.import_module, "aiohttp")
    try:
        async with asyncio.timeout(seconds):
            return await _listing(url, headers, proxy_for(url, options.proxy))
    except TimeoutError:
        raise TimedOut(f"no list of models within {seconds:g} s") from None
    except CallFailed as error:
        credentials.hide_in(error)
        raise
    except foreign_errors() as error:
        raise failure_from(error) from None


async def _listing(url: str, headers: Mapping[str, str], proxy: str | None) -> Listing:
    from aiohttp import ClientSession, ClientTimeout, DummyCookieJar

    found: dict[str, Entry] = {}
    left, query = LARGEST, dict[str, str]()
    session = ClientSession(
        headers=headers,
        proxy=proxy,
        trust_env=False,
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=None),
    )
    async with session:
        for _ in range(PAGES):
            body = await _body(session, url, query, left)
            left -= len(body)
            entries, next_page = await asyncio.to_thread(_read, body)
            before = len(found)
            found.update((entry.id, entry) for entry in entries if entry.id not in found)
            if next_page is None:
                return Listing(entries=tuple(found.values()), whole=len(entries) < MOST)
            if len(found) == before:  # it says that there is more, and gives the same again
                break
            query = dict(next_page)
    return Listing(entries=tuple(found.values()), whole=False)


def _read(body: bytes) -> tuple[tuple[Entry, ...], Mapping[str, str] | None]:
    try:
        sent: Any = json.loads(body)
        return read_list(sent), following(sent)
    except (ValueError, RecursionError):
        raise BadReply("the answer is no list of models", kind="decode") from None


async def _body(session: ClientSession, url: str, query: Mapping[str, str], limit: int) -> bytes:
    body = bytearray()
    async with session.get(url, params=query, allow_redirects=False) as answer:
        good = 200 <= answer.status < 300
        async for part in answer.content.iter_chunked(64 * 1024):
            body += part
            if good and len(body) > limit:
                raise BadReply(f"the list of models has more than {LARGEST} bytes", kind="too_large")
            if not good and len(body) > ERROR:
                break
    if not good:
        raise failure_from_response(answer.status, dict(answer.headers), bytes(body[:ERROR]))
    return bytes(body)
