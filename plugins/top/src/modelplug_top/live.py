"""The live table: one thread reads the server, the other draws and listens to the keys."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from rich.console import Console
from rich.live import Live

from modelplug_top.reading import Reader, Seen, Unread
from modelplug_top.screen import Screen
from modelplug_top.view import View

_GLANCE = 0.1
"""Seconds in which a key is answered."""
_AWAY = 2.0
"""Seconds until a server that does not answer is asked again."""


class Watch:
    """What the two threads share: the window that is wanted, and what was read last."""

    def __init__(self, reader: Reader, window: str, every: float) -> None:
        self.window = window
        self.paused = False
        self.news: SimpleQueue[tuple[str, Seen | Unread]] = SimpleQueue()
        self._reader = reader
        self._every = every
        self._hurry = threading.Event()
        self._over = False

    def read(self) -> None:
        """Read again and again, until it is over."""
        while not self._over:
            wait = self._every
            if not self.paused:
                window = self.window
                try:
                    self.news.put((window, self._reader.read(window)))
                except Unread as error:
                    self.news.put((window, error))
                    wait = max(wait, _AWAY)
            self._hurry.wait(wait)
            self._hurry.clear()
        self._reader.close()

    def hurry(self) -> None:
        """Read now."""
        self._hurry.set()

    def end(self) -> None:
        """Read no more."""
        self._over = True
        self._hurry.set()


def watch(reader: Reader, view: View, every: float) -> None:
    """Show the table until `q` or Ctrl-C."""
    watched = Watch(reader, view.window, every)
    threading.Thread(target=watched.read, daemon=True, name="modelplug-top").start()
    try:
        with _keys() as pressed, Live(console=Console(), screen=True, auto_refresh=False) as live:
            _draw(watched, view, live, pressed)
    except KeyboardInterrupt:
        pass
    finally:
        watched.end()


def _draw(watched: Watch, view: View, live: Live, pressed: Iterator[str]) -> None:
    seen: Seen | None = None
    problem: str | None = None
    drawn: object = None
    for key in pressed:
        if key == "q":
            return
        if key == "p":
            watched.paused = not watched.paused
            watched.hurry()
        elif key == "s":
            view = view.sorted_next()
        elif key == "w":
            view = view.windowed_next()
            watched.window = view.window
            watched.hurry()
        while (news := _next(watched.news)) is not None:
            window, what = news
            if isinstance(what, Unread):
                problem = str(what)
            elif window == view.window:
                seen, problem = what, None
        state = (seen, problem, view, watched.paused, live.console.size)
        if state != drawn:
            first = seen is None and problem is None
            live.update(Screen(view.shown(seen), problem=problem, paused=watched.paused), refresh=not first)
            drawn = state


def _next(news: SimpleQueue[tuple[str, Seen | Unread]]) -> tuple[str, Seen | Unread] | None:
    try:
        return news.get_nowait()
    except Empty:
        return None


@contextmanager
def _keys() -> Iterator[Iterator[str]]:
    """The keys that are pressed, and every now and then none. Where a system has no termios, only Ctrl-C ends it."""
    try:
        import termios
        import tty
    except ImportError:
        yield _silence()
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield _typed()
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _silence() -> Iterator[str]:
    while True:
        yield ""
        time.sleep(_GLANCE)


def _typed() -> Iterator[str]:
    import os
    import select

    yield ""
    while True:
        ready = select.select([sys.stdin], [], [], _GLANCE)[0]
        text = os.read(sys.stdin.fileno(), 1024).decode("utf-8", "replace") if ready else ""
        if ready and not text:
            return  # the terminal is gone
        yield from text or ("",)
