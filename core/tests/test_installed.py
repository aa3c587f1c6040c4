"""Entry points, found in the folders of distributions."""

import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from modelplug._installed import EntryPoint, entry_points


def put(folder: Path, points: str, *, facts: str = "Name: Acme\nVersion: 1\n", info: str = "acme-1.dist-info") -> None:
    place = folder / info
    place.mkdir(parents=True)
    (place / "entry_points.txt").write_text(points)
    (place / ("PKG-INFO" if info.endswith("egg-info") else "METADATA")).write_text(facts)


def shown(points: list[EntryPoint]) -> list[tuple[str, str, str | None, str | None]]:
    return sorted((point.name, point.value, point.distribution, point.version) for point in points)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    folders = [tmp_path / "first", tmp_path / "second"]
    monkeypatch.setattr(sys, "path", [*map(str, folders), *sys.path])
    # a library that brings its own importlib_metadata may be imported by now, and would be asked
    monkeypatch.setattr(sys, "meta_path", [f for f in sys.meta_path if not hasattr(f, "find_distributions")])
    return folders


@pytest.mark.parametrize("group", ["modelplug", "modelplug.commands", "console_scripts", "pytest11", "no.such.group"])
def test_they_are_those_of_the_standard_library(group: str) -> None:
    """Of all that is installed here, importlib.metadata finds the same."""
    theirs = [
        (point.name, point.value, point.dist and point.dist.metadata["Name"], point.dist and point.dist.version)
        for point in metadata.entry_points(group=group)
    ]
    assert shown(entry_points(group)) == sorted(theirs)


def test_the_first_copy_counts(folders: list[Path]) -> None:
    """Of a distribution that is there twice, however its name is written, the one that is imported is read."""
    put(folders[0], "[g]\na = one:A\n", info="ac_me-1.dist-info", facts="Name: ac.me\nVersion: 1\n")
    put(folders[1], "[g]\nb = two:B\n", info="Ac.Me-2.dist-info", facts="Name: ac.me\nVersion: 2\n")
    assert shown(entry_points("g")) == [("a", "one:A", "ac.me", "1")]


def test_a_file_as_people_write_it(folders: list[Path]) -> None:
    """Comments, blanks, other groups and lines that say nothing are passed over; an egg's folder is as good."""
    text = "x = before:any\n[other]\nb = no:B\n\n  [g]\n# c = no:C\n a=one : A.B [extra]\nnothing\n[other]\nd = no:D\n"
    put(folders[0], text, info="acme.egg-info")
    (point,) = entry_points("g")
    assert (point.name, point.value, point.distribution) == ("a", "one : A.B [extra]", "Acme")


def test_what_cannot_be_read_is_no_distribution(folders: list[Path]) -> None:
    """A folder without facts, a file in place of a folder and a text that is none end nothing."""
    put(folders[0], "[g]\na = one\n", facts="")
    (folders[0] / "file-1.dist-info").write_text("")
    put(folders[0], "", info="torn-1.dist-info")
    (folders[0] / "torn-1.dist-info" / "entry_points.txt").write_bytes(b"[g]\n\xff = one\n")
    assert shown(entry_points("g")) == [("a", "one", None, None)]


def test_archives_are_left_to_the_standard_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an archive among the places to import from, what it offers is found too."""
    archive = tmp_path / "acme.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("acme-1.dist-info/entry_points.txt", "[g]\na = one:A\n")
        file.writestr("acme-1.dist-info/METADATA", "Name: Acme\nVersion: 1\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(archive)])
    assert shown(entry_points("g")) == [("a", "one:A", "Acme", "1")]


def test_loading_gives_what_is_named() -> None:
    """A module, or something within it; a value that names nothing says so."""
    assert EntryPoint("a", "modelplug._installed", distribution=None, version=None).load().entry_points is entry_points
    inner = EntryPoint("a", "modelplug._installed : EntryPoint.load [x]", distribution=None, version=None)
    assert inner.load() is EntryPoint.load
    with pytest.raises(ValueError, match=r"'a' names 'one:', which is no module:attribute"):
        EntryPoint("a", "one:", distribution=None, version=None).load()
