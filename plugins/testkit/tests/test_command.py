"""`modelplug check`."""

import json

from click.testing import CliRunner
from modelplug_testkit.command import check


def test_a_plugin_that_passes() -> None:
    """Every row and point is listed with one sentence, and the status is 0."""
    done = CliRunner().invoke(check, ["v98store", "--strategy", "http"])
    assert done.exit_code == 0, done.output
    assert "ok   CQ-05-[DONE]-stream: the end without a finish reason" in done.output


def test_json() -> None:
    """The same for programs."""
    done = CliRunner().invoke(check, ["v98store", "--strategy", "http", "--json"])
    rows = json.loads(done.stdout)
    assert {"id", "what", "expected", "seen", "problems", "passed", "unmet"} <= rows[0].keys()
    assert all(row["passed"] for row in rows)


def test_a_plugin_that_is_not_there() -> None:
    """The error names it."""
    done = CliRunner().invoke(check, ["nowhere"])
    assert done.exit_code == 1
    assert "nowhere" in str(done.exception)
