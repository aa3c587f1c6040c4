"""examples/fastapi_host, as a process of its own over real HTTP, with the real model."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from plugins.status.tests.browser import launched
from tests.workspace import ROOT

pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.timeout(60)]
HOST = ROOT / "examples" / "fastapi_host"
LOCAL = "local/smollm2-135m"
LONG = [{"role": "user", "content": "Count from one to three hundred in words, one after another."}]


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, asyncio.subprocess.Process]]:
    """The host, and a client of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "MODELPLUG_CONFIG": str(tmp_path / "config.toml")}
    command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--log-level", "warning"]
    process = await asyncio.create_subprocess_exec(*command, cwd=HOST, env=environment, stderr=asyncio.subprocess.PIPE)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        async with asyncio.timeout(30):
            while True:
                try:
                    await client.get("/")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
        yield client, process
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def asked(client: httpx.AsyncClient, messages: Any = LONG, model: str = LOCAL) -> httpx.Response:
    return await client.post("/chat", json={"model": model, "messages": messages})


async def health(client: httpx.AsyncClient) -> dict[str, Any]:
    await client.post("/login/ops")
    data: dict[str, Any] = (await client.get("/ops/llm/api/llm/health")).json()["data"]
    return data


async def test_a_user_chats_and_staff_sees_it(host: tuple[httpx.AsyncClient, asyncio.subprocess.Process]) -> None:
    """The selector shows what the tier has, the answer is streamed, others are kept out, and the figures say so."""
    client, _ = host
    assert (await client.get("/models")).status_code == 401
    assert (await client.post("/login/alice")).status_code == 303
    rows = (await client.get("/models")).json()
    assert [row["id"] for row in rows] == [LOCAL]
    answer = await asked(client, [{"role": "user", "content": "Say hello."}])
    events = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    assert {name for name, _ in events[:-1]} == {"event: text"}
    assert events[-1][0] == "event: call"
    assert json.loads(events[-1][1].removeprefix("data: "))["tokens"] > 0
    assert (await asked(client, model="gpt-4o-mini-v98")).status_code == 403
    assert (await asked(client, model="no-such-model")).status_code == 404
    assert (await client.get("/ops/llm/api/llm/health")).status_code == 403
    assert (await health(client))["total_calls"] == 1
    await client.post("/login/bob")
    rows = (await client.get("/models")).json()
    assert len(rows) > 10 and rows[0]["id"] == LOCAL


async def test_a_browser_that_goes_away_ends_the_call(
    host: tuple[httpx.AsyncClient, asyncio.subprocess.Process],
) -> None:
    """Within a second nothing is under way any more, and the call is no success and no failure."""
    client, _ = host
    await client.post("/login/alice")
    async with client.stream("POST", "/chat", json={"model": LOCAL, "messages": LONG}) as answer:
        async for _ in answer.aiter_lines():
            break
    async with asyncio.timeout(5):
        while (await health(client))["total_calls"] == 0:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.1)
    assert (await health(client))["in_flight"] == 0
    (row,) = (await client.get("/ops/llm/api/llm/metrics/models")).json()["data"]["rows"]
    assert row["cancelled"] + row["abandoned"] == 1
    assert row["failed"] == 0


async def test_in_a_browser(host: tuple[httpx.AsyncClient, asyncio.subprocess.Process]) -> None:
    """Log in, ask, read the answer as it comes; Stop ends it; the status page is there for staff."""
    client, _ = host
    complaints: list[str] = []
    async with launched() as browser:
        page = await browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(str(client.base_url))
        await page.get_by_text("Say who you are.").wait_for()
        await page.get_by_role("button", name="alice").click()
        await page.locator("#model option").first.wait_for(state="attached")
        await page.get_by_role("button", name="Ask").click()
        await page.get_by_text(" tokens in ").wait_for()
        assert await page.locator("#said").inner_text()
        await page.get_by_label("Question").fill(LONG[0]["content"])
        await page.get_by_role("button", name="Ask").click()
        await page.get_by_role("button", name="Stop").click()
        await page.get_by_text("stopped").wait_for()
        await page.get_by_role("button", name="ops").click()
        await page.wait_for_load_state("networkidle")
        await page.goto(f"{client.base_url}/ops/llm/")
        await page.get_by_text("local").first.wait_for()
    assert complaints == []


async def test_it_ends_in_order(host: tuple[httpx.AsyncClient, asyncio.subprocess.Process]) -> None:
    """SIGTERM within an answer: the user gets the rest of it, then the process is gone, without a word."""
    client, process = host
    await client.post("/login/alice")
    texts: list[str] = []
    async with client.stream("POST", "/chat", json={"model": LOCAL, "messages": LONG}) as answer:
        async for line in answer.aiter_lines():
            if not texts:
                process.send_signal(signal.SIGTERM)
            texts.append(line)
    assert "event: call" in texts
    _, complained = await asyncio.wait_for(process.communicate(), 20)
    assert complained == b""
    assert process.returncode in (0, -signal.SIGTERM)
