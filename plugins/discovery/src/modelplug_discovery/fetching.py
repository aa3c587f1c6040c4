"""Asks a declared endpoint for its models: one GET, bounded in time and size, that follows no redirect.

The standard library does it, in a thread: a list is fetched once a day, and needs no pool.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from http.client import HTTPException
from typing import IO

from modelplug import BadReply, CallFailed, ConfigError, ProviderSettings, TimedOut, Unreachable
from modelplug.failures import failure_from_response

from modelplug_discovery.dialects import read_list
from modelplug_discovery.entry import Entry

SECONDS = 20.0
LARGEST = 16 * 1024 * 1024
ERROR = 64 * 1024
"""Bytes of an error that are read."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """The key goes to the declared server, and nowhere else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


def fetch(own: ProviderSettings, *, seconds: float = SECONDS) -> tuple[Entry, ...]:
    """What the endpoint lists.

    Raises ConfigError when it has no address, and kinds of CallFailed, without key or address, for all that goes wrong.
    """
    credentials = own.credentials()
    if credentials.api_base is None:
        raise ConfigError(own.variable("api_base"), "is not set", "Say where the provider is: https://host/v1.")
    headers = {"accept": "application/json", "user-agent": "modelplug", **dict(credentials.headers)}
    if credentials.api_key is not None:
        headers.setdefault("authorization", f"Bearer {credentials.api_key.reveal()}")
    try:
        body = _body(f"{credentials.api_base}/models", headers, seconds)
        return read_list(json.loads(body))
    except (ValueError, RecursionError):
        raise BadReply("the answer is no list of models", kind="decode") from None
    except CallFailed as error:
        credentials.hide_in(error)
        raise


def _body(url: str, headers: Mapping[str, str], seconds: float) -> bytes:
    handlers: list[urllib.request.BaseHandler] = [_Stay()]
    if not own_proxies(url):
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    deadline = time.monotonic() + seconds
    try:
        with opener.open(urllib.request.Request(url, headers=dict(headers)), timeout=seconds) as answer:  # noqa: S310
            return _read(answer, deadline)
    except urllib.error.HTTPError as error:
        with error:
            said = {name.lower(): value for name, value in error.headers.items()}
            raise failure_from_response(error.code, said, error.read(ERROR)) from None
    except TimeoutError:
        raise TimedOut(f"no list of models within {seconds:g} s") from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise TimedOut(f"no list of models within {seconds:g} s") from None
        raise Unreachable(f"the endpoint cannot be reached ({type(reason).__name__})") from None


def own_proxies(url: str) -> bool:
    """Whether the environment's proxies are to be used: never for this machine."""
    from urllib.parse import urlsplit

    return urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1")


def _read(answer: IO[bytes], deadline: float) -> bytes:
    body = bytearray()
    while part := answer.read(64 * 1024):
        body += part
        if len(body) > LARGEST:
            raise BadReply(f"the list of models has more than {LARGEST} bytes", kind="too_large")
        if time.monotonic() > deadline:
            raise TimedOut("the list of models did not come to its end in time")
    return bytes(body)
