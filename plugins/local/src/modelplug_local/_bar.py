"""A progress bar for a fetch, on the terminal and nowhere else."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

import click


class Bar:
    """Shows a fetch as it is told of it; draws nothing before, so a file that is there shows nothing."""

    def __init__(self, label: str = "Fetching the model") -> None:
        self._label = label
        self._drawn: Any = None

    def __call__(self, done: int, total: int | None) -> None:
        """Draw so many bytes of so many."""
        if self._drawn is None:
            self._drawn = click.progressbar(length=total or 0, label=self._label, file=sys.stderr, width=32)
            self._drawn.__enter__()
        self._drawn.update(done - self._drawn.pos)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn is not None:
            self._drawn.__exit__(kind, error, trace)
