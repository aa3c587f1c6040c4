"""The endpoints that answer JSON, each a function of the view and the parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.datastructures import QueryParams

from modelplug_status.envelope import Parameters
from modelplug_status.view import WINDOWS, Json, View, failure

Answer = Callable[[View, QueryParams], Json]
HOUR = 3600.0
MOST_FAILURES = 1_000


def health(view: View, query: QueryParams) -> Json:
    """`/api/llm/health`."""
    Parameters(query).done()
    return view.health(view.snapshot())


def providers(view: View, query: QueryParams) -> Json:
    """`/api/llm/metrics/providers?window=`."""
    window = _window(query)
    return {"window": window, "rows": view.rows(view.snapshot().providers, window, "provider")}


def strategies(view: View, query: QueryParams) -> Json:
    """`/api/llm/metrics/strategies?window=`."""
    window = _window(query)
    return {"window": window, "rows": view.rows(view.snapshot().strategies, window, "strategy")}


def models(view: View, query: QueryParams) -> Json:
    """`/api/llm/metrics/models?window=&provider=`."""
    parameters = Parameters(query)
    window, provider = parameters.choice("window", tuple(WINDOWS), "all"), parameters.text("provider")
    parameters.done()
    rows = [row for row in view.snapshot().models if provider in (None, row.provider)]
    return {"window": window, "rows": view.rows(rows, window, "provider", "model")}


def failures(view: View, query: QueryParams) -> Json:
    """`/api/llm/metrics/failures?hours=&provider=&kind=&limit=`."""
    parameters = Parameters(query)
    hours = parameters.whole("hours", default=24, most=168)
    provider, kind = parameters.text("provider"), parameters.text("kind")
    limit = parameters.whole("limit", default=100, most=MOST_FAILURES)
    parameters.done()
    snapshot = view.snapshot()
    rows = [
        failed
        for failed in snapshot.failures
        if failed.at >= snapshot.taken - hours * HOUR
        and provider in (None, failed.provider)
        and kind in (None, failed.kind)
    ]
    return {"hours": hours, "total": len(rows), "rows": [failure(failed) for failed in rows[:limit]]}


def history(view: View, query: QueryParams) -> Json:
    """`/api/llm/metrics/history?minutes=`."""
    parameters = Parameters(query)
    minutes = parameters.whole("minutes", default=60, most=60)
    parameters.done()
    return view.history(view.snapshot(hour=True), minutes)


def alerts(view: View, query: QueryParams) -> Json:
    """`/api/llm/alerts`."""
    Parameters(query).done()
    return view.metrics.alerts.as_json()


def selector(view: View, query: QueryParams) -> Json:
    """`/api/llm/models?search=&provider=&capability=&all=`."""
    parameters = Parameters(query)
    words = (parameters.text("search") or "").lower().split()
    provider, capability = parameters.text("provider"), parameters.text("capability")
    everything = parameters.flag("all")
    parameters.done()
    return {
        "models": [
            shown
            for model, shown in view.models(everything=everything)
            if provider in (None, model.provider)
            and (capability is None or capability in model.capabilities)
            and all(word in " ".join((model.id, model.name, *model.aliases)).lower() for word in words)
        ]
    }


def _window(query: QueryParams) -> str:
    parameters = Parameters(query)
    window = parameters.choice("window", tuple(WINDOWS), "all")
    parameters.done()
    return window


ANSWERS: Mapping[str, Answer] = {
    "health": health,
    "metrics/providers": providers,
    "metrics/models": models,
    "metrics/strategies": strategies,
    "metrics/failures": failures,
    "metrics/history": history,
    "alerts": alerts,
    "models": selector,
}
