"""A small agent backend: plugins at start, a selector by tier, streamed chat, status behind the login, an orderly end.

`uvicorn app:app` in this folder, then http://127.0.0.1:8000/ as alice, bob or ops. Whatever provider pip installs is
there after the next start: nothing here names one.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Annotated, Any, Literal

import users
from door import Door, Only, problem, set_at_the_signal
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from modelplug import CallFailed, ConfigError, Model, ModelplugError, Switchboard
from modelplug_status import status_app
from pydantic import BaseModel, Field, SecretStr
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection
from users import User

COOKIE = "session"
DRAIN = 10.0  # seconds that running calls have at the end
HEADERS = {"content-security-policy": "default-src 'self' 'unsafe-inline'; img-src data:; frame-ancestors 'none'"}

log = logging.getLogger("uvicorn.error")

# Loaded at import, once in each worker process: that touches no network and starts no thread, a broken plugin stops
# nothing (`board.plugins` says what became of each), and the status app is mounted before the first request.
board: Switchboard = Switchboard.load(
    credentials_for=lambda provider, tenant: users.credentials(board, provider, tenant)
)
closing = Event()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """From the signal on running calls have some seconds; then they end with an error that their users see."""
    set_at_the_signal(closing)
    ending = asyncio.create_task(_end())
    yield
    closing.set()
    await ending


async def _end() -> None:
    await asyncio.to_thread(closing.wait)
    await board.aclose(drain=DRAIN)


app = FastAPI(title="A small agent backend", lifespan=lifespan)
app.add_middleware(Door)
# Other names that lead here are refused: a page of such a name could pass for ours (DNS rebinding).
app.add_middleware(TrustedHostMiddleware, allowed_hosts=os.environ.get("CHAT_HOSTS", "127.0.0.1,localhost").split(","))


class Login(BaseModel):
    user: str


class Key(BaseModel):
    key: SecretStr


class Message(BaseModel):
    role: Literal["user", "assistant"]
    content: str


class Asked(BaseModel):
    model: str = Field(max_length=300)
    messages: list[Message] = Field(min_length=1, max_length=200)


@app.exception_handler(RequestValidationError)
async def invalid(request: Request, error: RequestValidationError) -> Response:
    """One sentence, without what was sent: that may be a key."""
    first = error.errors()[0]
    return problem(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def current(request: Request) -> User:
    """Whoever is logged in."""
    user = users.of_session(request.cookies.get(COOKIE))
    if user is None:
        raise HTTPException(401, "log in first")
    return user


Current = Annotated[User, Depends(current)]


@app.get("/")
async def page() -> FileResponse:
    """The chat page."""
    return FileResponse(Path(__file__).with_name("page.html"), headers=HEADERS)


@app.post("/login", status_code=204)
async def login(sent: Login, request: Request, response: Response) -> None:
    """A session, in a cookie that scripts and other sites never get."""
    session = users.log_in(sent.user)
    if session is None:
        raise HTTPException(404, "nobody has that name")
    response.set_cookie(COOKIE, session, httponly=True, samesite="strict", secure=request.url.scheme == "https")


@app.get("/me")
async def me(user: Current) -> dict[str, Any]:
    """Who is logged in, and for which providers there is a key of theirs, or can be."""
    given = {provider: users.key_given(user, provider) for provider in sorted(_open_to(user))}
    return {"name": user.name, "staff": user.staff, "keys": given}


def _open_to(user: User) -> set[str]:
    """The providers for which the user may give a key."""
    providers = {model.provider for model in board.models if "api_key" in model.requires}
    return providers - user.tier.included if user.tier.own_keys else set()


@app.put("/keys/{provider}", status_code=204)
async def give_key(provider: str, sent: Key, user: Current) -> None:
    """Keeps the user's own key. It goes to that provider, and to nobody else."""
    if provider not in _open_to(user):
        raise HTTPException(404, "you can give no key for a provider of that name")
    try:
        users.give_key(user, provider, sent.key.get_secret_value())
    except ConfigError as error:
        raise HTTPException(422, f"the key {error.problem}. {error.next_step}") from None


@app.delete("/keys/{provider}", status_code=204)
async def forget_key(provider: str, user: Current) -> None:
    """The next call is without it."""
    users.forget_key(user, provider)


@app.get("/models")
async def models(user: Current) -> list[dict[str, Any]]:
    """For the selector: what the user may call, then by priority, then by name."""
    rows = [
        {
            "id": model.id,
            "name": model.name,
            "allowed": users.refusal(user, model) is None,
            "context_window": model.context_window,
            "capabilities": sorted(model.capabilities),
            "priority": users.PRIORITY.get(model.id, 0),
            "recommended": model.id in users.PRIORITY,
        }
        for model in board.models
        if model.enabled and "chat" in model.capabilities
    ]
    return sorted(rows, key=lambda row: (not row["allowed"], -row["priority"], row["name"].lower()))


def chosen(asked: Asked, user: Current) -> Model:
    """The model that was asked for, if the user may call it."""
    try:
        model = board.resolve(asked.model)
    except ModelplugError:
        raise HTTPException(404, "there is no model of that name") from None
    reason = users.refusal(user, model)
    if reason is not None:
        raise HTTPException(403, reason)
    return model


@app.post("/chat", response_class=EventSourceResponse)
async def chat(asked: Asked, model: Annotated[Model, Depends(chosen)], user: Current) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: `text` as it comes, then one `call` or one `error`.

    FastAPI sends the head at once and a comment every 15 seconds, so a browser that leaves is noticed while the model
    still thinks: this generator is cancelled, and with it the call. What fails is an event, before the first text too.
    """
    messages = [message.model_dump() for message in asked.messages]
    try:
        async with board.stream(model.id, messages, tenant=user.name, timeout=120, max_tokens=400) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    yield ServerSentEvent(event="text", data=chunk.text)
    except CallFailed as error:
        yield ServerSentEvent(event="error", data={"message": str(error), "retryable": error.retryable})
    except ModelplugError as error:  # a setting or a plugin of this host
        log.warning("%s: %s", model.id, error)
        yield ServerSentEvent(event="error", data={"message": f"{model.id} is not set up", "retryable": False})
    else:
        if (call := chunks.call) is not None:
            told = {"model": call.model_id, "tokens": call.usage.completion_tokens, "seconds": round(call.seconds, 2)}
            yield ServerSentEvent(event="call", data={**told, "cost": call.cost and float(call.cost)})


def _staff(request: HTTPConnection) -> bool:
    user = users.of_session(request.cookies.get(COOKIE))
    return user is not None and user.staff


app.mount("/ops/llm", Only(status_app(board, closing=closing), _staff))
