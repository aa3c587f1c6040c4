"""What installed distributions offer by entry points, found without `importlib.metadata`.

That module brings parsers of mail, archives and sockets: a fifth of what loading a board cost. It is asked where
something may be installed in another way than as a folder with a `.dist-info` or `.egg-info` in it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

_VALUE = re.compile(r"(?P<module>[\w.]+)\s*(:\s*(?P<attr>[\w.]+)\s*)?(\[.*\]\s*)?$")
_FOLDERS = (".dist-info", ".egg-info")


class EntryPoint:
    """A name in a group, what it stands for, and the distribution that says so. `version` is None where it has none."""

    __slots__ = ("distribution", "name", "value", "version")

    def __init__(self, name: str, value: str, *, distribution: str | None, version: str | None) -> None:
        self.name = name
        self.value = value
        self.distribution = distribution
        self.version = version

    def load(self) -> Any:
        """What it names, imported. Raises whatever the import raises, and ValueError where it names nothing."""
        match = _VALUE.match(self.value)
        if match is None:
            raise ValueError(f"entry point {self.name!r} names {self.value!r}, which is no module:attribute")
        found: Any = import_module(match["module"])
        for name in filter(None, (match["attr"] or "").split(".")):
            found = getattr(found, name)
        return found


def entry_points(group: str) -> list[EntryPoint]:
    """The entry points of a group. Of two copies of a distribution the one that is imported counts."""
    return list(_read(group)) if _all_in_folders() else _asked(group)


def _all_in_folders() -> bool:
    """Whether everything that can be imported lies in plain folders, as far as distributions are concerned."""
    finders = (finder for finder in sys.meta_path if hasattr(finder, "find_distributions"))
    return all(getattr(finder, "__name__", "") == "PathFinder" for finder in finders) and not any(
        path.lower().endswith(".egg") or Path(path).is_file() for path in sys.path
    )


def _read(group: str) -> Iterator[EntryPoint]:
    seen = set()
    for path in dict.fromkeys(sys.path):
        try:
            entries = [entry for entry in os.scandir(path or ".") if entry.name.lower().endswith(_FOLDERS)]
        except OSError:
            continue
        for entry in entries:
            name = re.sub(r"[-_.]+", "-", entry.name.rpartition(".")[0].partition("-")[0]).lower()
            if name not in seen:
                seen.add(name)
                yield from _of(entry.path, group)


def _of(folder: str, group: str) -> Iterator[EntryPoint]:
    text = _text(folder, "entry_points.txt")
    if f"[{group}]" not in text:
        return
    facts = _facts(_text(folder, "METADATA") or _text(folder, "PKG-INFO"))
    section = None
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line.strip("[]")
        elif section == group and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield EntryPoint(
                name.strip(),
                value.strip(),
                distribution=facts.get("Name"),
                version=facts.get("Version"),
            )


def _text(folder: str, name: str) -> str:
    try:
        with open(f"{folder}/{name}", encoding="utf-8") as file:  # noqa: PTH123  # hundreds in every start
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""


def _facts(metadata: str) -> dict[str, str]:
    """The fields of one line at the head of a METADATA file."""
    facts: dict[str, str] = {}
    for line in metadata.splitlines():
        if not line:
            break
        name, found, value = line.partition(":")
        if found:
            facts.setdefault(name, value.strip())
    return facts


def _asked(group: str) -> list[EntryPoint]:
    from importlib import metadata

    return [
        EntryPoint(
            point.name,
            point.value,
            distribution=None if facts is None else facts["Name"],
            version=None if facts is None else facts["Version"],
        )
        for point in metadata.entry_points(group=group)
        for facts in [point.dist.metadata if point.dist else None]  # read once: each look parses the file again
    ]
