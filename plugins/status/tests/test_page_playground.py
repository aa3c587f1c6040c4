"""The playground in a real Chromium: an answer grows, and the call is watched from the name to the count."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest
from modelplug import Chunk, Model, Request, Unavailable
from modelplug.testing import FakeStrategy
from playwright.async_api import Page, Route, expect

from plugins.status.tests.browser import Tabs
from plugins.status.tests.conftest import board_with

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


class Gated(FakeStrategy):
    """Holds the rest of an answer back until `gate` is set, or all of it; `left` is set when the stream is over."""

    def __init__(self, text: str, *, silent: bool = False) -> None:
        super().__init__(text)
        self.silent = silent
        self.gate, self.left = asyncio.Event(), asyncio.Event()

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self.requests.append(request)
        try:
            if self.silent:
                await self.gate.wait()
            for chunk in self.chunks:
                yield chunk
                await self.gate.wait()
        finally:
            self.left.set()


def step(page: Page, name: str) -> str:
    """Where a step of the flow stands."""
    return f"#flow li[data-step='{name}']"


async def say(page: Page, text: str) -> None:
    """Types a message and sends it with the Enter key."""
    await page.get_by_label("Message").fill(text)
    await page.keyboard.press("Enter")


async def test_an_answer_grows_and_its_record_follows(tabs: Tabs) -> None:
    """Chunks are shown as they come; then each step says what was decided, and the count goes up by one."""
    strategy = Gated("hello there")
    page = await tabs.of(board_with(strategy), view="#playground")
    await say(page, "hi")
    answer = page.locator(".said.model .text")
    await expect(answer).to_have_text("hello ")
    await expect(page.locator(step(page, "call"))).to_have_attribute("data-state", "active")
    strategy.gate.set()
    await expect(answer).to_have_text("hello there")
    await expect(page.locator(step(page, "resolution"))).to_contain_text("fake/one")
    await expect(page.locator(step(page, "strategy"))).to_contain_text("fake")
    await expect(page.locator(step(page, "call"))).to_contain_text("3 in, 2 out (reported)")
    await expect(page.locator(step(page, "metrics"))).to_contain_text("0 → 1")
    await page.locator("#record summary").click()
    record = json.loads(await page.locator("#record-text").inner_text())
    assert (record["outcome"], record["model_id"], record["cost_usd"]) == ("ok", "fake/one", 23 / 1_000_000)


async def test_the_conversation_goes_on(tabs: Tabs) -> None:
    """A second question takes the first with its answer along, and the options too."""
    strategy = FakeStrategy("hello there")
    page = await tabs.of(board_with(strategy), view="#playground")
    await page.get_by_text("Options").click()
    await page.get_by_label("System prompt").fill("be brief")
    await page.get_by_label("Temperature").fill("0.3")
    for n, question in enumerate(("one", "two"), 1):
        await say(page, question)
        await expect(page.locator(".said.model .end")).to_have_count(n)
        await expect(page.locator(".said.model .end").last).to_contain_text("2 tokens")
    assert [message["content"] for message in strategy.requests[-1].messages] == [
        "be brief",
        "one",
        "hello there",
        "two",
    ]
    assert strategy.requests[-1].params["temperature"] == 0.3


async def test_a_failure_is_told_with_its_next_step(tabs: Tabs) -> None:
    """What had arrived stays, the error says what to do, and the failed step is marked as such."""
    board = board_with(FakeStrategy("hel lo", chunks=[], error=Unavailable("overloaded", status=503)))
    page = await tabs.of(board, view="#playground")
    await say(page, "hi")
    await expect(page.locator(".said.failed")).to_contain_text("Unavailable")
    await expect(page.locator(".said.failed .next")).to_contain_text("try again in a minute")
    await expect(page.locator(step(page, "call"))).to_have_attribute("data-state", "failed")
    await expect(page.locator(step(page, "metrics"))).to_contain_text("failed")


async def test_a_stream_can_be_stopped(tabs: Tabs) -> None:
    """Stop ends the call at the provider, and the page is ready for the next question."""
    strategy = Gated("hello there")
    page = await tabs.of(board_with(strategy), view="#playground")
    await say(page, "hi")
    await expect(page.locator(".said.model .text")).to_have_text("hello ")
    await page.get_by_role("button", name="Stop").click()
    await expect(page.locator(".said.model .end")).to_have_text("stopped by you")
    await expect(page.get_by_role("button", name="Send")).to_be_visible()
    await strategy.left.wait()


async def test_what_is_stopped_before_it_is_sent_is_not_sent(tabs: Tabs) -> None:
    """Stop holds while the page still reads the count before the call: no call is made, and none is spoken of."""
    strategy = FakeStrategy()
    page = await tabs.of(board_with(strategy), view="#playground")
    gate = asyncio.Event()

    async def late(route: Route) -> None:
        await gate.wait()
        await route.continue_()

    await page.route("**/metrics/models?window=all", late)
    await say(page, "hi")
    await page.get_by_role("button", name="Stop").click()
    gate.set()
    await expect(page.locator(".said.model .end")).to_have_text("stopped by you")
    await expect(page.locator(step(page, "call"))).to_contain_text("Not reached")
    assert strategy.requests == []


async def test_a_question_without_an_answer_is_not_said_again(tabs: Tabs) -> None:
    """What was stopped before its first chunk is left out of the next question: providers refuse empty answers."""
    strategy = Gated("hello there", silent=True)
    page = await tabs.of(board_with(strategy), view="#playground")
    await say(page, "one")
    while not strategy.requests:  # noqa: ASYNC110  # a fake sets no event
        await asyncio.sleep(0.01)
    await page.get_by_role("button", name="Stop").click()
    await strategy.left.wait()
    strategy.gate.set()
    await say(page, "two")
    await expect(page.locator(".said.model .text").last).to_have_text("hello there")
    assert [message["content"] for message in strategy.requests[-1].messages] == ["two"]


async def test_the_selector_finds_a_model(tabs: Tabs) -> None:
    """Search and capability narrow the list; context and price stand at each model; the choice is what is called."""
    models = [
        Model(id="fake/small", provider="fake", requires=(), context_window=8192),
        Model(id="fake/seer", provider="fake", requires=(), context_window=128_000, capabilities={"chat", "vision"}),
        Model(id="fake/locked", provider="fake", requires=("api_key",)),
    ]
    strategy = FakeStrategy()
    page = await tabs.of(board_with(strategy, *models), view="#playground")
    options = page.locator("#catalog label")
    await expect(options).to_have_count(2)
    await page.get_by_label("Capability").select_option("vision")
    await expect(options).to_have_count(1)
    await expect(options).to_contain_text("128k context")
    await expect(options).to_contain_text("price unknown")
    await options.click()
    await say(page, "hi")
    await expect(page.locator(step(page, "resolution"))).to_contain_text("fake/seer")
    await page.get_by_label("Capability").select_option("")
    await page.get_by_label("Only what can be called now").uncheck()
    await expect(options).to_have_count(3)
    await expect(page.locator("#catalog label", has_text="locked")).to_contain_text("a key or a setting is missing")


async def test_models_that_cannot_be_read_break_nothing(tabs: Tabs) -> None:
    """Where the server does not answer for all models, those that were there stay, and no error is thrown."""
    page = await tabs.of(board_with(), view="#playground", silent=False)
    await expect(page.locator("#catalog label")).to_have_count(1)
    await page.route("**/api/llm/models?all=true", lambda route: route.abort())
    async with page.expect_event("requestfailed"):
        await page.get_by_label("Only what can be called now").uncheck()
    await expect(page.locator("#catalog label")).to_have_count(1)


async def test_everything_works_from_the_keyboard(tabs: Tabs) -> None:
    """From the first Tab on: past the skip link to the playground, to another model, and an answer."""
    models = [Model(id=f"fake/{name}", provider="fake", requires=()) for name in ("one", "two")]
    page = await tabs.of(board_with(FakeStrategy(), *models))
    await expect(page.locator("#connection")).to_have_text("Live")
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to the content")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#playground")).to_be_visible()
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.name") == "model":
            break
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("#picked")).to_have_text("fake/two")
    for _ in range(5):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.id") == "prompt":
            break
    await page.keyboard.type("hi")
    await page.keyboard.press("Enter")
    await expect(page.locator(step(page, "resolution"))).to_contain_text("fake/two")
    await expect(page.get_by_label("Message")).to_be_focused()


async def test_it_says_when_it_is_switched_off(tabs: Tabs) -> None:
    """A host that did not allow the playground has a page that says so, with nothing to send."""
    page = await tabs.of(board_with(), view="#playground", playground=False)
    await expect(page.locator("#talk-empty")).to_contain_text("playground=True")
    await expect(page.get_by_role("button", name="Send")).to_be_disabled()
