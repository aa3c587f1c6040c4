"""The test class that a plugin's author derives from: every row and every point of the contract is a test."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from modelplug_testkit import contract
from modelplug_testkit.rows import ROWS
from modelplug_testkit.run import Verdict, run, trials
from modelplug_testkit.subject import Subject


class Kit:
    """Runs the rows and the contract against a plugin. Derive from it and say what is to be tested:

        class TestAcme(Kit):
            model = "acme/anvil-large"
            claims = {"chat", "stream", "tools"}

    `model` is a name of one of its models, `embedding_model` of the one for embeddings. `claims` are "chat", "stream",
    "tools", "embeddings". The installed plugins are loaded, or `plugins` are plugged in. `settings` are further
    settings of the provider, such as its strategy. Key and base are the kit's.
    """

    model: ClassVar[str] = ""
    claims: ClassVar[set[str]] = set()
    embedding_model: ClassVar[str | None] = None
    plugins: ClassVar[tuple[Any, ...]] = ()
    settings: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def subject(cls) -> Subject:
        """What is under test, as data."""
        return Subject(
            model=cls.model,
            claims=cls.claims,
            embedding_model=cls.embedding_model,
            plugins=cls.plugins,
            settings=cls.settings,
        )

    @pytest.fixture(scope="class")
    @classmethod
    def verdicts(cls) -> dict[str, Verdict]:
        """All verdicts: the rows are run together, for they wait more than they work."""
        subject = cls.subject()

        async def all_of_it() -> dict[str, Verdict]:
            return {**await run(subject), **await contract.check(subject)}

        return asyncio.run(all_of_it())

    def test_row(self, modelplug_row: str, verdicts: dict[str, Verdict]) -> None:
        """What the upstream of this row sends is told as it is."""
        _assert(verdicts[modelplug_row])

    def test_contract(self, modelplug_point: str, verdicts: dict[str, Verdict]) -> None:
        """The plugin keeps this point of the contract."""
        _assert(verdicts[modelplug_point])


def ids(kit: type[Kit], fixture: str) -> list[str]:
    """The rows or points that concern this plugin, for pytest's parameters."""
    if fixture == "modelplug_row":
        return [trial.id for trial in trials(ROWS, claims=kit.claims)]
    return [point.id for point in contract.POINTS if contract.wanted(point, kit.subject())]


def _assert(verdict: Verdict) -> None:
    if verdict.problems:
        wrong = "\n".join(f"  - {problem}" for problem in verdict.problems)
        said = f"{verdict.id}: {verdict.what}\n{wrong}\nexpected: {verdict.expected}\nseen: {verdict.seen}"
        if verdict.unmet:
            pytest.xfail(f"{verdict.unmet}\n{said}")
        pytest.fail(said, pytrace=False)
