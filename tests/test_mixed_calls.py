"""A thousand mixed calls over a real wire: endpoints, Prometheus and OpenTelemetry show exactly what was sent."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx
import pytest
from modelplug import CallFailed, Hooks, Model, Prices, Settings, Switchboard, hookimpl
from modelplug_http import HttpPlugin
from modelplug_metrics import Metrics
from modelplug_otel import Otel
from modelplug_status import status_app
from modelplug_testkit.upstream import Close, Hold, Pause, Received, Step, Upstream
from modelplug_testkit.wire import DONE, FINISH, HELLO, STREAM_HEAD, USAGE, answer, completion, part, stream
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from plugins.otel.tests.collected import Collected
from plugins.prometheus.tests.test_exposition import read, total
from plugins.status.tests.conftest import served

SENT: Mapping[str, int] = {
    "good": 300,
    "streamed": 250,
    "slow": 50,
    "failing": 60,
    "busy": 60,
    "locked": 40,
    "cut": 80,
    "cancelled": 80,
    "left": 80,
}
"""Models, and how often each is called. What becomes of a call is in its name."""

STREAMED = {"streamed", "cut", "left"}
PAID = {"good", "streamed", "slow"}
KINDS: Mapping[str, str] = {"failing": "upstream", "busy": "rate_limit", "locked": "auth", "cut": "cut"}
KEY = "sk-acme-0123456789"
MESSAGES = [{"role": "user", "content": "hi"}]


def play(received: Received) -> Sequence[Step]:
    """What the upstream does for each model."""
    error = {"error": {"message": "no"}}
    steps: dict[str, Sequence[Step]] = {
        "good": [answer(completion())],
        "slow": [Pause(0.3), answer(completion())],
        "streamed": stream(HELLO, FINISH, USAGE, DONE),
        "failing": [answer(error, status=500)],
        "busy": [answer(error, status=429)],
        "locked": [answer(error, status=401)],
        "cut": [STREAM_HEAD + part(HELLO), Close],
        "cancelled": [Hold],
        "left": [STREAM_HEAD + part(HELLO), Hold],
    }
    return steps[received.json["model"]]


class Acme(Hooks):
    """A provider with a model for each end of a call."""

    def __init__(self, base: str) -> None:
        self.defaults = {"providers": {"acme": {"api_base": base, "api_key": KEY, "strategy": "http"}}}

    @hookimpl
    def provide_models(self, settings: Settings) -> list[Model]:
        prices = Prices(input=Decimal(1), output=Decimal(10))
        return [Model(id=f"acme/{name}", provider="acme", prices=prices) for name in SENT]


async def whole(board: Switchboard, name: str) -> None:
    await board.complete(f"acme/{name}", MESSAGES)


async def in_chunks(board: Switchboard, name: str) -> None:
    async with board.stream(f"acme/{name}", MESSAGES) as chunks:
        async for _ in chunks:
            if name == "left":
                break


async def broken_off(board: Switchboard, name: str) -> None:
    task = asyncio.ensure_future(whole(board, name))
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def send_all(board: Switchboard) -> None:
    """All calls, sixty at a time, each of which ends as its name says."""
    gate = asyncio.Semaphore(60)

    async def one(carry: Callable[[Switchboard, str], Coroutine[Any, Any, None]], name: str) -> None:
        async with gate:
            if name in KINDS:
                with pytest.raises(CallFailed) as caught:
                    await carry(board, name)
                assert caught.value.kind == KINDS[name]
            else:
                await carry(board, name)

    how = {name: broken_off if name == "cancelled" else in_chunks if name in STREAMED else whole for name in SENT}
    names = [name for n in range(max(SENT.values())) for name, times in SENT.items() if n < times]
    await asyncio.gather(*(one(how[name], name) for name in names))


PAID_CALLS = sum(SENT[name] for name in PAID)
ERRORS: Mapping[str, int] = {kind: SENT[name] for name, kind in KINDS.items()}
OUTCOMES: Mapping[str, int] = {
    "ok": PAID_CALLS,
    "failed": sum(ERRORS.values()),
    "cancelled": SENT["cancelled"],
    "abandoned": SENT["left"],
}
FIRST_CHUNKS = sum(SENT[name] for name in STREAMED)


async def test_everything_shows_what_was_sent() -> None:
    """To the call, the token and the cent: endpoints, Prometheus, and OpenTelemetry's metrics and spans."""
    board, traces = Switchboard(settings=Settings(environment={})), TracerProvider()
    seen = Collected(board=board, tracer=traces.get_tracer("host"))
    traces.add_span_processor(SimpleSpanProcessor(seen.exporter))
    otel = Otel(tracer_provider=traces, meter_provider=MeterProvider([seen.reader]))
    async with Upstream(plays=[play]) as upstream:
        for name, plugin in (("acme", Acme(upstream.base)), ("http", HttpPlugin()), ("metrics", Metrics())):
            board.add(plugin, name=name)
        board.add(otel)
        await send_all(board)
        await board.aclose()
    async with served(status_app(board)) as client:
        await see_endpoints(client)
        await see_live(client)
        see_prometheus((await client.get("/metrics")).text)
    see_opentelemetry(seen)


