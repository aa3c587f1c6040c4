"""The ASGI app: its routes, and what every answer of it has in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from modelplug import ConfigError, Model, Secret, Switchboard
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from modelplug_status import endpoints
from modelplug_status.door import Door
from modelplug_status.envelope import BadParameter, said, wrong
from modelplug_status.live import Live
from modelplug_status.openapi import document
from modelplug_status.playground import play
from modelplug_status.view import View

PAGE = Path(__file__).with_name("page")
TYPES: Mapping[str, str] = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def status_app(
    board: Switchboard,
    *,
    token: str | Secret | None = None,
    hosts: Sequence[str] | None = None,
    playground: bool = False,
    choose: Callable[[Model], Mapping[str, Any]] | None = None,
    closing: Event | None = None,
) -> ASGIApp:
    """The status of a board as an ASGI app, to be mounted behind the host's own authentication.

    `token` is asked for as `Authorization: Bearer ...` by everything but the page itself. `hosts` are the names that
    the `Host` header may have; none are checked unless given. `playground` lets whoever may see the app call models
    with the board's own keys. `choose(model)` answers what of `allowed`, `priority` and `recommended` the selector
    says of a model; without it a model is allowed when it can be called. `closing` ends live streams when it is set.

    Raises ConfigError when the board has no plugin `metrics`, and for a token that no header can carry.
    """
    _check_metrics(board)
    view = View(board, choose)
    routes = [Route(f"/api/llm/{path}", partial(_json, answer, view)) for path, answer in endpoints.ANSWERS.items()] + [
        Route("/api/llm/live", Live(view, closing or Event()).stream),
        Route("/metrics", partial(_metrics, view)),
        Route("/openapi.json", partial(_openapi, token is not None, playground)),
        Route("/page/{file}", _file),
        Route("/", _index),
    ]
    if playground:
        routes.append(Route("/api/llm/playground", partial(play, board), methods=["POST"]))
    errors = {BadParameter: _bad_parameter, HTTPException: _no_such, Exception: _broken}
    return Door(Starlette(routes=routes, exception_handlers=errors), token=token, hosts=hosts)


def _check_metrics(board: Switchboard) -> None:
    metrics = next((plugin for plugin in board.plugins if plugin.name == "metrics"), None)
    if metrics is None:
        raise ConfigError("plugin 'metrics'", "is not on this board", "Install modelplug-metrics, or board.add() it.")
    if metrics.state != "loaded":
        why = (metrics.reason or "").rstrip(".")
        raise ConfigError("plugin 'metrics'", f"was not loaded: {why}", "Mend that: without it there are no figures.")


# What is no coroutine is run in a thread: a reading takes some milliseconds, and files where workers share a folder.


def _json(answer: endpoints.Answer, view: View, request: Request) -> Response:
    return JSONResponse(said(answer(view, request.query_params)))


def _metrics(view: View, request: Request) -> Response:
    from modelplug_prometheus import exposition

    body, kind = exposition(view.snapshot(), accept=request.headers.get("accept", ""))
    return Response(body, headers={"content-type": kind})


async def _openapi(token: bool, playground: bool, request: Request) -> Response:
    return JSONResponse(document(request.scope.get("root_path", ""), token=token, playground=playground))


async def _index(request: Request) -> Response:
    return _shown("index.html")


async def _file(request: Request) -> Response:
    return _shown(request.path_params["file"])


def _shown(name: str) -> Response:
    path = PAGE / name
    if path not in PAGE.iterdir():
        raise HTTPException(404, "there is no such page")
    return FileResponse(path, media_type=TYPES.get(path.suffix), headers={"cache-control": "no-cache"})


async def _bad_parameter(request: Request, error: Exception) -> Response:
    parameter = error.parameter if isinstance(error, BadParameter) else None
    return JSONResponse(wrong(str(error), parameter=parameter), status_code=422)


async def _no_such(request: Request, error: Exception) -> Response:
    status, detail, headers = 500, "it failed", None
    if isinstance(error, HTTPException):
        status, detail, headers = error.status_code, error.detail, error.headers
    return JSONResponse(wrong(detail), status_code=status, headers=headers)


async def _broken(request: Request, error: Exception) -> Response:
    return JSONResponse(wrong("the status could not be read; the host's log says why"), status_code=500)
