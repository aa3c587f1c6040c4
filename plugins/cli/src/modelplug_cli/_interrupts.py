"""Ctrl-C while an event loop waits."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def waking_the_loop() -> Iterator[None]:
    """Within it a signal wakes the running loop, also one that comes in the moment before the loop begins to wait.

    That one interrupts no system call, and asyncio.Runner would hear of it when something else wakes its loop.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield  # there the loop sees to it itself, and here no signal arrives
        return
    loop = asyncio.get_running_loop()
    heard, told = socket.socketpair()
    with heard, told:
        heard.setblocking(False)
        told.setblocking(False)
        loop.add_reader(heard, heard.recv, 4096)
        before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            loop.remove_reader(heard)
