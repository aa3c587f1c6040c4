"""A running server with figures, and the command on a terminal before it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from modelplug import CallFailed, Model, Prices, Settings, Switchboard, Unavailable
from modelplug.testing import FakePlugin, FakeStrategy
from modelplug_metrics import Metrics
from modelplug_status import status_app
from modelplug_status.commands import listening
from starlette.applications import Starlette
from starlette.routing import Mount

from plugins.cli.tests.conftest import Terminal

QUESTION = [{"role": "user", "content": "Hello"}]
PRICES = Prices(input=Decimal(100), output=Decimal(1000))


class Server:
    """The status app of a board with two providers, on loopback. Made anew at the same port after `stop`."""

    def __init__(self, *, mounted: str = "", **options: Any) -> None:
        self._mounted = mounted
        self.board = Switchboard(settings=Settings(environment={}))
        self.board.add(Metrics, name="metrics")
        self.well, self.ill = FakeStrategy(), FakeStrategy(error=Unavailable("try later", status=503))
        for name, strategy in (("well", self.well), ("ill", self.ill)):
            model = Model(id=f"{name}/one", provider=name, requires=(), prices=PRICES)
            self.board.add(FakePlugin(model, strategy=strategy), name=name)
        self._options = options
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self._mounted}"

    def call(self, model: str, times: int = 1) -> None:
        """Calls a model so many times, whatever comes of it."""
        with self.board.sync as sync:
            for _ in range(times):
                with suppress(CallFailed):
                    sync.complete(model, QUESTION)
        self.board.flush()

    def start(self) -> None:
        sockets = [listening("127.0.0.1", self.port)]
        self.port = sockets[0].getsockname()[1]
        app: Any = status_app(self.board, **self._options)
        if self._mounted:
            app = Starlette(routes=[Mount(self._mounted, app)])
        config = uvicorn.Config(app, log_level="critical", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=(sockets,), daemon=True)
        self._thread.start()
        end = time.monotonic() + 5
        while not self._server.started and time.monotonic() < end:
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(5)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers; options are those of the status app."""
    started: list[Server] = []

    def start(**options: Any) -> Server:
        started.append(Server(**options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of the command: nothing of this machine's user."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return {**kept, "HOME": str(tmp_path), "TERM": "xterm", "LANG": "C.UTF-8"}


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Callable[..., Terminal]]:
    """Starts `modelplug top` on a terminal of 24 lines."""
    opened: list[Terminal] = []

    def start(*arguments: str, columns: int = 100, **variables: str) -> Terminal:
        variables = {**environment, **variables}
        opened.append(Terminal("top", *arguments, environment=variables, columns=columns))
        return opened[-1]

    yield start
    for one in opened:
        one.__exit__()
