"""The endpoints: what they say is what was done, and reading changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from modelplug import ConfigError, Model, ModelplugError, RateLimited, Settings, Switchboard
from modelplug.testing import FakeStrategy, chunks_of
from modelplug_status import status_app
from prometheus_client.parser import text_string_to_metric_families

from plugins.status.tests.conftest import Serve, board_with

MESSAGES = [{"role": "user", "content": "hi"}]
PATHS = (
    *("health", "metrics/providers", "metrics/models", "metrics/strategies", "metrics/failures", "metrics/history"),
    *("alerts", "models"),
)


async def data(client: Any, path: str, **params: Any) -> Any:
    """What is under `data`, after a look at the envelope."""
    answer = await client.get(f"/api/llm/{path}", params=params)
    assert answer.status_code == 200, answer.text
    sent = answer.json()
    assert sent.keys() == {"success", "data", "timestamp"}
    assert sent["success"] is True
    return sent["data"]


async def test_a_board_that_was_not_called(serve: Serve) -> None:
    """Nothing is known, and nothing is zero that is unknown."""
    client = await serve(board_with())
    health = await data(client, "health")
    assert (health["status"], health["success_rate"], health["total_calls"]) == ("no_data", None, 0)
    assert [provider["provider"] for provider in health["providers"]] == ["fake"]
    assert (await data(client, "metrics/providers"))["rows"] == []
    (model,) = (await data(client, "models"))["models"]
    assert model["prices"] == {"input": 1.0, "output": 10.0, "cached_input": None, "cache_write": None}
    assert (model["ready"], model["context_window"], model["status"]) == (True, None, "no_data")


async def test_calls_are_counted_to_the_token_and_the_cent(serve: Serve) -> None:
    """Good, failing, cut and left calls, in every endpoint."""
    strategy = FakeStrategy()
    board = board_with(strategy)
    client = await serve(board)
    for _ in range(3):
        await board.complete("one", MESSAGES)
    async with board.stream("one", MESSAGES) as chunks:
        async for _ in chunks:
            pass
    async with board.stream("one", MESSAGES) as chunks:
        async for _ in chunks:
            break
    strategy.chunks = chunks_of(finish_reason=None)
    with pytest.raises(ModelplugError):
        async with board.stream("one", MESSAGES) as chunks:
            async for _ in chunks:
                pass
    strategy.error = RateLimited("slow down", status=429, request_id="req-7")
    with pytest.raises(RateLimited):
        await board.complete("one", MESSAGES)
    board.flush()
    for path, names in {
        "providers": {"provider": "fake"},
        "models": {"provider": "fake", "model": "fake/one"},
        "strategies": {"strategy": "fake"},
    }.items():
        for window in ("all", "1m", "5m", "60m"):
            (row,) = (await data(client, f"metrics/{path}", window=window))["rows"]
            assert names.items() <= row.items()
            found = [row[name] for name in ("calls", "ok", "failed", "cancelled", "abandoned", "cut")]
            assert found == [7, 4, 2, 0, 1, 1]
            assert row["errors"] == {"cut": 1, "rate_limit": 1}
            assert (row["tokens"]["input"], row["tokens"]["output"], row["tokens_unknown"]) == (12, 8, 3)
            assert row["cost_usd"] == (12 * 1 + 8 * 10) / 1_000_000
            assert row["seconds"]["count"] == 4 and row["first_chunk"]["count"] == 3
    failures = (await data(client, "metrics/failures"))["rows"]
    assert [(row["kind"], row["stream"], row["status"], row["request_id"]) for row in failures] == [
        ("rate_limit", False, 429, "req-7"),
        ("cut", True, None, None),
    ]
    assert all(row["advice"] for row in failures)
    assert len((await data(client, "metrics/failures", kind="cut"))["rows"]) == 1
    assert (await data(client, "metrics/failures", provider="nobody"))["rows"] == []
    assert (await data(client, "metrics/failures", limit=1))["total"] == 2
    points = (await data(client, "metrics/history"))["points"]
    assert sum(point["calls"] for point in points) == 7
    health = await data(client, "health")
    assert (health["total_calls"], health["recent_failures_1h"], health["in_flight"]) == (7, 2, 0)
    assert health["status"] == "unhealthy" and "2 of the last 6 calls" in health["reason"]


async def test_reading_changes_nothing(serve: Serve) -> None:
    """A thousand readings, of names that nobody knows too, leave the figures as they were."""
    board = board_with()
    await board.complete("one", MESSAGES)
    board.flush()
    client = await serve(board)
    before = board.plugin("metrics").snapshot()
    for number in range(125):
        for path in PATHS:
            wanted = {"provider": f"p{number}"} if path in ("metrics/models", "metrics/failures", "models") else {}
            await data(client, path, **wanted)
    after = board.plugin("metrics").snapshot()
    assert [(row.model, row.tallies) for row in after.rows] == [(row.model, row.tallies) for row in before.rows]
    assert (after.health, after.failures) == (before.health, before.failures)


@pytest.mark.parametrize(
    ("path", "parameter", "value"),
    [
        ("metrics/failures", "hours", "0"),
        ("metrics/failures", "hours", "169"),
        ("metrics/failures", "hours", "one"),
        ("metrics/failures", "hours", "\u0661"),
        ("metrics/failures", "limit", "9" * 5_000),
        ("metrics/history", "minutes", "61"),
        ("metrics/providers", "window", "2m"),
        ("metrics/models", "provider", "x" * 301),
        ("models", "all", "yes"),
        ("health", "hours", "1"),
        ("live", "since", "1"),
    ],
)
async def test_a_bad_parameter_is_told_by_its_name(serve: Serve, path: str, parameter: str, value: str) -> None:
    """Status 422, which one, and what it can be."""
    client = await serve(board_with())
    answer = await client.get(f"/api/llm/{path}", params={parameter: value})
    assert answer.status_code == 422
    assert answer.json()["error"]["parameter"] == parameter
    assert len(answer.text) < 500


async def test_a_parameter_is_given_once(serve: Serve) -> None:
    """Of two that contradict each other none is taken."""
    client = await serve(board_with())
    answer = await client.get("/api/llm/metrics/models?window=1m&window=5m")
    assert (answer.status_code, answer.json()["error"]["parameter"]) == (422, "window")


async def test_the_head_of_the_live_stream_ends(serve: Serve) -> None:
    """Whoever asks for the head alone is not kept waiting."""
    client = await serve(board_with())
    answer = await client.head("/api/llm/live", timeout=2)
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_the_selector_shows_allowed_models_first(serve: Serve) -> None:
    """Then by priority, then by name; the host says who may call what."""
    models = [Model(id=f"fake/{name}", provider="fake", requires=(), capabilities={"chat"}) for name in "dcba"]
    locked = Model(id="fake/locked", provider="fake", requires=("api_key",))
    tiers: dict[str, dict[str, Any]] = {"fake/d": {"priority": 5}, "fake/a": {"allowed": False}}
    client = await serve(board_with(None, *models, locked), choose=lambda model: tiers.get(model.id, {}))
    shown = (await data(client, "models"))["models"]
    assert [model["id"] for model in shown] == ["fake/d", "fake/b", "fake/c", "fake/a"]
    assert len((await data(client, "models", all="true"))["models"]) == 5
    assert [m["id"] for m in (await data(client, "models", search="FAKE/b"))["models"]] == ["fake/b"]
    assert (await data(client, "models", capability="vision"))["models"] == []


async def test_what_is_not_there(serve: Serve) -> None:
    """404 and 405 come in the same envelope; no path leads out of the page's folder."""
    client = await serve(board_with())
    for path in (
        "/api/llm/nothing",
        "/page/../app.py",
        "/page/%2e%2e%2fapp.py",
        "/page/",
        "/metrics/x",
        f"/page/{'x' * 300}",
    ):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["success"]) == (404, False)
    assert (await client.post("/api/llm/health")).status_code == 405
    assert (await client.post("/api/llm/playground", json={})).status_code == 404


