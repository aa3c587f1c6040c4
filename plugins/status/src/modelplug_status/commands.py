"""The command `modelplug serve`."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from threading import Event
from typing import TYPE_CHECKING

import click
from modelplug import ConfigError, Switchboard

if TYPE_CHECKING:
    import uvicorn

PORT = 8400
LOCAL = ("127.0.0.1", "localhost", "[::1]")
TOKEN = "MODELPLUG_STATUS_TOKEN"  # noqa: S105  # a variable's name
DRAIN = 3.0
"""Seconds that calls under way have when the server is ended."""


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
    click.echo(f"modelplug: {address}" + (" (asks for the token)" if token else ""))
    click.echo("Ctrl-C ends it", err=True)
    asyncio.run(_serve(board, sockets, token=token, local=local, playground=playground))


async def _serve(
    board: Switchboard, sockets: list[socket.socket], *, token: str | None, local: bool, playground: bool
) -> None:
    import uvicorn

    from modelplug_status.app import status_app

    closing = Event()
    app = status_app(board, token=token, hosts=LOCAL if local else None, playground=playground, closing=closing)
    config = uvicorn.Config(
        app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=round(DRAIN) + 1
    )
    server = uvicorn.Server(config)
    watcher = asyncio.ensure_future(_closing(server, closing))
    try:
        await server.serve(sockets)
    finally:
        watcher.cancel()
        closing.set()
        await board.aclose(drain=DRAIN)


async def _closing(server: uvicorn.Server, closing: Event) -> None:
    """Ends the live streams as soon as the server is to end: it waits for them."""
    while not server.should_exit:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.1)
    closing.set()


def listening(host: str, port: int) -> socket.socket:
    """A socket to serve on. Raises ConfigError where there can be none."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # With the protocol said, asyncio sets TCP_NODELAY on what it accepts; without, each answer takes 40 ms more.
        found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name == "posix":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
    except OSError as error:
        step = f"Take another: --port {port + 1}, or --port 0 for any that is free."
        raise ConfigError(f"--host {host} --port {port}", f"cannot be listened on ({error.strerror})", step) from None
    return found


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
