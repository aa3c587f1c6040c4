"""One server for a whole process: started once however many ask, and again when it has crashed."""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import Future

from modelplug import Unavailable

from modelplug_local._loading import Loading
from modelplug_local.model import Progress
from modelplug_local.server import Server

log = logging.getLogger("modelplug.local")


class SharedServer:
    """The server that all threads and event loops of this process share. Nothing runs before `start`.

    `progress` is told, by another thread, while the model is fetched for the first time.
    """

    def __init__(self, loading: Loading, *, progress: Progress | None = None) -> None:
        self.process = os.getpid()
        self._loading = loading
        self._progress = progress
        self._lock = threading.Lock()
        self._start: Future[Server] | None = None
        self._unwanted = threading.Event()

    def start(self) -> Future[Server]:
        """The server, once it answers: the running one, or one that is started now. A waiter cannot cancel it."""
        with self._lock:
            if self._start is None or _over(self._start):
                self._start, self._unwanted = Future(), threading.Event()
                self._start.set_running_or_notify_cancel()  # from here on `cancel` does nothing
                # A thread of its own: a start outlives the event loop that asked for it, and being a daemon it does
                # not hold up the end of the process while a model is fetched.
                threading.Thread(
                    target=self._run,
                    args=(self._start, self._unwanted),
                    name="modelplug-local-start",
                    daemon=True,
                ).start()
            return self._start

    def stop(self) -> None:
        """Ends the server, or the start or fetch that is going on. Blocks until it is over."""
        with self._lock:
            start, self._start = self._start, None
            self._unwanted.set()
        if start is not None and start.exception() is None:
            start.result().stop()

    def _run(self, start: Future[Server], unwanted: threading.Event) -> None:
        def progress(done: int, total: int | None) -> None:
            if unwanted.is_set():
                raise Unavailable("closed while the local model was fetched", retryable=False)
            if self._progress is not None:
                self._progress(done, total)

        try:
            server = Server.start(self._loading, progress=progress)
        except BaseException as error:  # whatever it is, those who wait raise it
            start.set_exception(error)
        else:
            log.debug("the local model runs in process %d", server.pid)
            start.set_result(server)


def _over(start: Future[Server]) -> bool:
    """Whether a start failed, or its server is no more."""
    if not start.done():
        return False
    if start.exception() is not None:
        return True
    server = start.result()
    if server.alive:
        return False
    server.stop()  # closes what a crash left open
    return True
