"""A host that is told to stop in the middle of calls: SIGTERM, as a service gets it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import pytest
from modelplug_testkit.upstream import Pause, Received, Script, Upstream
from modelplug_testkit.wire import DONE, FINISH, HELLO, LAST, STREAM_HEAD, answer, completion, part

HOST = """
import asyncio, json, signal, sys
from modelplug import ModelplugError, Settings, Switchboard, hookimpl, Hooks

class Told(Hooks):
    @hookimpl
    def call_finished(self, call):
        print(json.dumps([call.stream, call.outcome, call.error and call.error.kind]), flush=True)

async def main(base, drain):
    own = {"api_base": base, "api_key": "sk-host", "strategy": "http"}
    board = Switchboard.load(only=["http", "v98store"], settings=Settings(argument={"providers": {"v98store": own}}))
    board.add(Told())
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    messages = [{"role": "user", "content": "hi"}]

    async def streamed():
        async with board.stream("gpt-4o-mini-v98", messages) as chunks:
            async for chunk in chunks:
                pass

    calls = [asyncio.ensure_future(call) for call in (board.complete("gpt-4o-mini-v98", messages), streamed())]
    await stop.wait()
    await board.aclose(drain=float(drain))
    await asyncio.gather(*calls, return_exceptions=True)

asyncio.run(main(*sys.argv[1:]))
"""


def slow(received: Received) -> Script:
    """An answer, or a stream, that takes most of a second."""
    if received.json.get("stream"):
        return [STREAM_HEAD, part(HELLO), Pause(0.7), part(FINISH), part(DONE), LAST]
    return [Pause(0.7), answer(completion("hello"))]


@pytest.mark.parametrize(
    ("drain", "ends"), [(10, {("ok", None)}), (0, {("failed", "shutdown")})], ids=["drained", "at once"]
)
async def test_45_sigterm_within_calls(drain: float, ends: set[tuple[str, str | None]]) -> None:
    """Calls end in the time that the host gives them, or fail as shut down; each is recorded before the end."""
    async with Upstream(plays=[slow]) as server:
        host = await asyncio.create_subprocess_exec(
            sys.executable, "-c", HOST, server.base, str(drain), stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(20):
            while len(server.received) < 2:  # noqa: ASYNC110  # what arrives over a socket sets no event of ours
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            host.send_signal(signal.SIGTERM)
            printed, _ = await host.communicate()
    records = [json.loads(line) for line in printed.splitlines()]
    assert sorted(stream for stream, _, _ in records) == [False, True]
    assert {(outcome, kind) for _, outcome, kind in records} == ends
    assert host.returncode == 0
