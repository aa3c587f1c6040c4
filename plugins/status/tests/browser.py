"""The page in a real Chromium: its tabs, and what went wrong in them."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from modelplug import Switchboard
from modelplug_status import status_app
from playwright.async_api import Browser, Page, async_playwright, expect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 25_000
"""Milliseconds that a busy machine has for what a test waits for."""

Served = Callable[[Any], AbstractAsyncContextManager[httpx.AsyncClient]]


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """The Chromium of this machine. Without one the test is skipped, unless MODELPLUG_BROWSER says `required`."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = "no Chromium on PATH; on Debian: apt-get install chromium"
        (pytest.fail if os.environ.get("MODELPLUG_BROWSER") == "required" else pytest.skip)(reason)
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found)
        yield browser
        await browser.close()


class Tabs:
    """Opens the page in browsers of their own; remembers what they complain about on their consoles."""

    def __init__(self, chromium: Browser, stack: AsyncExitStack, served: Served) -> None:
        self.complaints: list[str] = []
        self._chromium, self._stack, self._served = chromium, stack, served

    async def serve(self, app: Any) -> str:
        """Serves this app as long as the test runs; answers its address."""
        client = await self._stack.enter_async_context(self._served(app))
        return str(client.base_url)

    async def open(self, address: str, *, silent: bool = True, script: str = "", **options: Any) -> Page:
        """A tab at this address; options are those of the browser. Complaints count unless `silent` is False.

        `script` is run before those of the page.
        """
        context = await self._stack.enter_async_context(await self._chromium.new_context(**options))
        await context.add_init_script(script)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        if silent:
            page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        await page.goto(address)
        return page

    async def of(self, board: Switchboard, *, view: str = "", playground: bool = True, **options: Any) -> Page:
        """The page of this board."""
        return await self.open(await self.serve(status_app(board, playground=playground)) + view, **options)
