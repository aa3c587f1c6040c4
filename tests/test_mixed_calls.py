"""A thousand mixed calls over a real wire: figures, endpoints and Prometheus show exactly what was sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from modelplug import CallFailed, Hooks, Model, Prices, Settings, Switchboard, hookimpl
from modelplug_http import HttpPlugin
from modelplug_metrics import Metrics
from modelplug_prometheus import exposition
from modelplug_status import status_app
from modelplug_testkit.upstream import Close, Hold, Pause, Received, Step, Upstream
from modelplug_testkit.wire import DONE, FINISH, HELLO, STREAM_HEAD, USAGE, answer, completion, part, stream

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
ENDS: Mapping[str, str] = {**dict.fromkeys(PAID, "ok"), "cancelled": "cancelled", "left": "abandoned"}
KINDS: Mapping[str, str] = {"failing": "upstream", "busy": "rate_limit", "locked": "auth", "cut": "cut"}
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


async def endpoints(board: Switchboard) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]], str]:
    """What the status app says: of the provider, of each model, of failures, and to Prometheus."""
    async with served(status_app(board)) as client:
        (provider,) = (await client.get("/api/llm/metrics/providers")).json()["data"]["rows"]
        models = (await client.get("/api/llm/metrics/models?window=5m")).json()["data"]["rows"]
        failures = (await client.get("/api/llm/metrics/failures?limit=1000")).json()["data"]["rows"]
        return provider, models, failures, (await client.get("/metrics")).text


async def test_everything_shows_what_was_sent() -> None:
    """To the call, the token and the cent: by provider and model, in the endpoints and for Prometheus."""
    async with Upstream(plays=[play]) as upstream:
        acme = {"api_base": upstream.base, "api_key": "sk-acme-0123456789", "strategy": "http"}
        board = Switchboard(settings=Settings(argument={"providers": {"acme": acme}}, environment={}))
        for name, plugin in (("acme", Acme()), ("http", HttpPlugin()), ("metrics", Metrics())):
            board.add(plugin, name=name)
        await send_all(board)
        await board.aclose()
        provider, models, failures, text = await endpoints(board)
    outcomes = Counter[str]()
    for name, times in SENT.items():
        outcomes[ENDS.get(name, "failed")] += times
    paid = sum(SENT[name] for name in PAID)
    errors = {kind: SENT[name] for name, kind in KINDS.items()}
    assert {name: provider[name] for name in outcomes} == outcomes
    assert (provider["calls"], provider["attempts"]) == (1000, 1000)
    assert (provider["errors"], provider["cut"], provider["retries"]) == (errors, 80, 0)
    assert (provider["tokens"]["input"], provider["tokens"]["output"]) == (3 * paid, 2 * paid)
    assert provider["cost_usd"] == 23 * paid / 1_000_000
    assert (provider["seconds"]["count"], provider["first_chunk"]["count"]) == (600, 250 + 80 + 80)
    assert {row["model"]: row["calls"] for row in models} == {f"acme/{name}": times for name, times in SENT.items()}
    assert Counter(row["kind"] for row in failures) == errors
    (slow,) = [row for row in models if row["model"] == "acme/slow"]
    assert slow["seconds"]["p50"] >= 0.3
    assert text == exposition(board.plugin("metrics").snapshot())[0].decode()
    samples = read(text)
    assert {name: total(samples, "modelplug_calls_total", outcome=name) for name in outcomes} == outcomes
    assert {kind: total(samples, "modelplug_errors_total", kind=kind) for kind in errors} == errors
    assert total(samples, "modelplug_tokens_total", type="input") == 3 * paid
    assert total(samples, "modelplug_tokens_total", type="output") == 2 * paid
    assert total(samples, "modelplug_cost_usd_total") == pytest.approx(23 * paid / 1_000_000, abs=1e-9)
    assert total(samples, "modelplug_gen_ai_client_operation_duration_seconds_count") == 600
