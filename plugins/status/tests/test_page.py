"""The page in a real Chromium, on a real server: what an operator sees."""

from __future__ import annotations

import re
from contextlib import suppress
from importlib.resources import files
from threading import Event
from typing import Any

import pytest
from modelplug import AuthFailed, CallFailed, Model, RateLimited, Switchboard
from modelplug.testing import FakePlugin, FakeStrategy
from modelplug_status import status_app
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount

from plugins.status.tests.browser import Tabs
from plugins.status.tests.conftest import board_with

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

HI = [{"role": "user", "content": "hi"}]
EVIL = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"


async def call(board: Switchboard, model: str = "one", times: int = 1) -> None:
    """So many calls of which it does not matter how they end."""
    for _ in range(times):
        with suppress(CallFailed):
            await board.complete(model, HI)
    board.flush()


def failing(board: Switchboard, error: Exception, *, model: str = "acme/two", provider: str = "acme") -> None:
    """Adds a provider whose calls all fail in this way."""
    strategy = FakeStrategy("", error=error)
    board.add(FakePlugin(Model(id=model, provider=provider, requires=()), strategy=strategy), name=provider)


async def row(page: Page, model: str) -> dict[str, str]:
    """The figures of a model as its row in the table shows them."""
    line = page.locator("#models tbody tr", has_text=model).first
    return {
        str(await cell.get_attribute("data-name")): (await cell.inner_text()).strip()
        for cell in await line.locator("td").all()
    }


async def test_a_fresh_page_says_what_to_do(tabs: Tabs) -> None:
    """Without a call there is no empty chart to wonder about, but a way to the first one."""
    page = await tabs.of(board_with())
    await expect(page.get_by_role("heading", level=1)).to_have_text("Ready, and waiting for calls.")
    await page.get_by_role("link", name="Send the first call").click()
    await expect(page.get_by_role("heading", name="How the call goes")).to_be_visible()


async def test_a_call_is_seen_without_a_reload(tabs: Tabs) -> None:
    """Counts, tokens and cost on the open page are exactly those of the calls, a second later."""
    board = board_with()
    page = await tabs.of(board)
    await expect(page.locator("#connection")).to_have_text("Live")
    await call(board, times=7)
    await expect(page.get_by_role("heading", level=1)).to_have_text("fake is healthy.")
    await expect(page.locator("#summary")).to_contain_text("7 calls in all: 7 answered · 0 failed · 35 tokens")
    shown = await row(page, "fake/one")
    assert {name: shown[name] for name in ("Calls", "Answered", "Failed", "Tokens in", "Tokens out", "Cost")} == {
        "Calls": "7",
        "Answered": "7",
        "Failed": "0",
        "Tokens in": "21",
        "Tokens out": "14",
        "Cost": "$0.000161",
    }
    await expect(page.locator(".provider", has_text="fake")).to_contain_text("healthy")


async def test_an_update_takes_nothing_away(tabs: Tabs) -> None:
    """What is focused, unfolded and selected stays so while figures move."""
    board = board_with()
    await call(board)
    page = await tabs.of(board)
    toggle = page.get_by_role("button", name="fake/one")
    await toggle.click()
    await page.locator("#summary").evaluate("node => getSelection().selectAllChildren(node.previousElementSibling)")
    await call(board, times=4)
    await expect(page.locator("#models tbody .is-calls").first).to_have_text("5")
    await expect(toggle).to_be_focused()
    await expect(toggle).to_have_attribute("aria-expanded", "true")
    await expect(page.locator("#models .details")).to_contain_text("5, of which 0 tried again")
    assert await page.evaluate("getSelection().toString()") == "fake is healthy."


