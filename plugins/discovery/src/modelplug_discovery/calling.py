"""Makes tiny calls as further steps of a look at a provider, and says what to do where one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from modelplug import (
    AuthFailed,
    BadRequest,
    EmptyReply,
    Model,
    ModelNotFound,
    ModelplugError,
    QuotaExhausted,
    RateLimited,
    Switchboard,
)

from modelplug_discovery.steps import Step, said_of
from modelplug_discovery.tiny import Planned, Tried, Untrue


def called(board: Switchboard, plan: Iterable[Planned]) -> Iterator[Step]:
    """Makes the calls, one after another; they depend on nothing of each other, so each is made."""
    for planned in plan:
        tiny, model = planned.tiny, planned.model
        try:
            tried = asyncio.run(_called(board, planned))
        except Untrue as error:
            yield Step(
                name=tiny.name, ok=False, said=str(error), next_step=_untrue(board, model, tiny.needs), model=model.id
            )
        except ModelplugError as error:
            said, step = said_of(error), _after(board, error, planned)
            yield Step(name=tiny.name, ok=False, said=said, next_step=step, model=model.id)
        else:
            cost = None if tried.call is None else tried.call.cost
            yield Step(name=tiny.name, ok=True, said=tried.said, model=model.id, cost=cost)


async def _called(board: Switchboard, planned: Planned) -> Tried:
    async with board:
        return await planned.tiny.tried(board, planned.model)


def _after(board: Switchboard, error: ModelplugError, planned: Planned) -> str:
    """What to do after a call that failed."""
    model, needs = planned.model, planned.tiny.needs
    if isinstance(error, ModelNotFound) or getattr(error, "code", None) == "masked":
        return f"Look at the provider's list for the exact name; {board.route(model)[0]!r} was sent."
    if isinstance(error, AuthFailed):
        return "Look at the key, and whether it may use this model."
    if isinstance(error, QuotaExhausted):
        return "Look at the account at the provider."
    if isinstance(error, RateLimited):
        return "Wait a little, then try again."
    if isinstance(error, BadRequest | EmptyReply) and needs != "chat":
        return _untrue(board, model, needs)
    return f"The message says why; `modelplug chat -vv -m {model.id}` shows each step of a call."


def _untrue(board: Switchboard, model: Model, needs: str) -> str:
    """How to say that a model cannot do what it is said to be able to do."""
    left = ", ".join(f'"{word}"' for word in sorted(model.capabilities - {needs}))
    wire_name = board.route(model)[0]
    return (
        f'If it cannot, take "{needs}" out of its capabilities: under [providers.{model.provider}] '
        f'models = [{{ id = "{wire_name}", capabilities = [{left}] }}].'
    )
