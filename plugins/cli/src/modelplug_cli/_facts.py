"""What is known of one model. What is unknown is said to be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from modelplug import ConfigError, Model, Switchboard

from modelplug_cli._output import print_json, print_table
from modelplug_cli._summary import dollars


def facts(board: Switchboard, model: Model) -> dict[str, Any]:
    """A model's record with the plugin that brought it, for JSON."""
    import attrs

    return {
        **attrs.asdict(model),
        "prices": attrs.asdict(model.prices),
        "plugin": board.catalog.owner(model.id),
    }


def print_facts(board: Switchboard, model: Model, *, as_json: bool) -> None:
    """Everything that is known of a model, and whether it can be called."""
    missing = _missing(board, model)
    if as_json:
        more = {"ready": missing is None, "missing": missing}
        strategy = board.settings.provider(model.provider).strategy
        print_json({**facts(board, model), "strategy": strategy, **more})
        return
    prices = model.prices
    rows = [
        ("id", model.id),
        ("name", model.name),
        ("aliases", ", ".join(model.aliases) or "none"),
        ("provider", model.provider),
        ("brought by", f"plugin {board.catalog.owner(model.id)}"),
        ("strategy", board.settings.provider(model.provider).strategy or "whichever plugin claims it"),
        ("can", ", ".join(sorted(model.capabilities)) or "unknown"),
        ("context window", _known_tokens(model.context_window)),
        ("longest answer", _known_tokens(model.max_output)),
        ("price in", _known_price(prices.input)),
        ("price out", _known_price(prices.output)),
        ("price cached in", _known_price(prices.cached_input)),
        ("price cache write", _known_price(prices.cache_write)),
        ("can be called", "yes" if missing is None else f"no: {missing}"),
    ]
    print_table(("", ""), rows)


def tokens(count: int | None) -> str:
    """A number of tokens in a table."""
    return "?" if count is None else f"{count:,}"


def price(amount: Decimal | None) -> str:
    """Dollars a million tokens in a table."""
    return "?" if amount is None else dollars(amount)


def _known_tokens(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,} tokens"


def _known_price(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"${dollars(amount)} a million tokens"


def _missing(board: Switchboard, model: Model) -> str | None:
    """What stands in the way of a call; None when nothing does."""
    if board.ready(model):
        return None
    provider = board.settings.provider(model.provider)
    try:
        credentials = provider.credentials()
    except ConfigError as error:
        return str(error)
    of_credentials = {"api_key": credentials.api_key, "api_base": credentials.api_base}
    absent = [option for option in model.requires if of_credentials.get(option) is None and not provider.get(option)]
    return f"{' and '.join(provider.variable(option) for option in absent)} not set"