async def test_live_updates(serve: Serve) -> None:
    """The first at once, the next after a second, with what happened in between; a failure comes once."""
    strategy = FakeStrategy()
    board = board_with(strategy)
    client = await serve(board)
    updates = []
    async with client.stream("GET", "/api/llm/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if not line.startswith("data: "):
                continue
            updates.append(json.loads(line.removeprefix("data: ")))
            if len(updates) == 1:
                await board.complete("one", MESSAGES)
                strategy.error = RateLimited("slow down")
                with pytest.raises(RateLimited):
                    await board.complete("one", MESSAGES)
                board.flush()
            if len(updates) == 3:
                break
    assert [update["totals"]["calls"] for update in updates] == [0, 2, 2]
    assert [len(update["failures"]) for update in updates] == [0, 1, 0]
    assert updates[1]["providers"][0]["failed"] == 1
    assert updates[1]["health"]["total_calls"] == 2


def test_metrics_that_were_not_loaded_are_told() -> None:
    """A rule that is none keeps metrics off the board: whoever opens the app is told of the rule."""
    settings = Settings(argument={"alerts": {"rules": {"slow": {"what": "latency"}}}}, environment={})
    board = Switchboard.load(settings=settings, only=["metrics"])
    with pytest.raises(ConfigError, match=r"\[alerts.rules.slow\] what: is none of the words"):
        status_app(board)


def test_a_board_without_metrics_is_told() -> None:
    """At once, with what to install."""
    with pytest.raises(ConfigError, match="modelplug-metrics"):
        status_app(Switchboard(settings=Settings(environment={})))


async def test_prometheus_reads_the_same_figures(serve: Serve) -> None:
    """What a scrape says adds up to the calls."""
    board = board_with()
    for _ in range(3):
        await board.complete("one", MESSAGES)
    board.flush()
    client = await serve(board)
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    calls = [value for name, value in samples.items() if name[0] == "modelplug_calls_total"]
    assert sum(calls) == 3