async def test_a_failure_appears_with_its_advice(tabs: Tabs) -> None:
    """What failed, how often, why, and what to do about it; the provider's state stands in words."""
    board = board_with()
    failing(board, AuthFailed("Incorrect API key provided", status=401))
    page = await tabs.of(board)
    await expect(page.locator("#failures-empty")).to_have_text("No call failed in this time.")
    await call(board, "acme/two", times=3)
    failure = page.locator("#failures > li")
    await expect(failure).to_contain_text("AuthFailed")
    await expect(failure).to_contain_text("3 times")
    await expect(failure.locator(".next")).to_contain_text("Check the provider's key: modelplug config show")
    await expect(page.get_by_role("heading", level=1)).to_have_text("acme is unhealthy.")
    assert await page.title() == "acme is unhealthy · modelplug"
    await expect(page.locator(".provider").first.locator(".badge").first).to_have_text("unhealthy")
    await failure.locator("summary").click()
    await expect(failure.locator(".calls li")).to_have_count(3)
    await expect(failure.locator(".calls li").first).to_contain_text("status 401")


async def test_filters_leave_what_is_asked_for(tabs: Tabs) -> None:
    """Search, provider and kind narrow tables; the window changes the figures."""
    board = board_with()
    failing(board, AuthFailed("no", status=401))
    failing(board, RateLimited("slow down", status=429), model="reseller/three", provider="reseller")
    for model in ("one", "acme/two", "reseller/three"):
        await call(board, model)
    page = await tabs.of(board)
    rows = page.locator("#models tbody tr")
    await expect(rows).to_have_count(3)
    await page.get_by_label("Search models").first.fill("three")
    await expect(rows).to_have_count(1)
    await page.get_by_label("Search models").first.fill("nothing of this name")
    await expect(page.locator("#models-empty")).to_contain_text("Clear the search")
    await expect(page.locator("#failures > li")).to_have_count(2)
    await page.locator("#failures-kind").select_option("rate_limit")
    await expect(page.locator("#failures > li")).to_have_count(1)
    await page.locator("#failures-provider").select_option("acme")
    await expect(page.locator("#failures-empty")).to_have_text("No failure matches these filters.")
    async with page.expect_response(re.compile("metrics/models.*window=60m")):
        await page.get_by_text("60 min", exact=True).click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_follows_the_system_and_the_person(tabs: Tabs, scheme: Any) -> None:
    """Light or dark as the system says, until the button is pressed; then as the person says, also next time."""
    page = await tabs.of(board_with(), color_scheme=scheme)
    other = "light" if scheme == "dark" else "dark"
    shade = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).reduce((a, b) => a + +b, 0) < 200"
    assert await page.evaluate(shade) is (scheme == "dark")
    await page.get_by_role("button", name=f"Switch to {other} colours").click()
    assert await page.evaluate(shade) is (other == "dark")
    await page.reload()
    assert await page.evaluate(shade) is (other == "dark")


@pytest.mark.parametrize("view", ["#overview", "#playground"])
async def test_a_phone_scrolls_in_one_direction(tabs: Tabs, view: str) -> None:
    """At 360 pixels nothing is wider than the screen, however long a name or a message is."""
    board = board_with()
    failing(board, AuthFailed("x" * 500, status=401), model="acme/" + "a-very-long-name-" * 6)
    await call(board)
    await call(board, "acme/" + "a-very-long-name-" * 6)
    page = await tabs.of(board, view=view, viewport={"width": 360, "height": 740})
    await expect(page.locator("#connection")).to_have_text("Live")
    await page.locator("details:visible").evaluate_all("all => all.forEach((one) => (one.open = true))")
    assert await page.evaluate("document.documentElement.scrollWidth") == 360


async def test_names_and_messages_stay_text(tabs: Tabs) -> None:
    """Markup in a model's name, an alias or an error message is shown, never obeyed."""
    board = board_with(None, Model(id=f"fake/{EVIL}", provider="fake", name=EVIL, aliases=(EVIL,), requires=()))
    failing(board, AuthFailed(EVIL, status=401), model=f"acme/{EVIL}")
    await call(board, f"fake/{EVIL}")
    await call(board, f"acme/{EVIL}")
    page = await tabs.of(board)
    await expect(page.locator("#models tbody")).to_contain_text(f"fake/{EVIL}")
    await page.get_by_role("link", name="Playground").click()
    await expect(page.locator("#catalog")).to_contain_text(EVIL)
    assert await page.locator("main img, main script").count() == 0
    assert "owned" not in await page.title()