async def see_endpoints(client: httpx.AsyncClient) -> None:
    """The rows of the provider and of each model, and the failures."""
    (provider,) = (await client.get("/api/llm/metrics/providers")).json()["data"]["rows"]
    assert {name: provider[name] for name in OUTCOMES} == OUTCOMES
    assert (provider["calls"], provider["attempts"], provider["retries"]) == (1000, 1000, 0)
    assert (provider["errors"], provider["cut"]) == (ERRORS, SENT["cut"])
    assert (provider["tokens"]["input"], provider["tokens"]["output"]) == (3 * PAID_CALLS, 2 * PAID_CALLS)
    assert provider["cost_usd"] == 23 * PAID_CALLS / 1_000_000
    assert (provider["seconds"]["count"], provider["first_chunk"]["count"]) == (PAID_CALLS, FIRST_CHUNKS)
    models = (await client.get("/api/llm/metrics/models?window=5m")).json()["data"]["rows"]
    assert {row["model"].removeprefix("acme/"): row["calls"] for row in models} == SENT
    assert [row["seconds"]["p50"] >= 0.29 for row in models if row["model"] == "acme/slow"] == [True]
    failures = (await client.get("/api/llm/metrics/failures?limit=1000")).json()["data"]["rows"]
    assert Counter(row["kind"] for row in failures) == ERRORS


async def see_live(client: httpx.AsyncClient) -> None:
    """The first update has the same totals; strategies, the history and health add up to them."""
    async with client.stream("GET", "/api/llm/live") as answer:
        (update,) = [json.loads(line[6:]) async for line in first_event(answer) if line.startswith("data: ")]
    totals = update["totals"]
    assert {name: totals[name] for name in OUTCOMES} == OUTCOMES
    (strategy,) = (await client.get("/api/llm/metrics/strategies")).json()["data"]["rows"]
    assert {name: strategy[name] for name in totals.keys() - {"calls_per_second"}} == {
        name: totals[name] for name in totals.keys() - {"calls_per_second"}
    }
    points = (await client.get("/api/llm/metrics/history")).json()["data"]["points"]
    assert {name: sum(point[name] for point in points) for name in OUTCOMES} == OUTCOMES
    assert sum(point["tokens_output"] for point in points) == 2 * PAID_CALLS
    health = update["health"]
    assert (health["total_calls"], health["recent_failures_1h"], health["in_flight"]) == (1000, OUTCOMES["failed"], 0)


async def first_event(answer: httpx.Response) -> AsyncIterator[str]:
    """The lines of the first event of a stream."""
    async for line in answer.aiter_lines():
        if not line:
            return
        yield line


def see_prometheus(text: str) -> None:
    """The samples that Prometheus' own parser reads."""
    samples = read(text)
    assert {name: total(samples, "modelplug_calls_total", outcome=name) for name in OUTCOMES} == OUTCOMES
    assert {kind: total(samples, "modelplug_errors_total", kind=kind) for kind in ERRORS} == ERRORS
    assert total(samples, "modelplug_tokens_total", type="input") == 3 * PAID_CALLS
    assert total(samples, "modelplug_tokens_total", type="output") == 2 * PAID_CALLS
    assert total(samples, "modelplug_cost_usd_total") == pytest.approx(23 * PAID_CALLS / 1_000_000, abs=1e-9)
    assert total(samples, "modelplug_gen_ai_client_operation_duration_seconds_count") == PAID_CALLS


def see_opentelemetry(seen: Collected) -> None:
    """The points of its metrics, and a span for each call."""
    ended = Counter[str]()
    for point in seen.points("gen_ai.client.operation.duration"):
        ended[str((point.attributes or {})["modelplug.outcome"])] += point.count
    assert ended == OUTCOMES
    used = Counter[str]()
    for point in seen.points("gen_ai.client.token.usage"):
        used[str((point.attributes or {})["gen_ai.token.type"])] += int(point.sum)
    assert used == {"input": 3 * PAID_CALLS, "output": 2 * PAID_CALLS}
    assert sum(point.count for point in seen.points("gen_ai.client.operation.time_to_first_chunk")) == FIRST_CHUNKS
    calls = [span for span in seen.exporter.get_finished_spans() if span.parent is None]
    assert Counter((span.attributes or {})["gen_ai.request.model"] for span in calls) == SENT
