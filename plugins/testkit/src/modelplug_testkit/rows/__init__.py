"""The one table of rows: tests, the command `modelplug check` and the documentation read it."""

from __future__ import annotations

import re

from modelplug_testkit.rows.elsewhere import ELSEWHERE
from modelplug_testkit.rows.endings import ENDINGS
from modelplug_testkit.rows.errors import ERRORS
from modelplug_testkit.rows.framing import FRAMING
from modelplug_testkit.rows.reasoning import REASONING
from modelplug_testkit.rows.row import Answered, Case, Failed, Row, Way
from modelplug_testkit.rows.tools import TOOL_ROWS
from modelplug_testkit.rows.transport import TRANSPORT
from modelplug_testkit.rows.usage import USAGE_ROWS

__all__ = ["ROWS", "Answered", "Case", "Failed", "Row", "Way"]


def _place(row: Row) -> tuple[str, int]:
    found = re.fullmatch(r"(CQ|F)-(\d+)", row.id)
    return (found[1], int(found[2])) if found else ("", 0)


ROWS: tuple[Row, ...] = tuple(
    sorted((*FRAMING, *ENDINGS, *ERRORS, *USAGE_ROWS, *TOOL_ROWS, *REASONING, *TRANSPORT, *ELSEWHERE), key=_place)
)
