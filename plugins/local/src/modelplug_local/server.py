"""A running server: the child process as its parent sees it."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from modelplug import ConfigError, Credentials, Settings, Unavailable

from modelplug_local._loading import Loading, loading_of
from modelplug_local.model import Progress, fetch, present

START_LIMIT = 60.0
"""Seconds a model may take to load."""


class Server:
    """An OpenAI-compatible server in a child process. `credentials` say where it is and what key it wants.

    It ends with `stop`, at the end of a `with` block, or with this process, however that ends.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes], credentials: Credentials) -> None:
        self.credentials = credentials
        self._process = process
        self._log = log
        self._owner = os.getpid()

    @classmethod
    def start(
        cls,
        loading: Loading,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """A server that answers. Blocks while the model loads: half a second for the small one, once it is fetched.

        Port 0 is one that is free; without a key, one is made up. `progress` is told while the model is fetched.

        Raises:
            ConfigError: there is no such file, or it is no model, or the address cannot be had.
            Unavailable: the process ended, or took longer than START_LIMIT.
            What `fetch` raises.
        """
        path = loading.path or present() or fetch(progress)
        if not path.is_file():
            raise ConfigError("providers.local.model_path", "names no file", "Set it to a GGUF file, or leave it out.")
        key = key or secrets.token_urlsafe(32)
        process, log = _child()
        orders = {
            "path": str(path.resolve()),
            "name": loading.name,
            "context_window": loading.context_window,
            "slots": loading.slots,
            "host": host,
            "port": port,
            "key": key,
            "parent": os.getpid(),
        }
        server = cls(process, log, Credentials())
        try:
            address = server._begin(orders)
            server.credentials = Credentials(api_key=key, api_base=f"{address}/v1")
        except BaseException:
            server.stop()
            raise
        return server

    def _begin(self, orders: dict[str, Any]) -> str:
        """Gives the orders and returns the address that comes back."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101 - both are pipes
        limit = threading.Timer(START_LIMIT, self._process.kill)
        limit.daemon = True
        limit.start()
        try:
            stdin.write(json.dumps(orders).encode() + b"\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = b""
        finally:
            limit.cancel()
            stdout.close()
        if not line:
            self._process.wait()
            raise Unavailable(f"the local model did not start: its process {self.ending}. {_NEXT_STEP}")
        answer = json.loads(line)
        if "address" not in answer:
            raise ConfigError("providers.local", f"the local model did not start: {answer['problem']}", _NEXT_STEP)
        return str(answer["address"])

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """True while the process runs and is this process's own child: after a fork the server is the parent's."""
        return self._owner == os.getpid() and self._process.poll() is None

    def wait(self, seconds: float | None = None) -> bool:
        """Whether the process has ended, waiting so long for it."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def ending(self) -> str:
        """How the process ended: "was ended by SIGKILL", "ended with status 1"."""
        code = self._process.poll()
        if code is None:
            return "is running"
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"

    def log(self, limit: int = 2_000) -> str:
        """The last bytes that llama.cpp printed, for people: they may hold paths."""
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - limit))
        return self._log.read().decode(errors="replace")

    def stop(self) -> None:
        """Ends the process. May be called again, and does nothing in a fork."""
        if self._owner != os.getpid():
            return
        with suppress(OSError):  # it is gone already
            if self._process.stdin is not None:
                self._process.stdin.close()  # the child leaves when it sees this
        if not self.wait(2.0):
            self._process.kill()
            self._process.wait()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _child() -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """A child process that waits for its orders, and the file that it prints to."""
    log = None
    try:
        log = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - closed by `Server.stop`
        process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-P", str(Path(__file__).with_name("_child.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the terminal is not for the child
        )
    except OSError as error:
        if log is not None:
            log.close()
        raise Unavailable(f"no process could be started for the local model: {error.strerror}") from error
    return process, log


_NEXT_STEP = "`modelplug local serve` shows what llama.cpp says; `modelplug local fetch` checks the model file."


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    api_key: str | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Server:
    """The local model as an OpenAI-compatible endpoint for other programs: a running Server, to be used in `with`.

    `server.credentials` has its base and key. Raises what `Server.start` raises.
    """
    loading = loading_of(settings or Settings.read())
    return Server.start(loading, host=host, port=port, key=api_key, progress=progress)
