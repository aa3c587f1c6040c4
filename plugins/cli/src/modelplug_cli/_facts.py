"""What is known of one model. What is unknown is said to be."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

from modelplug import ConfigError, Model, ModelplugError, Switchboard

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
    """Everything that is known of a model, how calls to it travel, and whether one can be made."""
    missing = _missing(board, model)
    try:
        wire_name, strategy = board.route(model)
    except ModelplugError as error:
        wire_name, strategy, missing = None, None, str(error)
    if as_json:
        more = {"wire_name": wire_name, "strategy": strategy, "ready": missing is None, "missing": missing}
        print_json({**facts(board, model), **more, "listed": listed(board, model)})
        return
    prices, when = model.prices, listed(board, model)
    rows = [
        ("id", model.id),
        ("name", model.name),
        ("aliases", ", ".join(model.aliases) or "none"),
        ("provider", model.provider),
        ("brought by", f"plugin {board.catalog.owner(model.id)}"),
        *([] if when is None else [("listed", f"by the provider on {when}")]),
        ("name on the wire", wire_name or "unknown"),
        ("strategy", strategy or "none"),
        ("can", ", ".join(sorted(model.capabilities)) or "unknown"),
        ("context window", _known_tokens(model.context_window)),
        ("longest answer", _known_tokens(model.max_output)),
        ("price in", _known_price(prices.input)),
        ("price out", _known_price(prices.output)),
        ("price cached in", _known_price(prices.cached_input)),
        ("price cache write", _known_price(prices.cache_write)),
        ("can be called", "yes" if missing is None else f"no: {missing}"),
    ]
    print_table(("", ""), rows, fold=True)


def listed(board: Switchboard, model: Model) -> str | None:
    """When the provider's list of models was fetched, where one is kept."""
    fetched = getattr(board.plugin("discovery"), "fetched", None)
    date = None if fetched is None else fetched(board.settings.provider(model.provider))
    return None if date is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(date))


def tokens(count: int | None) -> str:
    """A number of tokens in a table: 8.2k, 128k, 1.05M."""
    if count is None:
        return "?"
    if count < 1_000:
        return str(count)
    return f"{count / 1_000:.3g}k" if count < 999_500 else f"{count / 1_000_000:.3g}M"


def price(amount: Decimal | None) -> str:
    """Dollars a million tokens in a table."""
    return "?" if amount is None else f"{amount:.4g}"


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
