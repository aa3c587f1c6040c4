"""The command `modelplug serve`, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import frozen
from modelplug_testkit.upstream import Pause, Received, Upstream
from modelplug_testkit.wire import DONE, FINISH, HELLO, LAST, STREAM_HEAD, USAGE, answer, part

COMMAND = str(Path(sys.executable).with_name("modelplug"))
METRICS = ("providers", "models", "strategies", "failures", "history")
PLAYED = {"model": "gpt-4o-mini-v98", "messages": [{"role": "user", "content": "hi"}]}


@frozen
class Served:
    """The process and where it says that it is."""

    process: asyncio.subprocess.Process
    address: str


@asynccontextmanager
async def serving(upstream: Upstream, *options: str, **variables: str) -> AsyncIterator[Served]:
    """`modelplug serve` on a free port with one provider, which is this upstream."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MODELPLUG_")},
        "MODELPLUG_CONFIG": os.devnull,
        "MODELPLUG_PLUGINS": "http,metrics,v98store",
        "V98STORE_API_BASE": upstream.base,
        "V98STORE_API_KEY": "sk-0123456789abcdef",
        "V98STORE_STRATEGY": "http",
        **variables,
    }
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "serve", "--port", "0", *options),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        said = (await process.stdout.readline()).decode()
        found = re.search(r"http://\S+/", said)
        assert found is not None, said
        yield Served(process, found[0])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def arrived(upstream: Upstream) -> None:
    """Waits for the first request."""
    async with asyncio.timeout(5):
        while not upstream.received:  # noqa: ASYNC110  # a socket sets no event of ours
            await asyncio.sleep(0.01)


async def ended(served: Served) -> tuple[int | None, str]:
    """The status and what was said on the standard error, once it has ended."""
    async with asyncio.timeout(10):
        _, said = await served.process.communicate()
    return served.process.returncode, said.decode().strip()


def slow(*pauses: float) -> list[Any]:
    """A stream with such pauses after its first words."""
    return [STREAM_HEAD, part(HELLO), *map(Pause, pauses), part(FINISH), part(USAGE), part(DONE), LAST]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
async def test_it_drains_and_ends_quietly(number: int, status: int) -> None:
    """A call in the playground ends well, live streams end, the process ends, and nothing but its own words is said."""
    async with Upstream(plays=[slow(0.7)]) as upstream, serving(upstream) as served:
        async with httpx.AsyncClient(base_url=served.address, timeout=10) as client:
            live = asyncio.ensure_future(client.get("/api/llm/live"))
            play = asyncio.ensure_future(client.post("/api/llm/playground", json=PLAYED))
            await arrived(upstream)
            served.process.send_signal(number)
            assert "event: call\n" in (await play).text
            assert "event: update\n" in (await live).text
        assert await ended(served) == (status, "Ctrl-C ends it")


