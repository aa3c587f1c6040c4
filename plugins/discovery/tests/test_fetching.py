"""How a list is asked for: page by page, by the way that calls go, and of nobody else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from modelplug import Settings
from modelplug_discovery.fetching import PAGES, fetch
from modelplug_testkit.upstream import Received, Upstream
from modelplug_testkit.wire import answer

KEY = "sk-fetcher-0123456789abcdef"


def provider(base: str, **more: Any) -> Any:
    table = {"api_base": base, "api_key": KEY, "discover": True, **more}
    return Settings(argument={"providers": {"acme": table}}, environment={}).provider("acme")


async def test_all_pages_are_read() -> None:
    """As Anthropic gives them, each after the last id of the one before."""

    def play(received: Received) -> bytes:
        number = int(received.path.partition("after_id=m")[2] or 0)
        rows = [{"type": "model", "id": f"m{number + 1}"}, {"type": "model", "id": f"m{number + 2}"}]
        return answer({"data": rows, "has_more": number < 4, "first_id": "m", "last_id": f"m{number + 2}"})

    async with Upstream(plays=[play]) as server:
        listing = await fetch(provider(server.base))
        assert len(server.received) == 3
        assert {received.headers["authorization"] for received in server.received} == {f"Bearer {KEY}"}
    assert [entry.id for entry in listing.entries] == [f"m{number}" for number in range(1, 7)]
    assert listing.whole


async def test_pages_without_end_are_cut() -> None:
    """And said to be."""

    def play(received: Received) -> bytes:
        return answer({"data": [{"id": f"m{len(server.received)}"}], "has_more": True})

    async with Upstream(plays=[play]) as server:
        listing = await fetch(provider(server.base))
        assert len(server.received) == PAGES
    assert len(listing.entries) == PAGES and not listing.whole


async def test_a_list_comes_by_the_proxy_that_calls_go_by() -> None:
    """The one of the setting `proxy`; what the environment says counts only where the setting says so."""
    async with Upstream(plays=[answer({"data": [{"id": "m"}]})]) as proxy:
        address = proxy.base.removesuffix("/v1")
        listing = await fetch(provider("http://acme.invalid/v1", proxy=address.replace("//", "//user:word@")))
        (received,) = proxy.received
    assert [entry.id for entry in listing.entries] == ["m"]
    assert received.path == "http://acme.invalid/v1/models"
    assert received.headers["proxy-authorization"].startswith("Basic ")


async def test_the_address_of_an_endpoint_does_too() -> None:
    """Whoever pasted the address of chat completions gets the list of the same server."""
    async with Upstream(plays=[answer({"data": [{"id": "m"}]})]) as server:
        await fetch(provider(f"{server.base}/chat/completions"))
        assert server.received[0].path == "/v1/models"


ASKING = """
import asyncio, sys
seen = set()
def hook(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        seen.add(arguments[1])
    if event == "socket.getaddrinfo":
        seen.add(arguments[:2])
sys.addaudithook(hook)
from modelplug import Switchboard
from modelplug_discovery.refreshing import keep_fresh, refresh
table = {{"api_base": "{base}", "discover": True}}
declared = {{"api_base": "http://127.0.0.2:9/v1", "models": ["m"]}}
async def main():
    async with Switchboard.load(settings={{"providers": {{"acme": table, "other": declared}}}}) as board:
        await refresh(board)
        task = asyncio.create_task(keep_fresh(board))
        await asyncio.sleep(0.2)
        task.cancel()
asyncio.run(main())
print(sorted(seen))
"""


async def test_nobody_is_asked_but_the_declared(tmp_path: Path) -> None:
    """With all plugins installed, no socket goes anywhere but to the one provider that says `discover`."""
    import asyncio

    async with Upstream(plays=[answer({"data": [{"id": "m"}]})]) as server:
        program = [sys.executable, "-c", ASKING.format(base=server.base)]
        environment = {"HOME": str(tmp_path), "PATH": "", "MODELPLUG_CONFIG": str(tmp_path / "none.toml")}
        done = await asyncio.to_thread(subprocess.run, program, env=environment, capture_output=True, text=True)
        assert done.stdout == f"[('127.0.0.1', {server.port})]\n", done.stdout + done.stderr