async def test_it_works_below_a_mount(tabs: Tabs) -> None:
    """Mounted by a host under a prefix, page, figures and live updates find their way."""
    board = board_with()
    await call(board)
    address = await tabs.serve(Starlette(routes=[Mount("/ops/llm", status_app(board))]))
    page = await tabs.open(f"{address}/ops/llm")  # and without the last slash
    await expect(page.locator("#connection")).to_have_text("Live")
    await expect(page.locator("#models tbody")).to_contain_text("fake/one")


async def test_a_server_that_is_gone_is_said_and_found_again(tabs: Tabs) -> None:
    """The page says since when its figures are old, tries again, and goes on by itself."""
    closing = Event()
    page = await tabs.open(await tabs.serve(status_app(board_with(), closing=closing)), silent=False)
    await expect(page.locator("#connection")).to_have_text("Live")
    await page.context.set_offline(True)
    closing.set()
    await expect(page.get_by_role("alert").first).to_contain_text("The server does not answer.")
    await expect(page.locator("#lost")).to_contain_text("What you see is from")
    closing.clear()
    await page.context.set_offline(False)
    await page.get_by_role("button", name="Try now").click()
    await expect(page.locator("#connection")).to_have_text("Live")
    await expect(page.locator("#lost")).to_be_hidden()


async def test_a_token_is_asked_for_once(tabs: Tabs) -> None:
    """A wrong token is refused in words, the right one is kept for the tab, and one after # leaves the address."""
    address = await tabs.serve(status_app(board_with(), token="right-token"))
    page = await tabs.open(address, silent=False)
    await page.get_by_label("Token", exact=True).fill("wrong")
    await page.get_by_role("button", name="Open").click()
    await expect(page.get_by_text("This token was refused.")).to_be_visible()
    await page.get_by_label("Token", exact=True).fill("right-token")
    await page.get_by_role("button", name="Open").click()
    await expect(page.locator("#connection")).to_have_text("Live")
    await page.reload()
    await expect(page.locator("#connection")).to_have_text("Live")
    other = await tabs.open(f"{address}/#token=right-token")
    await expect(other.locator("#connection")).to_have_text("Live")
    assert "token" not in other.url
    refused = await tabs.open(f"{address}/#token=wrong", silent=False)
    await expect(refused.get_by_text("This token was refused.")).to_be_visible()


async def test_a_token_may_hold_any_sign(tabs: Tabs) -> None:
    """A % that stands bare in the address belongs to the token; signs that no header carries are refused in words."""
    address = await tabs.serve(status_app(board_with(), token="50%off"))
    for written in ("50%off", "50%25off"):
        page = await tabs.open(f"{address}/#token={written}")
        await expect(page.locator("#connection")).to_have_text("Live")
        await expect(page.get_by_role("link", name="Prometheus metrics")).to_be_hidden()
    page = await tabs.open(address, silent=False)
    await page.get_by_label("Token", exact=True).fill("\u65e5\u672c")
    await page.get_by_role("button", name="Open").click()
    await expect(page.get_by_text("This token was refused.")).to_be_visible()
    await page.get_by_label("Token", exact=True).fill(" 50%off ")
    await page.get_by_role("button", name="Open").click()
    await expect(page.locator("#connection")).to_have_text("Live")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["#overview", "#playground"])
async def test_axe_finds_nothing_to_complain_of(tabs: Tabs, view: str, scheme: Any) -> None:
    """Names, roles, contrast, landmarks and headings pass axe-core, with everything unfolded that can be."""
    board = board_with()
    failing(board, AuthFailed("Incorrect API key provided", status=401))
    await call(board, times=5)
    await call(board, "acme/two", times=2)
    page = await tabs.of(board, view=view, color_scheme=scheme)
    await expect(page.locator("#connection")).to_have_text("Live")
    await page.locator("details:visible").evaluate_all("all => all.forEach((one) => (one.open = true))")
    await page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found = await page.evaluate("axe.run()")
    assert [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found["violations"]] == []
