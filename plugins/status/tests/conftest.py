"""A status app on a real server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from modelplug import Model, Prices, Settings, Switchboard
from modelplug.testing import FakePlugin, FakeStrategy
from modelplug_metrics import Metrics
from modelplug_status import status_app
from modelplug_status.commands import listening
from playwright.async_api import Browser

from plugins.status.tests.browser import Tabs, launched

PRICES = Prices(input=Decimal(1), output=Decimal(10))
Serve = Callable[..., Awaitable[httpx.AsyncClient]]


def board_with(
    strategy: FakeStrategy | None = None, *models: Model, settings: Mapping[str, Any] | None = None
) -> Switchboard:
    """A board with metrics and a fake model: a dollar for a million prompt tokens, ten for a million of output."""
    board = Switchboard(settings=Settings(argument=settings or {}, environment={}))
    board.add(Metrics, name="metrics")
    own = Model(id="fake/one", provider="fake", aliases=("one",), requires=(), prices=PRICES)
    board.add(FakePlugin(*(models or (own,)), strategy=strategy), name="fake")
    return board


@asynccontextmanager
async def served(app: Any, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of this app, on a server of its own."""
    sockets = [listening("127.0.0.1", 0)]
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    running = asyncio.ensure_future(server.serve(sockets))
    base = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=base, timeout=10, **options) as client:
            yield client
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serves a board's status; options are those of the app, `client` those of the client."""
    async with AsyncExitStack() as stack:

        async def start(board: Switchboard, *, client: Any = None, **options: Any) -> httpx.AsyncClient:
            return await stack.enter_async_context(served(status_app(board, **options), **(client or {})))

        yield start


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all tests."""
    async with launched() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def tabs(chromium: Browser) -> AsyncIterator[Tabs]:
    """Tabs and servers of one test, which fails when there is an error on a console."""
    async with AsyncExitStack() as stack:
        tabs = Tabs(chromium, stack, served)
        yield tabs
    assert tabs.complaints == []
