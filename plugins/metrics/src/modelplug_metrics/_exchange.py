"""One request over HTTP from a thread that may wait.

With the standard library's client: it follows no redirect, reads no proxy from the environment, and logs no address,
which may be a secret (docs/decisions/0007-alerts.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

MOST = 65_536
"""Bytes of an answer that are read."""


def exchange(
    method: str, url: str, headers: Mapping[str, str], *, body: bytes | None = None, timeout: float
) -> tuple[int, dict[str, str], bytes]:
    """The status, the headers (names in lower case) and the beginning of the body.

    `timeout` is seconds for each step on the wire. Raises OSError when nothing came, or what came is no HTTP.
    """
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    parts = urlsplit(url)
    client = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = client(parts.hostname or "", parts.port, timeout=timeout)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body, dict(headers))
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, named, answer.read(MOST)
    except (HTTPException, ValueError) as error:
        raise ConnectionError(type(error).__name__) from None
    finally:
        connection.close()
