"""The commands `modelplug local ...`."""

from __future__ import annotations

import json
import signal
from types import FrameType

import click
from modelplug import ConfigError, Secret, Settings, Unreachable

from modelplug_local._bar import Bar
from modelplug_local._loading import PROVIDER
from modelplug_local.model import fetch, models_folder
from modelplug_local.server import serve

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


@click.group()
def local() -> None:
    """The small model on this machine: fetch it, serve it."""


@local.command("fetch")
@AS_JSON
def fetch_command(as_json: bool) -> None:
    """Fetch the model file, or check it when it is there, and say where it is.

    The first call to the model does the same.
    """
    try:
        with Bar() as bar:
            path = fetch(bar)
    except Unreachable:
        log = models_folder() / "fetch.log"
        click.echo(f"{log}:\n{log.read_text(errors='replace')[-2_000:]}", err=True)
        raise
    click.echo(json.dumps({"path": str(path), "bytes": path.stat().st_size}) if as_json else path)


@local.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Port to listen on; 0, the default: a free one.")
@click.option("--api-key", help="The key to ask for; default: LOCAL_API_KEY, or one that is made up.")
@AS_JSON
def serve_command(host: str, port: int, api_key: str | None, as_json: bool) -> None:
    """Serve the model to other programs, as OpenAI would, until Ctrl-C.

    Prints the variables that point a program here.
    """
    settings = Settings.read()
    key = Secret(api_key) if api_key else settings.provider(PROVIDER).secret("api_key")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with (
            Bar() as bar,
            serve(
                host=host, port=port, api_key=key.reveal() if key else None, settings=settings, progress=bar
            ) as server,
        ):
            base, used = server.credentials.api_base, server.credentials.api_key
            assert used is not None  # noqa: S101 - a server has a key
            if as_json:
                click.echo(json.dumps({"api_base": base, "api_key": used.reveal(), "pid": server.pid}))
            else:
                click.echo(f"export OPENAI_COMPATIBLE_API_BASE={base} OPENAI_COMPATIBLE_API_KEY={used.reveal()}")
                click.echo("Serving until Ctrl-C. The line above points another program here.", err=True)
            server.wait()
            raise ConfigError("providers.local", f"the server {server.ending}", server.log() or "It said nothing.")
    except KeyboardInterrupt:
        click.echo(err=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
