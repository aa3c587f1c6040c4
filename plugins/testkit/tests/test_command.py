"""`modelplug check`."""

import json
import re

import pytest
from click.testing import CliRunner
from modelplug_testkit.command import check


def test_a_plugin_that_passes() -> None:
    """Every row and point is counted, listed with one sentence where that is asked for, and the status is 0."""
    done = CliRunner().invoke(check, ["v98store", "--strategy", "http", "-v"])
    assert done.exit_code == 0, done.output
    assert "ok   CQ-05-[DONE]-stream: the end without a finish reason" in done.output
    assert re.search(r"quirks +(\d+) of \1\n +faults +(\d+) of \2\n", done.output)


def test_a_plugin_that_listens() -> None:
    """One without models is loaded in a process of its own, and told of calls that end in each way."""
    done = CliRunner().invoke(check, ["metrics", "-v"])
    assert done.exit_code == 0, done.output
    assert "ok   listens" in done.output


@pytest.mark.model
def test_a_plugin_with_an_upstream_of_its_own() -> None:
    """Nothing is said to be proved of answers that do not come from the kit."""
    done = CliRunner().invoke(check, ["local"])
    assert done.exit_code == 0, done.output
    assert "no row was tried" in done.output


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
