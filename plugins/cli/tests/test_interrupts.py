"""Ctrl-C in the moment before the event loop begins to wait, when it interrupts nothing."""

import asyncio
import signal
import threading

import pytest
from modelplug_cli._interrupts import waking_the_loop

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals are sent to a thread")


def test_a_signal_that_interrupts_no_wait_is_heard() -> None:
    """Sent to another thread, so that the loop's own wait is not interrupted, it ends the call all the same."""

    async def call() -> None:
        with waking_the_loop():
            ready.set()
            await asyncio.sleep(3_600)

    def press() -> None:
        ready.wait()
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    ready = threading.Event()
    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(call())
    presser.join()
    assert signal.set_wakeup_fd(-1) == -1  # and leaves nothing behind


async def test_a_thread_that_gets_no_signals_does_without() -> None:
    """Only the main thread hears signals; elsewhere it is nothing."""

    async def call() -> str:
        with waking_the_loop():
            return "answered"

    assert await asyncio.to_thread(asyncio.run, call()) == "answered"
