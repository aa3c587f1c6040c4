"""Budget: a tenant that has spent its US dollars is refused before the call.

[budget]
usd = 20            # for each tenant and period; without it only the tenants below have a budget
unknown_cost = 0.05 # what a call counts whose cost is not known; there is no default: 0 is a decision too
period = "month"    # or "day", or "ever"; by UTC

[budget.tenants]
blue = 100
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Mapping, MutableMapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from modelplug import (
    Call,
    Chunk,
    ConfigError,
    Embeddings,
    Hooks,
    Layer,
    Model,
    QuotaExhausted,
    Reply,
    Request,
    Settings,
    Strategy,
    Table,
    hookimpl,
)

__all__ = ["Account", "Budget", "BudgetSpent"]

Account = tuple[str, str]
"""A tenant and a period, such as ("blue", "2026-11")."""

PERIODS: Mapping[str, str] = {"day": "%Y-%m-%d", "month": "%Y-%m", "ever": "ever"}


class BudgetSpent(QuotaExhausted):
    """The tenant has spent its budget; the call was not made. `spent` and `budget` are US dollars."""

    kind = "budget"

    def __init__(self, *, period: str, spent: Decimal, budget: Decimal) -> None:
        said = f"this tenant has spent ${spent:.4f} of its budget of ${budget:f} ({period})"
        super().__init__(f"{said}; raise it under [budget], or wait for the next period")
        self.spent = spent
        self.budget = budget


class Budget(Hooks):
    """Keeps the accounts. `spent` is where: a dict of this process, or any mapping that outlives it.

    A call counts when it is over, at `Call.cost`, so calls that are under way together may exceed the budget by what
    they cost. A call without a tenant has no budget.
    """

    def __init__(
        self,
        spent: MutableMapping[Account, Decimal] | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.spent: MutableMapping[Account, Decimal] = {} if spent is None else spent
        self._now = now
        self._unknown = Decimal(0)
        self._format = PERIODS["month"]

    @hookimpl(wrapper=True)
    def select_strategy(self, model: Model, settings: Settings) -> Generator[None, Strategy | None, Strategy | None]:
        """The selected strategy behind the budget, where the settings have one."""
        inner = yield
        table = settings.table("budget")
        each, tenants = _dollars(table, "usd"), _tenants(table)
        if inner is None or (each is None and not tenants):
            return inner
        unknown, period = _dollars(table, "unknown_cost"), str(table.get("period", "month"))
        if unknown is None:
            raise ConfigError("budget, unknown_cost", "is not set", "Say how many US dollars such a call counts, or 0.")
        if period not in PERIODS:
            raise ConfigError("budget, period", "is none", f"Write one of {', '.join(PERIODS)}.")
        self._unknown, self._format = unknown, PERIODS[period]
        return Budgeted(inner, lambda tenant: self.check(tenant, tenants.get(tenant, each)))

    @hookimpl
    def call_finished(self, call: Call) -> None:
        """Count what the call cost; one that failed without a known cost counts nothing."""
        if call.tenant is None or (call.cost is None and call.outcome == "failed" and call.first_chunk is None):
            return
        account = self.account(call.tenant)
        self.spent[account] = self.spent.get(account, Decimal(0)) + (self._unknown if call.cost is None else call.cost)

    def account(self, tenant: str) -> Account:
        """The account that the tenant uses now."""
        return tenant, self._now().strftime(self._format)

    def check(self, tenant: str, budget: Decimal | None) -> None:
        """Raises BudgetSpent when nothing is left."""
        account = self.account(tenant)
        spent = self.spent.get(account, Decimal(0))
        if budget is not None and spent >= budget:
            raise BudgetSpent(period=account[1], spent=spent, budget=budget)


class Budgeted(Layer):
    """Asks before each call."""

    def __init__(self, inner: Strategy, check: Callable[[str], None]) -> None:
        super().__init__(inner)
        self._check = check

    async def complete(self, request: Request) -> Reply:
        self._ask(request)
        return await super().complete(request)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self._ask(request)
        chunks = super().stream(request)
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    async def embed(self, request: Request) -> Embeddings:
        self._ask(request)
        return await super().embed(request)

    def _ask(self, request: Request) -> None:
        if request.tenant is not None:
            self._check(request.tenant)


def _dollars(table: Table, option: str) -> Decimal | None:
    number = table.number(option)
    if number is None:
        return None
    if number < 0:
        raise ConfigError(f"budget, {option}", "is less than 0", "Write US dollars.")
    return Decimal(str(number))


def _tenants(table: Table) -> Mapping[str, Decimal]:
    names: Any = table.get("tenants", {})
    if not isinstance(names, Mapping):
        raise ConfigError("budget, tenants", "is not a table", "Write [budget.tenants] and below it name = dollars.")
    own = table.settings.table("budget", "tenants")
    return {name: dollars for name in names if (dollars := _dollars(own, name)) is not None}
