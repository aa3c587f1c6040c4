"""Deadlines under one timer."""

import asyncio
import time
from typing import Any

import pytest
from modelplug.deadlines import Deadlines


def soon(seconds: float) -> float:
    return time.monotonic() + seconds


async def test_each_ends_at_its_own_moment() -> None:
    """Of many deadlines under one timer each ends its own wait, none much too late and none too early."""
    deadlines = Deadlines()

    async def ended_after(seconds: float) -> float:
        deadline, begun = deadlines.until(soon(seconds)), time.monotonic()
        with pytest.raises(TimeoutError), deadline:
            await asyncio.sleep(10)
        return time.monotonic() - begun

    waits = [0.1, 0.02, 0.2, 0.05, 0.15, 0.02]
    for wait, took in zip(waits, await asyncio.gather(*map(ended_after, waits)), strict=True):
        assert wait - 0.005 < took < wait + 0.1


async def test_one_timer_serves_a_thousand() -> None:
    """A thousand deadlines that come one after another and are closed set one timer in the event loop."""
    loop: Any = asyncio.get_running_loop()
    deadlines, before = Deadlines(), len(loop._scheduled)
    for _ in range(1_000):
        deadline = deadlines.until(soon(600))
        with deadline:
            await asyncio.sleep(0)
        deadline.close()
    assert len(loop._scheduled) - before == 1


async def test_what_is_closed_never_ends_anything() -> None:
    """A deadline that was closed in time lets later waits of its task be."""
    deadlines = Deadlines()
    deadline = deadlines.until(soon(0.02))
    with deadline:
        pass
    deadline.close()
    await asyncio.sleep(0.05)
    assert not deadline.passed


async def test_a_cancellation_by_others_stays_one() -> None:
    """A task that is cancelled while its deadline passes too is cancelled."""
    deadlines = Deadlines()

    async def wait() -> None:
        with deadlines.until(soon(10)):
            await asyncio.sleep(10)

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_one_inside_another() -> None:
    """The inner of two deadlines that passes is a TimeoutError inside, and leaves the outer one alone."""
    deadlines = Deadlines()
    with deadlines.until(soon(10)):
        with pytest.raises(TimeoutError), deadlines.until(soon(0.02)):
            await asyncio.sleep(10)
        await asyncio.sleep(0.01)


async def test_never_is_never() -> None:
    """Without a moment there is no timer at all."""
    loop: Any = asyncio.get_running_loop()
    before = len(loop._scheduled)
    with Deadlines().until(None):
        assert len(loop._scheduled) == before


def test_several_loops() -> None:
    """The same maker of deadlines serves one event loop after another, and keeps none that is closed."""
    deadlines: Any = Deadlines()

    async def wait() -> None:
        with pytest.raises(TimeoutError), deadlines.until(soon(0.01)):
            await asyncio.sleep(10)

    for _ in range(3):
        asyncio.run(wait())
    assert len(deadlines._timers) == 1
