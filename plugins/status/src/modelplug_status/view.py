"""What the endpoints say, made from the board and its figures. Reading changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from modelplug import Model, Switchboard
from modelplug_metrics import Metrics
from modelplug_metrics.failures import FailedCall
from modelplug_metrics.figures import Distribution, Figures
from modelplug_metrics.health import WORSE, Health
from modelplug_metrics.snapshot import Row, Snapshot

from modelplug_status.envelope import iso

Json = dict[str, Any]
WINDOWS: Mapping[str, str] = {"all": "all_time", "1m": "last_minute", "5m": "last_5_minutes", "60m": "last_hour"}


class View:
    """A board as its operator sees it."""

    def __init__(self, board: Switchboard, choose: Callable[[Model], Mapping[str, Any]] | None = None) -> None:
        self.board = board
        self._choose = choose

    @property
    def metrics(self) -> Metrics:
        """The board's plugin that counts."""
        metrics: Metrics = self.board.plugin("metrics")
        return metrics

    def snapshot(self, *, hour: bool = False) -> Snapshot:
        """All figures now, of all workers where they share a folder; with `hour` their whole history too."""
        return self.metrics.all_workers(hour=hour)

    def health(self, snapshot: Snapshot) -> Json:
        """Of all providers together, and of each with its models."""
        total, providers = snapshot.total, self._providers(snapshot)
        worst = max(providers, key=lambda one: WORSE[one["status"]], default=None)
        status = "no_data" if worst is None else worst["status"]
        if worst is None or status == "no_data":
            reason = "no calls that tell anything in the last hour"
        elif status == "healthy":
            reason = "every provider that was called answers"
        else:
            reason = f"{worst['provider']}: {worst['reason']}"
        return {
            "status": status,
            "reason": reason,
            "total_calls": total.all_time.calls,
            "success_rate": total.all_time.success_rate,
            "recent_failures_1h": total.last_hour.failed,
            "provider_count": len({model.provider for model in self.board.models}),
            "model_count": len(self.board.models),
            "in_flight": total.in_flight,
            "uptime_seconds": snapshot.taken - snapshot.since,
            "providers": providers,
        }

    def rows(self, rows: Iterable[Row], window: str, *names: str) -> list[Json]:
        """Figures over a window, one row for each of these."""
        return [
            {
                **{name: getattr(row, name) for name in names},
                "in_flight": row.in_flight,
                **figures(getattr(row, WINDOWS[window])),
            }
            for row in rows
        ]

    def history(self, snapshot: Snapshot, minutes: int) -> Json:
        """Figures over time, the oldest first."""
        step, points = snapshot.over_time(minutes * 60)
        return {"step_seconds": step, "points": [point(at, figures) for at, figures in points]}

    def models(self, *, everything: bool = False) -> Iterator[tuple[Model, Json]]:
        """What a selector shows: allowed models first, then by priority, then by name."""
        status = {health.model: health.status for health in self.snapshot().health if health.model}
        ready, default = self._ready(), self.board.settings.get("default_model")
        found = []
        for model in self.board.models:
            can = model.id in ready
            if not model.enabled or not (can or everything):
                continue
            chosen = {"allowed": can, "priority": 0, "recommended": model.id == default or default in model.aliases}
            chosen |= self._choose(model) if self._choose else {}
            found.append((model, {**_model(model), "ready": can, **chosen, "status": status.get(model.id, "no_data")}))
        found.sort(key=lambda one: (not one[1]["allowed"], -one[1]["priority"], one[0].name.lower(), one[0].id))
        yield from found

    def _providers(self, snapshot: Snapshot) -> list[Json]:
        """Each provider that can be called or was."""
        ready = self._ready()
        flying = {row.provider: row.in_flight for row in snapshot.providers}
        known = {health.provider: health for health in snapshot.health if health.model is None}
        names = {model.provider for model in self.board.models if model.id in ready} | set(known)
        of = {name: [h for h in snapshot.health if h.provider == name and h.model] for name in names}
        return [
            {
                "provider": name,
                "in_flight": flying.get(name, 0),
                **_health(known.get(name)),
                "models": [{"model": health.model, **_health(health)} for health in of[name]],
            }
            for name in sorted(names)
        ]

    def _ready(self) -> frozenset[str]:
        """Ids of models that can be called. Asked once for each provider and what its models require."""
        known: dict[tuple[str, tuple[str, ...]], bool] = {}
        for model in self.board.models:
            key = (model.provider, model.requires)
            if key not in known:
                known[key] = self.board.ready(model)
        return frozenset(model.id for model in self.board.models if known[model.provider, model.requires])


def figures(figures: Figures) -> Json:
    """The fields of one row."""
    return {
        **{name: getattr(figures, name) for name in ("calls", "ok", "failed", "cancelled", "abandoned")},
        "cut": figures.errors.get("cut", 0),
        "success_rate": figures.success_rate,
        "errors": dict(figures.errors),
        "attempts": figures.attempts,
        "retries": figures.retries,
        "tokens": {
            "input": figures.input_tokens,
            "cached": figures.cached_tokens,
            "cache_write": figures.cache_write_tokens,
            "output": figures.output_tokens,
            "reasoning": figures.reasoning_tokens,
        },
        "tokens_unknown": figures.usage_absent,
        "tokens_estimated": figures.usage_estimated,
        "cost_usd": float(figures.cost),
        "cost_unknown": figures.cost_unknown,
        "seconds": _seconds(figures.seconds),
        "first_chunk": _seconds(figures.first_chunk),
        "seconds_per_output_token": _seconds(figures.seconds_per_token),
        "calls_per_second": figures.per_second,
    }


def point(at: float, figures: Figures) -> Json:
    """The fields of one moment of the history."""
    return {
        "time": iso(at),
        **{name: getattr(figures, name) for name in ("calls", "ok", "failed", "cancelled", "abandoned")},
        "p50": figures.seconds.p50,
        "p95": figures.seconds.p95,
        "first_p50": figures.first_chunk.p50,
        "first_p95": figures.first_chunk.p95,
        "tokens_input": figures.input_tokens,
        "tokens_output": figures.output_tokens,
        "cost_usd": float(figures.cost),
    }


def failure(failed: FailedCall) -> Json:
    """The fields of one failed call."""
    return {
        **{name: getattr(failed, name) for name in ("model", "provider", "strategy", "operation", "kind", "type")},
        **{name: getattr(failed, name) for name in ("message", "status", "code", "retryable", "request_id")},
        "advice": failed.next_step,
        "call_id": failed.id,
        "timestamp": iso(failed.at),
        "milliseconds": failed.milliseconds,
        "stream": failed.stream,
        "attempts": failed.attempts,
    }


def _seconds(seconds: Distribution) -> Json:
    return {name: getattr(seconds, name) for name in ("count", "mean", "p50", "p90", "p95", "p99")}


def _health(health: Health | None) -> Json:
    if health is None:
        return {"status": "no_data", "reason": "not called yet", "next_step": None, "since": None}
    return {
        "status": health.status,
        "reason": health.reason,
        "next_step": health.verdict.next_step,
        "since": iso(health.since),
    }


def _model(model: Model) -> Json:
    prices = {name: getattr(model.prices, name) for name in ("input", "output", "cached_input", "cache_write")}
    return {
        **{name: getattr(model, name) for name in ("id", "name", "provider", "context_window", "max_output")},
        "aliases": list(model.aliases),
        "capabilities": sorted(model.capabilities),
        "prices": {name: None if price is None else float(price) for name, price in prices.items()},
    }
