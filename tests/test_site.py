"""The documentation's site, as a reader has it: built by `./run docs`, served as files, opened in Chromium."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Literal

import pytest
from playwright.async_api import Page, expect

from plugins.status.tests.browser import launched
from tests.workspace import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and does not say which."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def front() -> Iterator[str]:
    """The address of the front page, on loopback."""
    built = subprocess.run([sys.executable, ROOT / "tools" / "documentation"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr  # a dead link, a page in no list, a docstring that cannot be read
    index = Path(built.stdout.strip())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=index.parent)) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/{index.name}"
        server.shutdown()


async def test_the_site_is_read_and_searched_without_a_network(front: str) -> None:
    """From the front page a search leads to a setting and to a name of the code; nothing is fetched from elsewhere."""
    async with launched() as browser:
        page = await browser.new_page()
        page.set_default_timeout(20_000)
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(front)
        await expect(page.get_by_role("img", name=re.compile("^A name becomes a model"))).to_be_visible()
        assert "1. A first call" in await page.locator(".sidebar-tree").inner_text()
        assert await found(page, "idle_timeout", leads_to="The strategy http|modelplug-http")
        assert await found(page, "Switchboard.resolve", leads_to=r"modelplug\.Switchboard\.resolve")
        assert [url for url in asked if not url.startswith(front.removesuffix("index.html"))] == []
        assert complaints == []


SOUGHT = {"timeout": "Bound how long", "retry": "Try again", "fallback": "Fall back", "error": "Errors"}


async def test_a_search_finds_the_page_that_was_written_for_it_first(front: str) -> None:
    """Before attributes of that name, sources, and pages that only say the word."""
    firsts = {}
    async with launched() as browser:
        page = await browser.new_page()
        for word in SOUGHT:
            await page.goto(front.replace("index.html", f"search.html?q={word}"))
            await expect(page.locator("#search-results h2")).to_have_text("Search Results", timeout=20_000)
            firsts[word] = await page.locator("#search-results ul.search > li > a").first.inner_text()
    assert {word: text for word, text in firsts.items() if not text.startswith(SOUGHT[word])} == {}


async def found(page: Page, words: str, *, leads_to: str) -> bool:
    """Whether a search for these words has a result of this title, which opens a page that holds the words."""
    await page.get_by_role("textbox", name="Search").first.fill(words)
    await page.keyboard.press("Enter")
    await page.locator("#search-results ul.search a", has_text=re.compile(leads_to)).first.click()
    return words.rpartition(".")[2] in await page.locator("article").inner_text()


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_text_stands_out(front: str, colours: Literal["light", "dark"]) -> None:
    """Words and code have enough contrast with what is behind them, in both colours."""
    faults = []
    async with launched() as browser:
        page = await browser.new_page(color_scheme=colours)
        for kind in ("index", "tutorial/1-first-call", "reference/settings", "reference/code/modelplug"):
            await page.goto(front.replace("index", kind))
            await page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
            said = await page.evaluate("axe.run({runOnly: ['color-contrast']})")
            faults += [f"{kind}: {node['html']}" for fault in said["violations"] for node in fault["nodes"]]
    assert faults == []
