"""examples/fastapi_host, as a process of its own over real HTTP, with the real model and an upstream of ours."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import frozen
from modelplug_testkit.upstream import Close, Hold, Upstream
from modelplug_testkit.wire import DONE, FINISH, HELLO, STREAM_HEAD, USAGE, answer, part, stream

from plugins.status.tests.browser import launched
from tests.workspace import ROOT

pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.timeout(60)]
HOST = ROOT / "examples" / "fastapi_host"
LOCAL = "local/smollm2-135m"
PEBBLE = "pebble/small"
KEY = "sk-bob-0123456789abcdef"
HELLO_THERE = [{"role": "user", "content": "Say hello."}]
LONG = [{"role": "user", "content": "Count from one to three hundred in words, one after another."}]
PROVIDER = '[providers.pebble]\napi_base = "{base}"\napi_key_env = "PEBBLE_KEY"\nmodels = ["small"]\n'


@frozen(kw_only=True)
class Host:
    """The host, a client of it, and the server of the provider pebble, which it knows from its config.toml alone."""

    client: httpx.AsyncClient
    process: asyncio.subprocess.Process
    pebble: Upstream

    async def log_in(self, name: str) -> None:
        """Go on as this user."""
        assert (await self.client.post("/login", json={"user": name})).status_code == 204

    async def ask(self, messages: Any = HELLO_THERE, model: str = LOCAL) -> httpx.Response:
        """One question."""
        return await self.client.post("/chat", json={"model": model, "messages": messages})

    async def health(self) -> dict[str, Any]:
        """What staff sees."""
        await self.log_in("ops")
        data: dict[str, Any] = (await self.client.get("/ops/llm/api/llm/health")).json()["data"]
        return data

    async def over(self) -> dict[str, Any]:
        """The figures of the one model that was called, once its call is over."""
        async with asyncio.timeout(10):
            while (await self.health())["total_calls"] == 0:  # noqa: ASYNC110  # another process
                await asyncio.sleep(0.1)
        (row,) = (await self.client.get("/ops/llm/api/llm/metrics/models")).json()["data"]["rows"]
        assert isinstance(row, dict)
        return row

    async def ended(self) -> str:
        """What it said, when it has ended after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        said, _ = await asyncio.wait_for(self.process.communicate(), 25)
        assert self.process.returncode in (0, -signal.SIGTERM)
        return said.decode()


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """The host, as it stands in the folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with Upstream(plays=[stream(HELLO, FINISH, USAGE, DONE)]) as pebble:
        (tmp_path / "config.toml").write_text(PROVIDER.format(base=pebble.base), "utf-8")
        variables = {"MODELPLUG_CONFIG": str(tmp_path / "config.toml"), "PEBBLE_KEY": "sk-of-the-host"}
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--no-use-colors"],
            cwd=HOST, env={**os.environ, **variables}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            async with asyncio.timeout(30):
                while True:
                    try:
                        await client.get("/")
                        break
                    except httpx.TransportError:
                        await asyncio.sleep(0.1)
            yield Host(client=client, process=process, pebble=pebble)
            if process.returncode is None:
                process.terminate()
                await process.wait()


def events(answer: httpx.Response) -> list[tuple[str, Any]]:
    """The server-sent events of an answer."""
    assert answer.status_code == 200, answer.text
    blocks = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


async def test_a_user_chats_and_staff_sees_it(host: Host) -> None:
    """The selector has what the tier may call first, the answer is streamed, others see no figures, and staff does."""
    assert (await host.client.get("/models")).status_code == 401
    await host.log_in("alice")
    rows = (await host.client.get("/models")).json()
    assert rows[0] == {
        "id": LOCAL, "name": "SmolLM2 135M Instruct", "allowed": True, "context_window": rows[0]["context_window"],
        "capabilities": ["chat", "embeddings", "json_schema"], "priority": 10, "recommended": True,
    }  # fmt: skip
    assert len(rows) > 10 and not any(row["allowed"] for row in rows[1:])
    *texts, (last, call) = events(await host.ask())
    assert {name for name, _ in texts} == {"text"}
    assert last == "call" and call["model"] == LOCAL and call["tokens"] > 0 and call["cost"] == 0
    assert (await host.client.get("/ops/llm/api/llm/health")).status_code == 403
    assert (await host.over())["model"] == LOCAL
    assert (await host.health())["total_calls"] == 1


async def test_a_key_of_the_users_own_opens_a_provider(host: Host) -> None:
    """For that user alone, without a change to the host; the key goes upstream and is seen nowhere else."""
    await host.log_in("bob")
    assert (await host.ask(model=PEBBLE)).json() == {"detail": "pebble/small needs your key for pebble"}
    assert (await host.client.put("/keys/pebble", json={"key": KEY})).status_code == 204
    me = await host.client.get("/me")
    assert me.json()["keys"]["pebble"] is True and KEY not in me.text
    rows = (await host.client.get("/models")).json()
    assert [row["id"] for row in rows if row["allowed"]] == [LOCAL, PEBBLE]
    assert [data for name, data in events(await host.ask(model=PEBBLE)) if name == "text"] == ["hel", "lo"]
    assert host.pebble.received[0].headers["authorization"] == f"Bearer {KEY}"
    await host.log_in("ops")
    assert (await host.ask(model=PEBBLE)).status_code == 403
    await host.log_in("alice")
    assert (await host.client.get("/me")).json()["keys"] == {}
    assert (await host.client.put("/keys/pebble", json={"key": KEY})).status_code == 404
    await host.log_in("bob")
    await host.client.delete("/keys/pebble")
    assert (await host.ask(model=PEBBLE)).status_code == 403
    assert len(host.pebble.received) == 1
    said = await host.ended()
    assert "PUT /keys/pebble" in said and KEY not in said


CHAT = {"model": LOCAL, "messages": HELLO_THERE}
JSON = {"content-type": "application/json"}
REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("/chat", {"content": b"{no", "headers": JSON}, 422, "body.1: JSON decode error"),
    (
        "/chat",
        {"content": json.dumps(CHAT).encode()},
        422,
        "body: Input should be a valid dictionary",
    ),  # what is no JSON
    ("/chat", {"json": {**CHAT, "messages": [{"role": "boss"}]}}, 422, "body.messages.0.role: Input should be"),
    ("/chat", {"json": {**CHAT, "messages": []}}, 422, "body.messages: List should have at least 1 item"),
    ("/chat", {"json": {**CHAT, "model": "none"}}, 404, "there is no model of that name"),
    ("/chat", {"json": {**CHAT, "model": PEBBLE}}, 403, "pebble/small needs your key for pebble"),
    ("/chat", {"json": {**CHAT, "messages": [{"role": "user", "content": "a" * 300_000}]}}, 413, "that is too long"),
    ("/chat", {"json": CHAT, "headers": {"sec-fetch-site": "cross-site"}}, 403, "pages of other sites"),
    ("/login", {"json": {"user": "ops"}, "headers": {"sec-fetch-site": "same-site"}}, 403, "pages of other sites"),
    ("/login", {"json": {"user": "eve"}}, 404, "nobody has that name"),
    ("/chat", {"json": CHAT, "headers": {"cookie": "session=bob"}}, 401, "log in first"),
]
"""Where, what, and the status and the beginning of the sentence that come back."""


async def test_what_is_refused(host: Host) -> None:
    """With a status and one sentence that a page can show, and nothing is called."""
    for path, request, status, sentence in REFUSED:
        await host.log_in("bob")
        refused = await host.client.post(path, **request)
        assert (refused.status_code, refused.json()["detail"][: len(sentence)]) == (status, sentence)
    assert (await host.health())["total_calls"] == 0


async def test_what_is_sent_does_not_come_back(host: Host) -> None:
    """A key in a form that is refused stands in no answer; a request of no length, or for another name, is refused."""
    await host.log_in("bob")
    for wrong in ({"key": [KEY]}, {"keys": KEY}, {"key": f'"{KEY}"'}, KEY):
        refused = await host.client.put("/keys/pebble", json=wrong)
        assert refused.status_code == 422 and KEY not in refused.text

    async def endless() -> AsyncIterator[bytes]:
        yield b"{"

    assert (await host.client.post("/chat", content=endless())).status_code == 411
    assert (await host.client.get("/me", headers={"host": "rebound.example"})).status_code == 400
    assert KEY not in await host.ended()


async def test_what_fails_is_told(host: Host) -> None:
    """As the last event: what, and whether to try again; behind the text that had come, if any; without the key."""
    refused = answer({"error": {"message": f"no such key {KEY}"}}, status=401)
    host.pebble.plays = [refused, [STREAM_HEAD, part(HELLO), Close]]
    await host.log_in("bob")
    await host.client.put("/keys/pebble", json={"key": KEY})
    ((name, told),) = events(before := await host.ask(model=PEBBLE))
    assert (name, told["retryable"]) == ("error", False)
    assert "pebble/small: the provider refused the key" in told["message"] and KEY not in before.text
    *texts, (name, told) = events(await host.ask(model=PEBBLE))
    assert texts == [("text", "hel"), ("text", "lo")]
    assert (name, told["retryable"]) == ("error", False)


async def test_a_browser_that_goes_away_ends_the_call(host: Host) -> None:
    """Within an answer, and while the model still thinks: the provider is hung up on; neither success nor failure."""
    host.pebble.plays = [[STREAM_HEAD, Hold]]
    await host.log_in("bob")
    await host.client.put("/keys/pebble", json={"key": KEY})
    sent = {"model": PEBBLE, "messages": HELLO_THERE}
    async with host.client.stream("POST", "/chat", json=sent) as answered:
        assert answered.status_code == 200
        async with asyncio.timeout(10):
            while not host.pebble.received:  # noqa: ASYNC110  # the host calls it
                await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        await host.pebble.closed.wait()
    row = await host.over()
    assert (row["cancelled"] + row["abandoned"], row["failed"]) == (1, 0)


async def test_a_browser_that_leaves_an_answer_ends_the_call(host: Host) -> None:
    """The same with the embedded model: nothing is under way any more."""
    await host.log_in("alice")
    async with host.client.stream("POST", "/chat", json={"model": LOCAL, "messages": LONG}) as answered:
        async for _ in answered.aiter_lines():
            break
    row = await host.over()
    assert (row["cancelled"] + row["abandoned"], row["failed"]) == (1, 0)
    assert (await host.health())["in_flight"] == 0


async def test_it_ends_in_order(host: Host) -> None:
    """SIGTERM within an answer, with a status page open: the user gets the rest of it, and nothing is complained of."""
    await host.log_in("ops")
    texts: list[str] = []
    async with host.client.stream("GET", "/ops/llm/api/llm/live") as watched:
        live = watched.aiter_lines()
        await anext(live)
        async with host.client.stream("POST", "/chat", json={"model": LOCAL, "messages": LONG}) as answered:
            async for line in answered.aiter_lines():
                if not texts:
                    host.process.send_signal(signal.SIGTERM)
                texts.append(line)
        async for _ in live:
            pass
    assert "event: call" in texts
    said = await host.ended()
    assert "Finished server process" in said and "ERROR" not in said and "Traceback" not in said


async def test_what_takes_too_long_is_ended(host: Host) -> None:
    """SIGTERM while a model thinks for ever: after ten seconds its user is told, and the process is gone."""
    host.pebble.plays = [[STREAM_HEAD, part(HELLO), Hold]]
    await host.log_in("bob")
    await host.client.put("/keys/pebble", json={"key": KEY})
    async with host.client.stream("POST", "/chat", json={"model": PEBBLE, "messages": HELLO_THERE}) as answered:
        lines = answered.aiter_lines()
        await anext(lines)
        host.process.send_signal(signal.SIGTERM)
        rest = [line async for line in lines]
    assert "event: error" in rest
    assert "Traceback" not in await host.ended()


async def test_in_a_browser(host: Host) -> None:
    """Log in, talk, stop an answer, give a key and use it, read why a call failed, see the status; axe-core agrees."""
    complaints: list[str] = []
    async with launched() as browser:
        page = await browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url) if "chat" not in request.url else None)
        await page.goto(str(host.client.base_url))
        await page.get_by_text("Say who you are.").wait_for()
        await page.get_by_role("button", name="alice").click()
        await page.get_by_role("button", name="Ask").click()
        await page.get_by_text(" tokens in ").wait_for()
        assert await page.locator("#said .assistant").inner_text()
        question = page.get_by_label("Question")
        await question.fill(LONG[0]["content"])
        await question.press("Enter")
        await page.get_by_role("button", name="Stop").click()
        await page.get_by_text("stopped").wait_for()
        assert await page.locator("#model option:not(:disabled)").count() == 1

        await page.get_by_role("button", name="bob").click()
        await page.get_by_text("Your keys").click()
        await page.get_by_label("Provider").select_option("pebble")
        await page.get_by_label("Key", exact=True).fill(KEY)
        await page.get_by_role("button", name="Save").click()
        await page.locator("#provider option", has_text="pebble (saved)").wait_for(state="attached")
        assert await page.get_by_label("Key", exact=True).input_value() == ""
        await page.get_by_label("Model").select_option(PEBBLE)
        for place, text in enumerate(("one", "two")):
            await question.fill(text)
            await page.get_by_role("button", name="Ask").click()
            await page.get_by_text("pebble/small: 2 tokens in").nth(place).wait_for()
        assert [message["content"] for message in host.pebble.received[1].json["messages"]] == ["one", "hello", "two"]

        host.pebble.plays = [answer({"error": {"message": "no such key"}}, status=401)]
        await question.fill("three")
        await page.get_by_role("button", name="Ask").click()
        await page.get_by_text("refused the key").wait_for()
        await page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
        assert (await page.evaluate("axe.run()"))["violations"] == []
        assert await question.input_value() == "three"

        await page.get_by_role("button", name="ops").click()
        await page.get_by_role("link", name="Status").click()
        await page.get_by_text("pebble").first.wait_for()
    assert complaints == []
