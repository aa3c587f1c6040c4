"""The command `modelplug serve`."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Event
from typing import TYPE_CHECKING

import click
from modelplug import ConfigError, ModelplugError, Switchboard

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

PORT = 8400
LOCAL = ("127.0.0.1", "localhost", "[::1]")
TOKEN = "MODELPLUG_STATUS_TOKEN"  # noqa: S105  # a variable's name
DRAIN = 3.0
"""Seconds that calls under way have when the server is ended."""

WATCH = 5.0
"""Seconds between two looks at the rules of alerts."""

STOPPING = (signal.SIGINT, signal.SIGTERM)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="Port; 0: a free one.")
@click.option("--token", envvar=TOKEN, show_envvar=True, help="Asked for by the endpoints; needed off loopback.")
@click.option("--playground/--no-playground", default=True, show_default=True, help="Let visitors call models.")
def serve(host: str, port: int, token: str | None, playground: bool) -> None:
    """Serve the status page, its endpoints and a playground, until Ctrl-C."""
    local = _is_local(host)
    if not local and not token:
        raise ConfigError(f"--host {host}", "is open to others", f"Set a token: --token, or the variable {TOKEN}.")
    sockets = [listening(host, port)]
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{sockets[0].getsockname()[1]}/"
    board = Switchboard.load()
    from modelplug_status.app import status_app

    closing = Event()
    hosts = (*LOCAL, shown) if local else None
    app = status_app(board, token=token, hosts=hosts, playground=playground, closing=closing)
    default = board.settings.get("default_model")
    if playground and isinstance(default, str):
        with suppress(ModelplugError):  # it is told when somebody calls the model
            board.warm(default)
    click.echo(f"modelplug: {address}" + (" (asks for the token)" if token else ""))
    click.echo("Ctrl-C ends it", err=True)
    if asyncio.run(_served(_server(app), sockets, board, closing)) == signal.SIGINT:
        raise KeyboardInterrupt


async def _served(server: uvicorn.Server, sockets: list[socket.socket], board: Switchboard, closing: Event) -> int:
    """Serves until the process is told to end; returns the signal. A second one ends it at once.

    Calls under way end within DRAIN seconds, or as shut down: either way their visitors are told.
    """
    with _stopping() as told:
        serving = asyncio.ensure_future(server.serve(sockets))
        beside = [asyncio.ensure_future(_watched(board)), *_refreshing(board)]
        serving.add_done_callback(lambda _: told.done() or told.cancel())
        try:
            await asyncio.wait([told])
        finally:
            closing.set()
            for task in beside:
                task.cancel()
            server.should_exit = True
            await board.aclose(drain=DRAIN)
            await asyncio.gather(*beside, return_exceptions=True)
            await serving
        return 0 if told.cancelled() else told.result()


async def _watched(board: Switchboard) -> None:
    """Judges alerts without a call of our own too: beside a host that shares its figures there are none."""
    while True:
        await asyncio.to_thread(board.plugin("metrics").judge)
        await asyncio.sleep(WATCH)


def _refreshing(board: Switchboard) -> list[asyncio.Task[None]]:
    """Keeps the lists of models fresh, where the plugin that discovers them is there."""
    keep_fresh = getattr(board.plugin("discovery"), "keep_fresh", None)
    return [] if keep_fresh is None else [asyncio.ensure_future(keep_fresh(board))]


def _server(app: ASGIApp) -> uvicorn.Server:
    from uvicorn import Config, Server

    class Served(Server):
        """Leaves the signals to us: its own way cancels what comes after it."""

        @contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            yield

    config = Config(
        app,
        lifespan="off",
        log_config=None,
        log_level="error",
        server_header=False,
        timeout_graceful_shutdown=round(DRAIN) + 2,
    )
    return Served(config)


@contextmanager
def _stopping() -> Generator[asyncio.Future[int], None, None]:
    """A future that has the number of the signal by which this process was told to end."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[int] = loop.create_future()
    before = {number: signal.getsignal(number) for number in STOPPING}

    def tell(number: int, frame: object) -> None:
        restore()
        loop.call_soon_threadsafe(answer, number)

    def answer(number: int) -> None:
        if not told.done():
            told.set_result(number)

    def restore() -> None:
        for number, old in before.items():
            signal.signal(number, old)

    for number in STOPPING:
        signal.signal(number, tell)
    try:
        yield told
    finally:
        restore()


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises ConfigError where there can be none."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # With the protocol said, asyncio sets TCP_NODELAY on what it accepts; without, each answer takes 40 ms more.
        found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name == "posix":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen()  # from now on, so that whoever reads the address can come
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that can be none, such as a..b
        if isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES):
            step = f"Take another: --port {max(port, PORT) + 1}, or --port 0 for any that is free."
            raise ConfigError(f"--port {port}", f"cannot be listened on ({error.strerror})", step) from None
        step = "Give one, such as 127.0.0.1 or ::1, or 0.0.0.0 for all of them."
        raise ConfigError(f"--host {host}", "is no address of this machine", step) from None
    return found


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
