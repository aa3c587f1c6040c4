"""The bar on stderr while something large is fetched."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from modelplug_cli._output import on_terminal, remark

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bar:
    """Told bytes done and bytes in all (None: unknown), by any thread; draws itself from the first telling on.

    Where stderr is no terminal it says once what takes so long. Used in a `with` block, which wipes the bar.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._lock = threading.Lock()
        self._drawn: tuple[Progress, TaskID] | None = None
        self._said = self._over = False

    def __call__(self, done: int, total: int | None) -> None:
        """Show how far it is."""
        with self._lock:
            if self._over:
                return
            if not on_terminal(sys.stderr):
                if not self._said:
                    self._said = True
                    remark(f"{self._label} ...")
                return
            if self._drawn is None:
                self._drawn = _begin(self._label)
            progress, task = self._drawn
            progress.update(task, completed=done, total=total)

    def stop(self) -> None:
        """Wipe the bar; what it is told from now on is not shown."""
        with self._lock:
            self._over = True
            if self._drawn is not None:
                self._drawn[0].stop()
                self._drawn = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *ending: object) -> None:
        self.stop()


def _begin(label: str) -> tuple[Progress, TaskID]:
    from rich.console import Console  # costs start-up time: only when something is drawn
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        DownloadColumn(),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        transient=True,
        expand=True,
    )
    progress.start()
    return progress, progress.add_task(label, total=None)
