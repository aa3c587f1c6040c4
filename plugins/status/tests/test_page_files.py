"""The files of the page, as they are shipped."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from modelplug_status.app import PAGE

DECISION = Path(__file__).parents[3] / "docs" / "decisions" / "0009-page.md"
OURS = sorted(path for path in PAGE.iterdir() if path.suffix in {".html", ".css", ".js"} and "uPlot" not in path.name)


def test_the_chart_library_is_the_one_that_was_decided_on() -> None:
    """Its files have the sums that the decision names, and its licence is there."""
    sums = dict(re.findall(r"`(uPlot\S+)` \| `([0-9a-f]{64})`", DECISION.read_text("utf-8")))
    assert sums == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in PAGE.glob("uPlot.*")
        if path.suffix != ".txt"
    }
    assert "MIT License" in (PAGE / "uPlot.LICENSE.txt").read_text("utf-8")


@pytest.mark.parametrize("path", OURS, ids=[path.name for path in OURS])
def test_a_file_needs_no_other_origin_and_writes_no_markup(path: Path) -> None:
    """No address elsewhere, no inline script or style, no text that becomes HTML."""
    text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    assert not re.search(r"<script>|<style|\son\w+=|\sstyle=", text)


def test_every_part_that_the_page_names_is_there() -> None:
    """Scripts, styles, pictures and imported modules are files of the folder, and no file is left over."""
    named = set(re.findall(r'(?:src|href)="page/([^"]+)"', (PAGE / "index.html").read_text("utf-8")))
    for module in PAGE.glob("*.js"):
        named |= set(re.findall(r'from "\./([^"]+)"', module.read_text("utf-8")))
    assert named | {"index.html", "uPlot.LICENSE.txt"} == {path.name for path in PAGE.iterdir()}
