"""Figures of the worker processes of one machine, through a folder: each writes a file of its own, and any reads all.

A file is a snapshot, replaced as a whole. The history of an hour may be a megabyte: it has a second file, which is
written every ten seconds; the snapshot has its last minute. What a process counted stays when the process has ended:
the next one to start takes such files into its own, so that there are never many.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve
from modelplug import ConfigError
from modelplug.settings import Found

from modelplug_metrics._history import STEP, history_json, history_of, recent
from modelplug_metrics._ticking import Ticking

if TYPE_CHECKING:
    from modelplug_metrics.snapshot import Snapshot

log = logging.getLogger("modelplug.metrics")

EVERY = 1.0
"""Seconds between two writings,"""

SHARE = 20.0
"""or so many times what a writing takes, if that is longer: never more than a twentieth of a core."""

STEADY = 10.0
"""Seconds after which it is written without a new call too, so that its windows move on."""

STALE = 30.0
"""Seconds after which nothing of a file is believed but what it counted."""

HOUR = ".hour"
"""How the name of the second file ends."""

LONGEST = 3900.0
"""Seconds after the last call when every window is empty."""


def shared_folder(found: Found) -> Path:
    """The folder that the setting `shared` names, made if it is not there. Raises ConfigError when it cannot be."""
    if not isinstance(found.value, (str, Path)) or not str(found.value).strip():
        raise ConfigError(found.setting, "is no name of a folder", "Name one that every worker may write to.")
    folder = Path(found.value).expanduser()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        step = "Name a folder that every worker may write to."
        raise ConfigError(found.setting, f"is no folder that can be made: {error.strerror}", step) from None
    return folder


class Sharing:
    """One process's file, and those of the others. `own` gives the figures of this process, `clock` Unix time."""

    def __init__(self, folder: Path, own: Callable[[], Snapshot], clock: Callable[[], float]) -> None:
        self._folder, self._own, self._clock = folder, own, clock
        self._file = folder / f"{os.getpid()}-{time.time_ns()}.json"
        self._lock = threading.Lock()
        self._past: Snapshot | None = None
        self._changed = False
        self._called = self._written = self._hour_written = 0.0
        self._ticking = Ticking(self._tick, name="modelplug-metrics-sharing")

    def called(self) -> None:
        """There was a call: the others see it within a second or two."""
        self._changed = True
        self._ticking.start()

    def all(self, *, hour: bool = False) -> Snapshot:
        """The figures of this process as they are now, and those of all others as they were last written.

        With `hour` the history of the last hour, else of the last minute.
        """
        mine = self._with_past()
        if not hour:
            mine = evolve(mine, history=recent(mine.history, mine.taken))
        return mine.merge(*self._others(hour=hour))

    def leads(self) -> bool:
        """Whether this process speaks for all: of those that write, it is the first by name."""
        now = time.time()
        writing = [path for path in self._folder.glob("*.json") if now - _changed(path) < STALE]
        return not writing or min(writing) == self._file

    def write(self) -> None:
        """Write the file, unless there is nothing new. Raises OSError."""
        with self._lock:
            now = self._clock()
            if self._changed:
                self._called = now
            elif not self._written or now - self._written < STEADY:
                return
            self._changed = False
            aside = [] if self._written else list(self._adopt())
            snapshot = self._with_past()
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # somebody may have tidied up
            if now - self._hour_written >= STEP:
                _replace(self._file.with_suffix(HOUR), history_json(snapshot.history))
                self._hour_written = now
            _replace(self._file, evolve(snapshot, history=recent(snapshot.history, now)).as_json())
            self._written = now
            for path in aside:
                path.unlink(missing_ok=True)
                path.with_suffix(HOUR).unlink(missing_ok=True)

    def _tick(self) -> bool:
        began = time.perf_counter()
        try:
            self.write()
        except OSError as error:
            log.warning("figures cannot be shared with other workers: %s", error.strerror)
            began -= 3.0  # try again in a minute
        self._ticking.every = max(EVERY, SHARE * (time.perf_counter() - began))
        return self._clock() - self._called < LONGEST

    def _with_past(self) -> Snapshot:
        mine = self._own()
        return mine if self._past is None else mine.merge(self._past)

    def _others(self, *, hour: bool) -> Iterator[Snapshot]:
        now = self._clock()
        for path in sorted(self._folder.glob("*.json")):
            if path != self._file and (snapshot := _read(path, hour=hour)) is not None:
                yield snapshot if now - snapshot.taken < STALE else snapshot.past()

    def _adopt(self) -> Iterator[Path]:
        """Take what ended processes have counted for our own. Their files, set aside, can be deleted afterwards."""
        for path in sorted(self._folder.glob("*.json")):
            if _is_running(path):
                continue
            aside = path.with_suffix(".taken")
            try:
                path.rename(aside)  # of several that start at once, one wins
            except OSError:
                continue
            if (snapshot := _read(aside, hour=True)) is not None:
                past = snapshot.past()
                self._past = past if self._past is None else self._past.merge(past)
            yield aside


def _changed(path: Path) -> float:
    """When a file was written last, as Unix time; long ago when it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _read(path: Path, *, hour: bool) -> Snapshot | None:
    from modelplug_metrics.snapshot import Snapshot

    try:
        snapshot = Snapshot.from_json(json.loads(path.read_text("utf-8")))
        if hour:
            history = history_of(json.loads(path.with_suffix(HOUR).read_text("utf-8")))
            snapshot = evolve(snapshot, history={**history, **snapshot.history})
    except FileNotFoundError:  # another took it into its own just now
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        log.warning("%s among the shared figures cannot be read and is left out", path.name)
        return None
    return snapshot


def _replace(path: Path, content: object) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(content, separators=(",", ":")), "utf-8")
    draft.replace(path)


def _is_running(path: Path) -> bool:
    """Whether the process that a file belongs to may still write it."""
    number = path.name.partition("-")[0]
    if not number.isdigit() or os.name == "nt":  # there signal 0 is no question but Ctrl-C
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
