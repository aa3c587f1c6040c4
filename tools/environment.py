"""Makes and mends .venv: the pinned uv, the locked packages, the members of the workspace.

Runs under any Python from 3.11 on with the standard library alone: Debian's, which has neither venv nor ensurepip and
whose pip refuses to install into itself, is enough. Everything lands in .bootstrap (uv) and .venv, both unknown to git.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOOTSTRAP = ROOT / ".bootstrap"
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
UV_VERSION = "0.13.9"


class SetupFailed(Exception):
    """Says in one line what could not be done and what to do next."""


def members() -> list[Path]:
    """The folders of the workspace's distributions."""
    return [ROOT / "core", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]


def make(venv: Path = VENV, python: str = sys.executable) -> None:
    """Brings an environment up to date, unless its stamp, the file `ready`, says: made in this place, of these sources.

    Raises:
        SetupFailed: pip or uv failed; their own words are already on stderr.
    """
    with _alone():
        ready = venv / "ready"
        wanted = _fingerprint()
        made_in, made_from = _read_stamp(ready)
        usable = made_in == str(ROOT) and _works(venv)
        if usable and made_from == wanted:
            os.utime(ready)  # ./run compares times: this makes it newer than everything again
            return
        started = time.monotonic()
        _say(f"setting up {venv.name} " + ("again: its sources changed" if usable else "(once, takes a minute)"))
        if not usable:  # new, never finished, moved, or its Python is gone
            run_uv("venv", "--clear", "--python", python, str(venv))
        ready.unlink(missing_ok=True)
        _fill(venv / "bin" / "python")
        _write(ready, f"{ROOT}\n{wanted}\n")
        _say(f"{venv.name} is ready after {time.monotonic() - started:.0f} s")


def _fill(python: Path) -> None:
    """Installs every locked package and every member.

    `uv pip sync` would ask the network again even when every package is there.
    """
    locked = ["--require-hashes", "--compile-bytecode", "--requirements", str(LOCK)]
    ours = [word for folder in members() for word in ("--editable", str(folder))]
    for packages in (locked, ours):
        run_uv("pip", "install", "--python", str(python), "--no-deps", *packages)
    # Our own sources are compiled too, so that a start is quick where PYTHONDONTWRITEBYTECODE is set.
    sources = [str(folder / "src") for folder in members()]
    subprocess.run([python, "-m", "compileall", "-q", *sources], stdout=subprocess.DEVNULL)


def _uv() -> Path:
    """The pinned uv, fetched with pip into .bootstrap when it is not there yet."""
    home = BOOTSTRAP / f"uv-{UV_VERSION}"
    if not home.exists():
        _say(f"fetching uv {UV_VERSION}")
        partial = BOOTSTRAP / f"partial-{os.getpid()}"
        pip = [*_python_with_pip(), "-m", "pip", "--disable-pip-version-check", "-qq"]
        install = [*pip, "install", "--no-deps", "--target", str(partial), f"uv=={UV_VERSION}"]
        if subprocess.run(install, env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}).returncode:
            shutil.rmtree(partial, ignore_errors=True)
            raise SetupFailed("pip could not fetch uv; its reason stands above")
        partial.rename(home)
    link = BOOTSTRAP / "uv"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(Path(home.name, "bin", "uv"))  # relative: the tree may move
    return home / "bin" / "uv"


def run_uv(*arguments: str) -> None:
    """Runs the pinned uv; its progress is shown on a terminal only.

    Raises:
        SetupFailed: uv ended with an error, which it has said on stderr.
    """
    variables = {**os.environ, **_index(), "UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1"}
    variables.pop("VIRTUAL_ENV", None)  # somebody's activated environment is not ours to touch
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    if subprocess.run([_uv(), *arguments, *quiet], cwd=ROOT, env=variables).returncode:
        raise SetupFailed(f"`uv {' '.join(arguments[:2])}` failed; its reason stands above")


def _index() -> dict[str, str]:
    """The package index that pip was told to use, in uv's words: uv reads none of pip's settings."""
    index = os.environ.get("PIP_INDEX_URL")
    return {"UV_DEFAULT_INDEX": index} if index and "UV_DEFAULT_INDEX" not in os.environ else {}


def _python_with_pip() -> list[str]:
    if subprocess.run([sys.executable, "-c", "import pip"], capture_output=True).returncode == 0:
        return [sys.executable]
    spare = BOOTSTRAP / "pip"
    if subprocess.run([sys.executable, "-m", "venv", str(spare)], capture_output=True).returncode == 0:
        return [str(spare / "bin" / "python")]
    raise SetupFailed(f"{sys.executable} has no pip; install it (on Debian: apt-get install python3-pip) and try again")


@contextmanager
def _alone() -> Iterator[None]:
    """One set-up at a time: a second one waits, then finds the work done."""
    BOOTSTRAP.mkdir(exist_ok=True)
    with (BOOTSTRAP / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another set-up")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fingerprint() -> str:
    sources = [LOCK, Path(__file__), *(folder / "pyproject.toml" for folder in members())]
    parts = [f"{path.relative_to(ROOT)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in sources]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _read_stamp(ready: Path) -> tuple[str, str]:
    try:
        made_in, made_from = ready.read_text().splitlines()
    except (OSError, ValueError):
        return "", ""
    return made_in, made_from


def _works(venv: Path) -> bool:
    try:
        return subprocess.run([venv / "bin" / "python", "-c", ""], capture_output=True).returncode == 0
    except OSError:
        return False


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


def _say(text: str) -> None:
    print(f"modelplug: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        make()
    except SetupFailed as failure:
        _say(str(failure))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
