"""The budget on a board: who is refused, what counts, and what must be decided."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from modelplug import (
    CallFailed,
    ConfigError,
    Credentials,
    Model,
    Prices,
    QuotaExhausted,
    Reply,
    Request,
    Settings,
    Switchboard,
    Unavailable,
)
from modelplug.testing import FakePlugin, FakeStrategy, chunks_of, reply_of
from modelplug_layers.budget import Budget, BudgetSpent
from modelplug_layers.cache import Caching

HELLO = [{"role": "user", "content": "hello"}]
DEAR = Prices(input=Decimal(100_000), output=Decimal(100_000))
"""The fake's five tokens cost half a dollar."""


def board_with(
    budget: Budget, strategy: FakeStrategy, *, prices: Prices = DEAR, **table: Any
) -> tuple[Switchboard, FakeStrategy]:
    settings = Settings(argument={"budget": {"unknown_cost": 0, **table}}, environment={})
    board = Switchboard(settings=settings, credentials_for=lambda provider, tenant: Credentials())
    board.add(FakePlugin(Model(id="fake/one", provider="fake", requires=(), prices=prices), strategy=strategy))
    board.add(budget)
    return board, strategy


async def said(board: Switchboard, tenant: str | None) -> str:
    reply = await board.complete("fake/one", HELLO, tenant=tenant)
    assert board.flush()
    return reply.text


async def test_a_tenant_that_has_spent_its_budget_is_refused_before_the_call() -> None:
    """Half a dollar a call: the third is refused, whole or streamed, and nothing goes to the strategy."""
    budget = Budget()
    board, strategy = board_with(budget, FakeStrategy(), usd=1)
    for _ in range(2):
        assert await said(board, "blue") == "hello there"
    with pytest.raises(BudgetSpent) as caught:
        await said(board, "blue")
    assert (caught.value.spent, caught.value.budget, caught.value.kind) == (Decimal(1), Decimal(1), "budget")
    error: CallFailed = caught.value
    assert isinstance(error, QuotaExhausted)
    assert not error.retryable
    with pytest.raises(BudgetSpent):
        async with board.stream("fake/one", HELLO, tenant="blue") as chunks:
            async for _ in chunks:
                pass
    with pytest.raises(BudgetSpent):
        await board.embed("fake/one", "hello", tenant="blue")
    assert len(strategy.requests) == 2
    board.flush()
    assert list(budget.spent.values()) == [Decimal(1)]


async def test_tenants_do_not_share_a_budget() -> None:
    """One may have a budget of its own, and who is no tenant has none."""
    board, _ = board_with(Budget(), FakeStrategy(), usd=0.5, tenants={"green": 1})
    assert [await said(board, tenant) for tenant in ("blue", "green", "green", None, None)]
    for tenant in ("blue", "green"):
        with pytest.raises(BudgetSpent):
            await said(board, tenant)
    assert await said(board, None)


async def test_what_a_stream_costs_counts() -> None:
    """Its usage comes with its last chunk."""
    budget = Budget()
    board, _ = board_with(budget, FakeStrategy(), usd=1)
    async with board.stream("fake/one", HELLO, tenant="blue") as chunks:
        assert [chunk.text async for chunk in chunks]
    board.flush()
    assert budget.spent[budget.account("blue")] == Decimal("0.5")


@pytest.mark.parametrize(("unknown", "calls"), [(0.25, 4), (0.5, 2)])
async def test_a_call_of_unknown_cost_counts_what_the_settings_say(unknown: float, calls: int) -> None:
    """A model without prices is not free."""
    board, _ = board_with(Budget(), FakeStrategy(), prices=Prices(), usd=1, unknown_cost=unknown)
    for _ in range(calls):
        await said(board, "blue")
    with pytest.raises(BudgetSpent):
        await said(board, "blue")


async def test_a_stream_that_was_left_counts_and_a_failure_without_an_answer_does_not() -> None:
    """What came of the stream was made by the provider; of the failure nothing came."""
    budget = Budget()
    board, strategy = board_with(budget, FakeStrategy(chunks=chunks_of("a b c")), usd=1, unknown_cost=0.25)
    async with board.stream("fake/one", HELLO, tenant="blue") as chunks:
        await anext(chunks)
    strategy.error = Unavailable("down")
    with pytest.raises(Unavailable):
        await said(board, "blue")
    board.flush()
    assert budget.spent[budget.account("blue")] == Decimal("0.25")


async def test_a_call_that_was_cancelled_counts() -> None:
    """Nobody knows what the provider had done by then."""

    class Slow(FakeStrategy):
        async def complete(self, request: Request) -> Reply:
            await asyncio.sleep(5)
            return reply_of()

    budget = Budget()
    board, _ = board_with(budget, Slow(), usd=1, unknown_cost=0.25)
    task = asyncio.create_task(said(board, "blue"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    board.flush()
    assert budget.spent[budget.account("blue")] == Decimal("0.25")


async def test_what_comes_from_a_cache_spends_nothing() -> None:
    """A tenant asks twice and pays once."""
    settings = Settings(argument={"budget": {"usd": 1, "unknown_cost": 0.5}, "cache": {"seconds": 60}}, environment={})
    board = Switchboard(settings=settings, credentials_for=lambda provider, tenant: Credentials())
    board.add(FakePlugin())
    budget = Budget()
    for plugin in (budget, Caching()):
        board.add(plugin)
    for _ in range(2):
        await said(board, "blue")
    assert budget.spent[budget.account("blue")] == Decimal("0.5")


async def test_a_new_period_is_a_new_account_and_accounts_may_outlive_the_process() -> None:
    """The mapping that the host gave has the past; the clock says which account is used."""
    days = [datetime(2026, 11, 30, tzinfo=UTC)]
    spent = {("blue", "2026-11"): Decimal(1)}
    board, _ = board_with(Budget(spent, now=lambda: days[-1]), FakeStrategy(), usd=1)
    with pytest.raises(BudgetSpent, match="2026-11"):
        await said(board, "blue")
    days.append(datetime(2026, 12, 1, tzinfo=UTC))
    assert await said(board, "blue")
    assert spent[("blue", "2026-12")] == Decimal("0.5")


async def test_it_sleeps_without_a_setting() -> None:
    """Installed and not asked for, it is no layer and no account grows without end."""
    board, _ = board_with(Budget(), FakeStrategy(), unknown_cost=None)
    assert await said(board, "blue")


@pytest.mark.parametrize(
    ("table", "setting"),
    [
        ({"usd": 1, "unknown_cost": None}, "unknown_cost"),
        ({"usd": -1}, "usd"),
        ({"usd": "much"}, "usd"),
        ({"usd": 1, "period": "week"}, "period"),
        ({"tenants": "blue"}, "tenants"),
    ],
)
async def test_a_setting_that_is_wrong_is_named(table: dict[str, Any], setting: str) -> None:
    """The error names it, and no call is made under a budget that nobody understands."""
    board, strategy = board_with(Budget(), FakeStrategy(), **table)
    with pytest.raises(ConfigError, match=setting):
        await said(board, "blue")
    assert strategy.requests == []
