"""What a member is when it is published: a wheel that says what it is."""

from __future__ import annotations

import os
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.workspace import ROOT, Distribution, distributions

MEMBERS = distributions()


@pytest.mark.parametrize("member", MEMBERS, ids=[member.name for member in MEMBERS])
def test_a_member_can_be_published(member: Distribution, tmp_path: Path) -> None:
    """Its wheel holds its sources, its types, its licence, and a page that begins with its name."""
    uv = os.environ.get("MODELPLUG_UV") or str(ROOT / ".bootstrap" / "uv")
    build = [uv, "build", "--quiet", "--offline", "--python", sys.executable, "--out-dir", str(tmp_path)]
    subprocess.run([*build, str(member.folder)], check=True, timeout=25)
    with ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        (about,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = message_from_bytes(wheel.read(about))
    assert {path.relative_to(member.folder / "src").as_posix() for path in member.sources} <= names
    assert {f"{member.package}/py.typed", about.replace("METADATA", "licenses/LICENSE")} <= names
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"].startswith("text/markdown")
    assert str(metadata.get_payload()).startswith(f"# {member.name}\n")
    assert str(metadata["Summary"]).endswith(".")
