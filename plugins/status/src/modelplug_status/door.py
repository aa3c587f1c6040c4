"""Who may come in: the token, the host's name, and what every answer tells browsers."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence

from modelplug import ConfigError, Secret
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelplug_status.envelope import wrong

HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
OPEN = ("/", "/page/")
"""What needs no token: the page holds no figures, and asks for the token itself."""


class Door:
    """Middleware. Without a token and without host names everybody comes in: then the host has its own door.

    With host names pages of other origins are refused too. In a host that is the host's to say (CORS), and browsers
    let no page of another origin post JSON unless the host does. Raises ConfigError for a token that cannot be sent.
    """

    def __init__(self, app: ASGIApp, *, token: str | Secret | None = None, hosts: Sequence[str] | None = None) -> None:
        self.app = app
        self._token = None if token is None else _checked(token.reveal() if isinstance(token, Secret) else token)
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request in, or says why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is None:
            await self.app(scope, receive, guarded)
            return
        status, problem = refusal
        body = json.dumps(wrong(problem)).encode()
        fields = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if status == 401:
            fields.append((b"www-authenticate", b"Bearer"))
        await guarded({"type": "http.response.start", "status": status, "headers": fields})
        await guarded({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if self._hosts is not None and _name(host) not in self._hosts:  # a foreign name that leads here: DNS rebinding
            return 421, "this name of the host is not served here"
        origin = headers.get("origin")
        if self._hosts is not None and origin is not None and origin.partition("://")[2] != host:
            return 403, "pages of other origins may not call this"
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if self._token is None or path == OPEN[0] or path.startswith(OPEN[1]):
            return None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._token.encode()):
            return None
        return 401, "a token is needed: `Authorization: Bearer ...`"


def _checked(token: str) -> str:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        step = "Take letters and digits: `python -c 'import secrets; print(secrets.token_urlsafe())'`."
        raise ConfigError("the token", "is empty, or holds what no header can carry", step)
    return token


def _name(host: str) -> str:
    return (host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]).lower()
