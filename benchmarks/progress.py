"""A progress bar on standard error."""

from __future__ import annotations

import shutil
import sys
import time


class Bar:
    """`[#####.....]  50 % what  still to go`; where standard error is no terminal, one line at the start."""

    def __init__(self, title: str, *, total: int) -> None:
        self._title, self._total, self._done = title, max(1, total), 0
        self._begun = time.monotonic()
        self._terminal = sys.stderr.isatty()
        if not self._terminal:
            print(f"bench: {title}", file=sys.stderr, flush=True)

    def step(self, what: str = "") -> None:
        """One more is done."""
        self._done += 1
        if not self._terminal:
            return
        share = self._done / self._total
        left = (time.monotonic() - self._begun) * (1 - share) / share
        bar = "#" * round(share * 24)
        line = f"{self._title:<18} [{bar:.<24}] {share:4.0%}  {left:3.0f} s left  {what}"
        end = "\n" if self._done >= self._total else ""
        width = shutil.get_terminal_size().columns - 1
        print(f"\r{line[:width]:<{width}}", end=end, file=sys.stderr, flush=True)
