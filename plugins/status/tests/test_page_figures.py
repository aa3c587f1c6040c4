"""The page in a real Chromium: its figures are those of the calls, and what goes wrong comes and goes in its order."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator
from contextlib import suppress

import pytest
from modelplug import CallFailed, Chunk, Model, RateLimited, Request, Settings, Switchboard, Unavailable, UnknownModel
from modelplug.testing import FakePlugin, FakeStrategy, chunks_of
from modelplug_metrics import Metrics
from playwright.async_api import Page, expect

from plugins.status.tests.browser import Tabs
from plugins.status.tests.conftest import PRICES, board_with

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

DASH = "\u2013"
HI = [{"role": "user", "content": "hi"}]


class Mixed(FakeStrategy):
    """Answers each model in its own way: `ok`, `busy` (fails), `cut` (no finish reason), `long` (never ends)."""

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        if request.wire_name == "busy":
            raise RateLimited("slow down", status=429)
        for chunk in chunks_of(finish_reason=None if request.wire_name == "cut" else "stop"):
            yield chunk
            if request.wire_name == "long":
                await asyncio.sleep(60)


async def streamed(board: Switchboard, model: str, *, leave: bool = False) -> None:
    with suppress(CallFailed):
        async with board.stream(model, HI) as chunks:
            async for _ in chunks:
                if leave:
                    break


async def cancelled(board: Switchboard, model: str) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(streamed(board, model), 0.05)


async def cells(page: Page, model: str) -> list[str]:
    """Calls, answered, failed, stopped, tokens in and out, and cost, as they are shown."""
    names = ("calls", "ok", "failed", "stopped", "input", "output", "cost")
    row = page.locator("#models tbody tr", has_text=model)
    return [await row.locator(f".is-{name}").inner_text() for name in names]


async def test_a_thousand_calls_are_shown_to_the_token_and_the_cent(tabs: Tabs) -> None:
    """Streams that end well, fail, are cut, left and cancelled: each is where it belongs, and nothing is missing."""
    models = [
        Model(id=f"fake/{name}", provider="fake", requires=(), prices=PRICES) for name in ("ok", "busy", "cut", "long")
    ]
    board = board_with(Mixed(), *models)
    page = await tabs.of(board, viewport={"width": 1400, "height": 900})
    await asyncio.gather(*(streamed(board, "fake/ok") for _ in range(700)))
    await asyncio.gather(*(streamed(board, "fake/busy") for _ in range(150)))
    await asyncio.gather(*(streamed(board, "fake/cut") for _ in range(50)))
    await asyncio.gather(*(streamed(board, "fake/long", leave=True) for _ in range(60)))
    await asyncio.gather(*(cancelled(board, "fake/long") for _ in range(40)))
    board.flush()
    await expect(page.locator("#summary")).to_contain_text(
        "1,000 calls in all: 700 answered · 200 failed · 100 stopped"
    )
    assert await cells(page, "fake/ok") == ["700", "700", "0", "0", "2,100", "1,400", "$0.0161"]
    assert (await cells(page, "fake/busy"))[:6] == ["150", "0", "150", "0", "0", "0"]
    assert (await cells(page, "fake/cut"))[:4] == ["50", "0", "50", "0"]
    assert (await cells(page, "fake/long"))[:4] == ["100", "0", "0", "100"]
    await page.locator("#models tbody button", has_text="fake/cut").click()
    await expect(page.locator("#models .details")).to_contain_text("50 streams cut")
    await expect(page.locator("#models tfoot")).to_contain_text("1,000")


async def test_a_name_that_is_none_is_no_model(tabs: Tabs) -> None:
    """Calls to it have a row, `other`, which the number of models leaves out."""
    board = board_with()
    await streamed(board, "fake/one")
    with suppress(UnknownModel):
        await board.complete("nobody", HI)
    board.flush()
    page = await tabs.of(board)
    await expect(page.locator("#models tbody tr")).to_have_count(2)
    await expect(page.locator("#models tfoot .is-model")).to_have_text("1 model")
    await expect(page.locator("#models tfoot .is-calls")).to_have_text("2")


async def test_more_failures_than_are_shown_are_counted(tabs: Tabs) -> None:
    """The list is of the newest, and says of how many."""
    board = board_with(FakeStrategy(chunks=[], error=Unavailable("overloaded", status=503)))
    await asyncio.gather(*(streamed(board, "one") for _ in range(620)))
    board.flush()
    page = await tabs.of(board)
    await expect(page.locator("#failures-empty")).to_have_text("These are the newest 500 of 620 failures.")
    await expect(page.locator("#failures > li")).to_have_count(1)


async def test_an_alert_fires_and_is_resolved(tabs: Tabs) -> None:
    """Failures make the provider unhealthy and the alert fire; good calls resolve it, and it stays in the list."""
    rule = {"what": "error_rate", "threshold": 0.3, "window": "1m", "for": 0, "least_calls": 1}
    board = Switchboard(
        settings=Settings(environment={}, argument={"alerts": {"every": 0.1, "rules": {"errors": rule}}})
    )
    board.add(Metrics, name="metrics")
    strategy = FakeStrategy(chunks=[], error=Unavailable("overloaded", status=503))
    board.add(FakePlugin(strategy=strategy), name="fake")
    page = await tabs.of(board)
    await asyncio.gather(*(streamed(board, "fake/one") for _ in range(20)))
    await expect(page.locator("#firing")).to_contain_text("fake")
    await expect(page.get_by_role("heading", level=1)).to_have_text("fake is unhealthy.")
    strategy.error, strategy.chunks = None, chunks_of()
    for _ in range(4):
        await asyncio.gather(*(streamed(board, "fake/one") for _ in range(200)))
    await expect(page.locator("#firing")).to_be_empty()
    await expect(page.locator("#alerts > li")).to_have_count(1)
    await expect(page.locator("#alerts > li")).to_contain_text("resolved")
    await expect(page.get_by_role("heading", level=1)).to_have_text("fake is healthy.")


async def test_a_clock_that_is_ahead_cuts_no_chart(tabs: Tabs) -> None:
    """Where the browser's clock is two hours ahead, what was drawn of the last hour stays when a step is over."""
    ahead = [-1800.0]
    board = Switchboard(settings=Settings(environment={}))
    board.add(Metrics(clock=lambda: time.time() + ahead[0]), name="metrics")
    board.add(FakePlugin(strategy=FakeStrategy()), name="fake")
    await streamed(board, "fake/one")
    await asyncio.to_thread(board.flush)
    board.plugin("metrics").snapshot()  # counted at this moment of its clock
    ahead[0] = 0.0
    skew = "const now = Date.now; Date.now = () => now() + 7_200_000;"
    page = await tabs.of(board, script=skew)
    await page.get_by_text("60 min").click()
    await expect(page.locator("#traffic-range")).to_contain_text(re.compile(r"last (29|30)\smin"))
    ahead[0] = 80.0  # steps are over
    await streamed(board, "fake/one")
    await expect(page.locator("#summary")).to_contain_text("2 calls")
    await page.wait_for_timeout(2_500)  # two updates
    await expect(page.locator("#traffic-range")).to_contain_text("last 31 min")


