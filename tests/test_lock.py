"""The lock file, and what must never be written into the tree."""

import re
import subprocess

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.workspace import ROOT, Distribution, distributions

MEMBERS = distributions()
EVERY_MEMBER = pytest.mark.parametrize("member", MEMBERS, ids=[member.name for member in MEMBERS])
INDEX_ADDRESS = re.compile(r"://[^\s'\"]*(?:pypi|pythonhosted|/simple\b)", re.IGNORECASE)


def _lock() -> str:
    return (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_the_lock_names_no_address() -> None:
    """The lock works with any package index, because it names none."""
    assert "://" not in _lock()


def test_every_locked_package_has_a_hash() -> None:
    """Each pin is followed by the hashes that the installer demands."""
    pins = [line for line in _lock().splitlines() if line[:1].isalnum()]
    assert pins
    assert [line for line in pins if not line.endswith("\\")] == []


def test_the_tree_names_no_package_index() -> None:
    """No file that git knows holds the address of a package index."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in files if path.is_file()}
    assert [str(path) for path, text in texts.items() if INDEX_ADDRESS.search(text)] == []


@EVERY_MEMBER
def test_the_lock_satisfies_every_member(member: Distribution) -> None:
    """Each dependency of a member is locked within its bounds; if not: `./run lock`."""
    pins = [Requirement(line.removesuffix("\\")) for line in _lock().splitlines() if line[:1].isalnum()]
    versions = {(canonicalize_name(pin.name), str(pin.specifier).removeprefix("==")) for pin in pins}
    ours = {other.name for other in MEMBERS}
    unmet = [
        str(need)
        for need in member.requirements
        if need.name not in ours
        and not any(name == canonicalize_name(need.name) and need.specifier.contains(v) for name, v in versions)
    ]
    assert unmet == []
