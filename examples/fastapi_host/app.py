"""A small agent backend: plugins at start, a selector by tier, streamed chat, status behind the login, an orderly end.

`uvicorn app:app` in this folder, then http://127.0.0.1:8000/ as alice (or ops, who also sees /ops/llm/).
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Annotated, Any

from attrs import frozen
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from modelplug import Credentials, Model, ModelplugError, Switchboard
from modelplug_status import status_app
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

HERE = Path(__file__).parent
COOKIE = "user"


@frozen(kw_only=True)
class User:
    """Who calls. A real host has a database here; `keys` are the user's own, by provider."""

    name: str
    tier: str
    keys: Mapping[str, str]


USERS: Mapping[str, User] = {
    "alice": User(name="alice", tier="free", keys={}),
    "bob": User(name="bob", tier="paid", keys={"v98store": os.environ.get("BOBS_V98STORE_KEY", "sk-bob")}),
    "ops": User(name="ops", tier="staff", keys={}),
}


def credentials_for(provider: str, tenant: str) -> Credentials | None:
    """The user's own key; the embedded model needs none. The host's own keys are for nobody."""
    if provider == "local":
        return Credentials()
    key = USERS[tenant].keys.get(provider)
    return None if key is None else Credentials(api_key=key)


def allowed(user: User, model: Model) -> bool:
    """The free tier has the embedded model; others what they have a key for."""
    return model.provider == "local" or (user.tier != "free" and model.provider in user.keys)


# The board of this process: loaded once, for a broken plugin stops nothing. `board.plugins` says what became of each.
board = Switchboard.load(credentials_for=credentials_for)
closing = Event()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Running calls have ten seconds at the end, then every connection and the embedded model are closed."""
    yield
    closing.set()
    await board.aclose(drain=10)


app = FastAPI(lifespan=lifespan)


def current(request: Request) -> User:
    """Whoever is logged in."""
    user = USERS.get(request.cookies.get(COOKIE, ""))
    if user is None:
        raise HTTPException(401, "log in first")
    return user


Current = Annotated[User, Depends(current)]


@app.get("/")
async def page() -> FileResponse:
    """The chat page."""
    return FileResponse(HERE / "page.html")


@app.post("/login/{name}")
async def login(name: str) -> RedirectResponse:
    """A toy: whoever says a name is that user."""
    if name not in USERS:
        raise HTTPException(404, "nobody of that name")
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, name, httponly=True, samesite="strict")
    return answer


@app.get("/models")
async def models(user: Current) -> list[dict[str, Any]]:
    """For the selector: what the user may call, by name."""
    rows = [model for model in board.models if model.enabled and allowed(user, model)]
    return [
        {"id": model.id, "name": model.name, "context_window": model.context_window}
        for model in sorted(rows, key=lambda model: (model.provider != "local", model.name))
    ]


@app.post("/chat")
async def chat(request: Request, user: Current) -> StreamingResponse:
    """Streams the answer as server-sent events: `text`, then `call` or `error`."""
    asked = await request.json()
    try:
        model = board.resolve(asked["model"])
    except ModelplugError as error:
        raise HTTPException(404, str(error)) from None
    if not allowed(user, model):
        raise HTTPException(403, f"{model.id} is not in your tier")
    return StreamingResponse(_events(model, asked["messages"], user), media_type="text/event-stream")


async def _events(model: Model, messages: list[Mapping[str, Any]], user: User) -> AsyncIterator[str]:
    """When the browser goes away this generator is cancelled, and with it the call: the provider is hung up on."""
    try:
        async with board.stream(model.id, messages, tenant=user.name, timeout=120, max_tokens=200) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    yield _event("text", chunk.text)
    except ModelplugError as error:
        yield _event("error", {"message": str(error), "retryable": getattr(error, "retryable", False)})
    else:
        if (call := chunks.call) is not None:
            tokens = call.usage.completion_tokens
            yield _event("call", {"model": call.model_id, "seconds": call.seconds, "tokens": tokens})


def _event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


class StaffOnly:
    """The status of the board, behind the host's own login."""

    def __init__(self, inner: ASGIApp) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets staff in."""
        user = USERS.get(HTTPConnection(scope).cookies.get(COOKIE, ""))
        staff = user is not None and user.tier == "staff"
        await (self.inner if staff else PlainTextResponse("for staff only", 403))(scope, receive, send)


app.mount("/ops/llm", StaffOnly(status_app(board, closing=closing)))
