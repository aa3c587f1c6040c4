"""Reading the endpoints of a status app: a few GETs over one connection.

The standard library's client does: one request at a time to one server, no redirects, no proxies, no pool. The token
goes to that server and nowhere else.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen
from modelplug import ConfigError, Secret

Json = Mapping[str, Any]

TIMEOUT = 5.0
"""Seconds for each answer."""

_LONGEST = 16 * 1024 * 1024


class Unread(Exception):
    """The figures could not be read; the message says why and what to do."""


@frozen(kw_only=True)
class Seen:
    """What a server said at one moment."""

    health: Json
    providers: Sequence[Json]
    models: Sequence[Json]
    alerts: Sequence[Json]
    failures: Sequence[Json]


class Reader:
    """Reads from the status app at `url`. Raises ConfigError for what is no address of one."""

    def __init__(self, url: str, token: Secret | None) -> None:
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            port = parts.port
        except ValueError:
            raise _not_an_address() from None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise _not_an_address()
        if parts.username is not None or parts.password is not None:
            raise ConfigError("--url", "holds a name or password", "Give the token as MODELPLUG_STATUS_TOKEN.")
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._token = token
        self._path = parts.path.rstrip("/")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, port, timeout=TIMEOUT)

    def read(self, window: str) -> Seen:
        """The figures of this window of time. Raises Unread."""
        return Seen(
            health=self._get("health"),
            providers=_rows(self._get(f"metrics/providers?window={window}")),
            models=_rows(self._get(f"metrics/models?window={window}")),
            alerts=self._get("alerts").get("firing") or (),
            failures=_rows(self._get("metrics/failures?hours=1&limit=20")),
        )

    def close(self) -> None:
        """Hang up. The next reading connects anew."""
        self._connection.close()

    def _get(self, what: str) -> Json:
        status, body = self._answer(f"{self._path}/api/llm/{what}")
        if status in (401, 403):
            given = "does not take this token" if self._token else "asks for a token"
            raise Unread(f"{self.url} {given}: set MODELPLUG_STATUS_TOKEN, or token under [status] in config.toml")
        try:
            data: object = json.loads(body)["data"]
        except (ValueError, KeyError, TypeError):
            data = None
        if status != 200 or not isinstance(data, dict):
            raise Unread(f"{self.url} is no status app (status {status}): give the address under which it is mounted")
        return data

    def _answer(self, path: str) -> tuple[int, bytes]:
        headers = {"accept": "application/json"}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token.reveal()}"
        for again in (True, False):
            fresh = self._connection.sock is None
            try:
                self._connection.request("GET", path, headers=headers)
                response = self._connection.getresponse()
                return response.status, response.read(_LONGEST)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if again and not fresh and not isinstance(error, TimeoutError):
                    continue  # the server has closed a connection that nobody used for a while
                raise Unread(
                    f"{self.url} does not answer ({_said(error)}); `modelplug serve` starts a server"
                ) from None
        raise AssertionError


def _rows(data: Json) -> Sequence[Json]:
    rows = data.get("rows")
    return rows if isinstance(rows, list) else ()


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing for {TIMEOUT:g} seconds"
    return getattr(error, "strerror", None) or type(error).__name__


def _not_an_address() -> ConfigError:
    return ConfigError("--url", "is no address of a status app", "Write it like http://127.0.0.1:8400.")