async def test_numbers_are_said_as_people_read_them(tabs: Tabs) -> None:
    """Units fit the size, counts are exact, unknown is a dash, and 100 % means that nothing is missing."""
    page = await tabs.of(board_with())
    cases = {
        "seconds(0.0821)": "82.1 ms",
        "seconds(0.8249)": "0.82 s",
        "seconds(12.34)": "12.3 s",
        "seconds(75)": "1 min 15 s",
        "seconds(null)": DASH,
        "age(12 * 60 + 3)": "12 min",
        "age(3 * 3600 + 20 * 60)": "3 h 20 min",
        "count(1234567)": "1,234,567",
        "short(1234567)": "1.23 M",
        "short(999.9)": "1 k",
        "percent(1)": "100 %",
        "percent(0.99999)": "99.9 %",
        "percent(0.00001)": "0.1 %",
        "percent(null)": DASH,
        "rate(12.4)": "12/s",
        "rate(0.05)": "3/min",
        "rate(0)": "0/s",
        "dollars(12.345)": "$12.35",
        "dollars(0.0421)": "$0.0421",
        "dollars('0.000161')": "$0.000161",
        "dollars(0)": "$0",
        "cost({cost_usd: 1.5, cost_unknown: 3, calls: 9})": "≥ $1.50",
        "cost({cost_usd: 0, cost_unknown: 3, calls: 3})": DASH,
        "context(8192)": "8k",
        "context(128000)": "128k",
        "context(1047576)": "1M",
        "context(null)": DASH,
        "plural(1, 'call')": "1 call",
    }
    code = f"""import("./page/format.js").then((format) => {{
        const {{ {", ".join(sorted({name.partition("(")[0] for name in cases}))} }} = format;
        return [{", ".join(cases)}];
    }})"""
    shown = [text.replace("\u202f", " ") for text in await page.evaluate(code)]
    assert dict(zip(cases, shown, strict=True)) == cases