async def test_a_request_that_is_broken_off_is_no_news() -> None:
    """Nothing is said of it on the terminal."""
    async with Upstream(plays=[slow()]) as upstream, serving(upstream) as served:
        _, writer = await asyncio.open_connection("127.0.0.1", int(served.address.rsplit(":", 1)[1].strip("/")))
        head = "POST /api/llm/playground HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        writer.write(f"{head}content-length: 9\r\n\r\n{{".encode())
        await writer.drain()
        async with httpx.AsyncClient(base_url=served.address) as client:
            assert (await client.get("/api/llm/health")).status_code == 200  # by now the request has begun
            writer.close()
            await writer.wait_closed()
            assert (await client.get("/api/llm/health")).status_code == 200
        served.process.send_signal(signal.SIGINT)
        assert await ended(served) == (130, "Ctrl-C ends it")


@pytest.mark.slow
async def test_a_call_that_does_not_end_is_shut_down() -> None:
    """Its visitor is told so, and a second signal need not be sent."""
    async with Upstream(plays=[slow(60)]) as upstream, serving(upstream) as served:
        async with httpx.AsyncClient(base_url=served.address, timeout=10) as client:
            play = asyncio.ensure_future(client.post("/api/llm/playground", json=PLAYED))
            await arrived(upstream)
            served.process.send_signal(signal.SIGINT)
            assert '"kind":"shutdown"' in (await play).text
        assert await ended(served) == (130, "Ctrl-C ends it")


async def test_a_second_signal_ends_it_at_once() -> None:
    """Whatever is under way."""
    async with (
        Upstream(plays=[slow(60)]) as upstream,
        serving(upstream) as served,
        httpx.AsyncClient(base_url=served.address, timeout=10) as client,
    ):
        play = asyncio.ensure_future(client.post("/api/llm/playground", json=PLAYED))
        await arrived(upstream)
        served.process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.3)
        served.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(2):
            assert await served.process.wait() == 130
        await asyncio.gather(play, return_exceptions=True)


async def test_only_this_machine_comes_in_by_name() -> None:
    """The page and the figures under each name of loopback, and nothing under another."""
    async with (
        Upstream(plays=[slow()]) as upstream,
        serving(upstream) as served,
        httpx.AsyncClient(base_url=served.address) as client,
    ):
        page = await client.get("/")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert (await client.get("/", headers={"host": "evil.test"})).status_code == 421
        port = served.address.rsplit(":", 1)[1].strip("/")
        assert (await client.get("/api/llm/health", headers={"host": f"localhost:{port}"})).status_code == 200


async def test_nothing_secret_is_shown() -> None:
    """A provider that says back its key and address in an error: neither stands in any answer, nor on the terminal."""

    def lure(received: Received) -> bytes:
        said = f"bad key {received.headers['authorization']} at http://{received.headers['host']}{received.path}"
        return answer({"error": {"message": said}}, status=401)

    async with (
        Upstream(plays=[lure]) as upstream,
        serving(upstream) as served,
        httpx.AsyncClient(base_url=served.address) as client,
    ):
        said = (await client.post("/api/llm/playground", json=PLAYED)).text
        assert "event: error\n" in said
        async with client.stream("GET", "/api/llm/live") as answered:
            async for line in answered.aiter_lines():
                said += line
                if line.startswith("data: "):
                    break
        for path in ("health", "models?all=true", "alerts", *(f"metrics/{name}" for name in METRICS)):
            said += (await client.get(f"/api/llm/{path}")).text
        said += (await client.get("/metrics")).text + (await client.get("/openapi.json")).text
        served.process.send_signal(signal.SIGTERM)
        said += (await ended(served))[1]
        assert said.count("bad key") >= 3
        assert "0123456789abcdef" not in said
        assert f"127.0.0.1:{upstream.port}" not in said


@pytest.mark.slow
async def test_beside_a_host_it_shows_what_the_host_does(tmp_path: Path) -> None:
    """With the folder that the host shares its figures in: rows, charts, health, alerts, without a call of its own."""
    config = tmp_path / "config.toml"
    rule = 'what = "error_rate"\nthreshold = 0.5\nfor = 0\nleast_calls = 1'
    config.write_text(f'[metrics]\nshared = "{tmp_path.as_posix()}/figures"\n[alerts.rules.failing]\n{rule}\n')
    refusal = answer({"error": {"message": "no"}}, status=401)
    async with (
        Upstream(plays=[refusal]) as upstream,
        serving(upstream, MODELPLUG_CONFIG=str(config)) as host,
        serving(upstream, MODELPLUG_CONFIG=str(config)) as beside,
        httpx.AsyncClient() as client,
    ):

        async def said(path: str) -> Any:
            return (await client.get(f"{beside.address}api/llm/{path}")).json()["data"]

        for _ in range(3):
            await client.post(f"{host.address}api/llm/playground", json=PLAYED)
        async with asyncio.timeout(15):
            while not (firing := (await said("alerts"))["firing"]):  # noqa: ASYNC110  # of another process
                await asyncio.sleep(0.1)
        assert [(alert["rule"], alert["provider"]) for alert in firing] == [("failing", "v98store")]
        assert [row["failed"] for row in (await said("metrics/models"))["rows"]] == [3]
        assert sum(point["failed"] for point in (await said("metrics/history"))["points"]) == 3
        assert (await said("health"))["status"] == "unhealthy"


async def test_lists_of_models_are_kept_fresh(tmp_path: Path) -> None:
    """Of a provider that is to be discovered: what it lists is on the page, though nobody asked by hand."""
    config = tmp_path / "config.toml"
    async with Upstream(plays=[answer({"data": [{"id": "brand-new"}]})]) as upstream:
        config.write_text(f'[providers.acme]\napi_base = "{upstream.base}"\ndiscover = true\n')
        variables = {
            "MODELPLUG_CONFIG": str(config),
            "MODELPLUG_PLUGINS": "http,metrics,discovery",
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        }
        async with serving(upstream, **variables) as served, httpx.AsyncClient(base_url=served.address) as client:
            async with asyncio.timeout(10):
                while "acme/brand-new" not in (await client.get("/api/llm/models?all=true")).text:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            served.process.send_signal(signal.SIGTERM)
            assert await ended(served) == (0, "Ctrl-C ends it")
        assert [received.path for received in upstream.received] == ["/v1/models"]


async def test_off_loopback_a_token_is_needed() -> None:
    """Without one it does not start, and says what to do; the token may come from the environment."""
    async with Upstream(plays=[slow()]) as upstream:
        process = await asyncio.create_subprocess_exec(
            *(COMMAND, "serve", "--host", "0.0.0.0"),
            env={**os.environ, "MODELPLUG_CONFIG": os.devnull, "MODELPLUG_STATUS_TOKEN": ""},
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(10):
            _, said = await process.communicate()
        assert process.returncode == 1
        assert b"--token" in said and b"MODELPLUG_STATUS_TOKEN" in said
        async with (
            serving(upstream, MODELPLUG_STATUS_TOKEN="t-1") as served,
            httpx.AsyncClient(base_url=served.address) as client,
        ):
            assert (await client.get("/api/llm/health")).status_code == 401
            assert (await client.get("/api/llm/health", headers={"authorization": "Bearer t-1"})).status_code == 200


async def test_a_port_that_is_taken_is_told() -> None:
    """With another to take."""
    async with Upstream(plays=[slow()]) as upstream:
        process = await asyncio.create_subprocess_exec(
            *(COMMAND, "serve", "--port", str(upstream.port)),
            env={**os.environ, "MODELPLUG_CONFIG": os.devnull},
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(10):
            _, said = await process.communicate()
        assert process.returncode == 1
        assert f"--port {upstream.port + 1}".encode() in said


@pytest.mark.parametrize("host", ["a..b", "192.0.2.1"])
async def test_a_host_that_is_not_here_is_told(host: str) -> None:
    """A name that can be none, or an address of another machine: one line that says so, and what to give."""
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "serve", "--host", host, "--token", "t"),
        env={**os.environ, "MODELPLUG_CONFIG": os.devnull},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.startswith(f"error: --host {host}: is no address of this machine. Give one, such as 127.0.0.1".encode())
