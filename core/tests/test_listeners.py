"""Listeners: told of every call, and never in its way."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from contextvars import ContextVar
from typing import Any

import pytest
from modelplug import Call, Hooks, Request, Settings, Switchboard, hookimpl
from modelplug._listeners import QUEUE
from modelplug.testing import FakePlugin, Listener

HELLO = [{"role": "user", "content": "Hello"}]


class Stuck(Hooks):
    """Hangs at its first event until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.told = 0

    @hookimpl
    def call_finished(self, call: Any) -> None:
        self.go.wait(20)
        self.told += 1


def board_with(*listeners: Any) -> Switchboard:
    """A board with a fake provider and these listeners."""
    board = Switchboard(settings=Settings(environment={}))
    board.add(FakePlugin(), name="fake")
    for number, listener in enumerate(listeners):
        board.add(listener, name=f"listener{number}")
    return board


def test_a_listener_that_hangs_delays_neither_calls_nor_other_listeners() -> None:
    """Calls go on, another listener hears them all, and the events wait for the one that hangs."""
    stuck = Stuck()
    board = board_with(stuck)
    listener = Listener()
    board.add(listener, name="well")
    start = time.monotonic()
    for _ in range(20):
        asyncio.run(board.complete("one", HELLO))
    assert board.flush(0.1) is False
    assert time.monotonic() - start < 5
    assert len(listener.finished) == 20
    stuck.go.set()
    assert board.flush() is True
    assert stuck.told == 20


def test_events_come_in_order() -> None:
    """Started before finished, call by call."""

    class Both(Hooks):
        def __init__(self) -> None:
            self.seen: list[str] = []

        @hookimpl
        def call_started(self, request: Any) -> None:
            self.seen.append(f"started {request.id}")

        @hookimpl
        def call_finished(self, call: Any) -> None:
            self.seen.append(f"finished {call.id}")

    both = Both()
    board = board_with(both)
    ids = []
    for _ in range(50):
        call = asyncio.run(board.complete("one", HELLO)).call
        assert call is not None
        ids += [f"started {call.id}", f"finished {call.id}"]
    board.flush()
    assert both.seen == ids


async def test_the_queue_is_bounded_and_what_is_dropped_is_counted() -> None:
    """A listener that never keeps up costs no memory without end."""
    stuck = Stuck()
    board = board_with(stuck)
    more = 100
    for _ in range(QUEUE + more + 1):
        await board.complete("one", HELLO)
    assert 0 < board.dropped["listener0"] <= more + 1
    stuck.go.set()
    assert await asyncio.to_thread(board.flush)
    assert stuck.told + board.dropped["listener0"] == QUEUE + more + 1


def test_a_board_without_calls_starts_no_thread() -> None:
    """Loading and listing are still."""
    before = threading.active_count()
    board_with(Stuck()).flush()
    assert threading.active_count() == before


REQUEST_ID: ContextVar[str] = ContextVar("REQUEST_ID", default="none")


async def test_a_listener_is_told_in_the_context_of_the_call() -> None:
    """Context variables of the host, such as the id of its own request, have in a listener the value of the call."""

    class Noting(Hooks):
        def __init__(self) -> None:
            self.seen: list[tuple[str, str]] = []

        @hookimpl
        def call_started(self, request: Request) -> None:
            self.seen.append(("started", REQUEST_ID.get()))
            REQUEST_ID.set("the listener's own")

        @hookimpl
        def call_finished(self, call: Call) -> None:
            self.seen.append(("finished", REQUEST_ID.get()))

    async def call_as(name: str) -> None:
        REQUEST_ID.set(name)
        await board.complete("one", HELLO)

    noting = Noting()
    board = board_with(noting)
    await asyncio.create_task(call_as("first"))
    await asyncio.create_task(call_as("second"))
    board.flush()
    assert noting.seen == [("started", "first"), ("finished", "first"), ("started", "second"), ("finished", "second")]


PROGRAM = """
import asyncio, os, sys
from modelplug import Call, Hooks, Request, Settings, Switchboard, hookimpl
from modelplug.testing import FakePlugin
class Count(Hooks):
    @hookimpl
    def call_finished(self, call):
        os.write(1, b"%d\\n" % os.getpid())
board = Switchboard(settings=Settings(environment={}))
board.add(FakePlugin())
board.add(Count())
def call(times):
    for _ in range(times):
        asyncio.run(board.complete("one", [{"role": "user", "content": "x"}]))
"""


def told_by(program: str) -> list[int]:
    """The process ids that the listener of a whole program wrote, one for each event."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM + program], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [int(line) for line in done.stdout.split()]


def test_the_end_of_the_process_loses_no_record() -> None:
    """A program that ends right after its last call has told all of them."""
    assert len(told_by("call(50)")) == 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_after_a_fork_each_process_tells_its_own_calls_once() -> None:
    """The child starts a thread of its own and repeats nothing of its parent's."""
    pids = told_by(
        "call(3)\nboard.flush()\ncall(2)\npid = os.fork()\ncall(4)\n"
        "if pid: os.waitpid(pid, 0)\nelse: board.flush(); os._exit(0)"
    )
    assert sorted(pids.count(pid) for pid in set(pids)) == [4, 9]


DROPPED = """
import asyncio, gc
from modelplug import Call, Hooks, Switchboard, hookimpl
from modelplug.testing import FakePlugin

class Slow(Hooks):
    @hookimpl
    def call_finished(self, call: Call) -> None:
        import time
        time.sleep(0.1)
        print(call.outcome)

async def main() -> None:
    board = Switchboard()
    board.add(FakePlugin())
    board.add(Slow)
    await board.complete("one", [])

asyncio.run(main())
gc.collect()
"""


def test_the_last_call_of_a_board_that_nobody_has_any_more_is_told() -> None:
    """A process that drops its board and ends tells its listeners first."""
    run = subprocess.run([sys.executable, "-c", DROPPED], capture_output=True, text=True, timeout=20)
    assert (run.stdout, run.stderr) == ("ok\n", "")
