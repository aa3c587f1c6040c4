"""The command as it is installed, in a home of its own, with a stranger's plugins beside it."""

import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Self

import pytest

COMMAND = str(Path(sys.executable).with_name("modelplug"))


def install(folder: Path, name: str, source: str, entry_points: str) -> None:
    """Puts a distribution into a folder of sys.path, as an installer would."""
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    facts = folder / f"{name}-1.0.dist-info"
    facts.mkdir(parents=True)
    facts.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nSummary: A {name}.\n")
    facts.joinpath("entry_points.txt").write_text(entry_points)


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder of installed packages, with the toy in it."""
    folder = tmp_path / "packages"
    folder.mkdir()
    toy = Path(__file__).with_name("toy.py").read_text(encoding="utf-8")
    install(folder, "toy", toy, "[modelplug]\ntoy = toy:Toy\n[modelplug.commands]\ngreet = toy:greet\n")
    return folder


@pytest.fixture
def environment(tmp_path: Path, packages: Path) -> Mapping[str, str]:
    """The environment of the command: nothing of this machine's user, and the toy as the only plugin."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "PYTHONDONTWRITEBYTECODE") if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "PYTHONPATH": str(packages),
        "MODELPLUG_PLUGINS": "toy,http",
        "TERM": "xterm",
        "LANG": "C.UTF-8",
    }


Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def modelplug(environment: Mapping[str, str]) -> Run:
    """Runs the real command; standard input is empty unless given."""

    def run(*arguments: str, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
        command = [COMMAND, *arguments]
        return subprocess.run(command, input=stdin, env={**environment, **variables}, capture_output=True, timeout=20)

    return run


class Terminal:
    """The command on a terminal of its own: what is typed and what is shown."""

    def __init__(self, *arguments: str, environment: Mapping[str, str], columns: int = 80) -> None:
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, columns))
        self.shown = ""
        self.process = subprocess.Popen(
            [COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
            preexec_fn=_own_terminal,
        )  # fmt: skip
        os.close(theirs)

    def type(self, keys: str) -> None:
        """Press these keys."""
        os.write(self._ours, keys.encode())

    def wait_for(self, text: str, *, seconds: float = 15.0) -> str:
        """What is shown up to and with this text, which is then forgotten."""
        end = time.monotonic() + seconds
        while text not in self.shown:
            if not self._read(end - time.monotonic()):
                raise AssertionError(f"{text!r} was not shown, but {self.shown!r}")
        before, found, self.shown = self.shown.partition(text)
        return before + found

    def end(self, *, seconds: float = 15.0) -> tuple[int, str]:
        """The exit status and what was shown until then."""
        limit = time.monotonic() + seconds
        while self._read(limit - time.monotonic()):
            pass
        return self.process.wait(seconds), self.shown

    def _read(self, seconds: float) -> bool:
        if seconds <= 0 or not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # Linux says so when the other side is closed
            return False
        self.shown += data.decode("utf-8", "replace")
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ending: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)


def _own_terminal() -> None:
    """In the child: the pseudo-terminal becomes the one that Ctrl-C comes from."""
    import fcntl

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminal(environment: Mapping[str, str]) -> Iterator[Callable[..., Terminal]]:
    """Starts the real command on a terminal."""
    opened: list[Terminal] = []

    def start(*arguments: str, columns: int = 80, **variables: str) -> Terminal:
        opened.append(Terminal(*arguments, environment={**environment, **variables}, columns=columns))
        return opened[-1]

    yield start
    for one in opened:
        one.__exit__()
