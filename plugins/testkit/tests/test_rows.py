"""The table of rows, and what the kit makes of plugins that do not keep to it."""

import re

import pytest
from modelplug import Call, Hooks, hookimpl
from modelplug.testing import FakePlugin
from modelplug_testkit.contract import POINTS, check
from modelplug_testkit.rows import ROWS
from modelplug_testkit.run import run, trials
from modelplug_testkit.subject import Subject

from tests.workspace import ROOT

IDS = [row.id for row in ROWS]
CLAIMS = ("chat", "stream", "tools", "embeddings")


def test_every_quirk_and_every_fault_has_its_row() -> None:
    """CQ-01 to CQ-73 and F-1 to F-61, each once."""
    assert len(set(IDS)) == len(IDS)
    assert {f"CQ-{n:02}" for n in range(1, 74)} | {f"F-{n}" for n in range(1, 62)} <= set(IDS)


def test_every_row_is_proved_or_says_that_it_is_not() -> None:
    """A row has cases, or names where it is proved."""
    for row in ROWS:
        assert bool(row.cases) != bool(row.elsewhere)
        if (found := re.match(r"[\w/]+\.py", row.elsewhere)) is not None:
            assert (ROOT / found[0]).is_file()
        elif re.match(r"(CQ|F)-", row.elsewhere):
            assert row.elsewhere in IDS


def test_every_trial_has_its_own_name() -> None:
    """No verdict is lost under another's."""
    names = [trial.id for trial in trials(claims=CLAIMS)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("claim", ["chat", "stream", "tools", "embeddings"])
async def test_a_claim_without_its_proof_fails(claim: str) -> None:
    """A strategy that says the same whatever the upstream sends passes for nothing that it claims."""
    proof = [row for row in ROWS if any(case.claim == claim for case in row.cases)]
    lying = Subject(model="fake/one", claims={claim, "stream"}, plugins=(FakePlugin(),))
    verdicts = await run(lying, proof)
    assert verdicts
    assert not any(verdict.passed for verdict in verdicts.values())


async def test_a_broken_contract_is_told() -> None:
    """A strategy that never calls its upstream keeps no key and no tenant apart."""
    lying = Subject(model="fake/one", claims={"chat"}, plugins=(FakePlugin(),))
    verdicts = await check(lying, [point for point in POINTS if point.id in ("tenants", "models")])
    assert not verdicts["tenants"].passed
    assert verdicts["models"].passed


async def test_a_listener_that_raises_is_told() -> None:
    """By its name and the hook."""

    class Broken(Hooks):
        @hookimpl
        def call_finished(self, call: Call) -> None:
            raise ValueError("no")

    point = next(point for point in POINTS if point.id == "listens")
    verdicts = await check(Subject(claims=(), plugins=(Broken(),)), [point])
    assert any("'broken'" in problem and "call_finished" in problem for problem in verdicts["listens"].problems)
