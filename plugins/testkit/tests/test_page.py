"""docs/reference/rows.md, and the table that it is made from."""

import re

from modelplug_testkit.rows import ROWS

from plugins.testkit.tests.page import PAGE


def test_the_page_has_the_rows_of_the_table() -> None:
    """Each row stands there once, in order, with its sentence: those that were run, then the others."""
    written = re.findall(r"^\| (\S+) \| (.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    rows = [(row.id, row.what) for row in sorted(ROWS, key=lambda row: not row.cases)]
    assert [found for found in written if found[0] not in ("row", "|")] == rows


def test_ours_hold() -> None:
    """No cell of ours says anything but yes."""
    lines = [line.split(" | ") for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| (CQ|F)-", line)]
    assert [line[0] for line in lines if len(line) == 7 and line[3] and set(line[2:5]) != {"yes"}] == []
