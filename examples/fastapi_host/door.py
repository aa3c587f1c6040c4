"""What stands before the application: who may send what, and what is told at the end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from threading import Event
from types import FrameType
from typing import Any

from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

Told = Callable[[int, FrameType | None], Any]

LONGEST = 256 * 1024
"""Bytes that a request may have."""


class Door:
    """Middleware. What changes something comes from our own pages, and is no longer than a chat is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request in, or says why not."""
        reading = scope["type"] != "http" or scope["method"] in ("GET", "HEAD")
        await ((None if reading else _refusal(scope["method"], Headers(scope=scope))) or self.app)(scope, receive, send)


def _refusal(method: str, headers: Headers) -> Response | None:
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):  # each browser of today sends it
        return problem(403, "pages of other sites may not do that")
    if method != "DELETE" and "content-length" not in headers:  # that one has no body
        return problem(411, "say how long the request is")
    if int(headers.get("content-length", 0)) > LONGEST:
        return problem(413, f"that is too long: a request has at most {LONGEST // 1024} KiB")
    return None


def problem(status: int, detail: str) -> JSONResponse:
    """What went wrong, in the shape that FastAPI has for it; the page shows `detail`."""
    return JSONResponse({"detail": detail}, status)


class Only:
    """An app, such as the status of the board, for those whom the host lets in."""

    def __init__(self, app: ASGIApp, may_see: Callable[[HTTPConnection], bool]) -> None:
        self.app, self._may_see = app, may_see

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets them in."""
        refused = None if self._may_see(HTTPConnection(scope)) else PlainTextResponse("for staff only", 403)
        await (refused or self.app)(scope, receive, send)


def set_at_the_signal(closing: Event) -> None:
    """Sets the event when the process is told to end, and leaves the rest to the server, which has its own way.

    A server comes to what is behind the `yield` of a lifespan only when all open answers are over, and an open status
    page would keep it for ever.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if callable(server := signal.getsignal(number)):

            def told(number: int, frame: FrameType | None, server: Told = server) -> None:
                closing.set()
                server(number, frame)

            with suppress(ValueError):  # not in the main thread, as under a test client: no signal comes here
                signal.signal(number, told)
