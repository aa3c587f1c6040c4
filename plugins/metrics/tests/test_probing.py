"""Probes: asking idle providers for their list of models, where the settings say so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from modelplug import PluginError, Settings, Switchboard
from modelplug_metrics import Metrics
from modelplug_metrics.health import Health
from modelplug_testkit.upstream import Close, Play, Upstream
from modelplug_testkit.wire import answer

from plugins.metrics.tests.calls import Clock, call_of, feed

KEY = "sk-acme-0123456789abcdef"
WELL = answer({"object": "list", "data": []})


class Probed:
    """Metrics that probe one provider, which does these plays."""

    def __init__(self, server: Upstream, clock: Clock) -> None:
        self.server, self.clock = server, clock
        self.metrics = Metrics(clock=clock)
        acme = {"api_base": server.base, "api_key": KEY, "headers": {"x-team": "blue"}}
        self.settings: dict[str, Any] = {"metrics": {"probe": "5m"}, "providers": {"acme": acme}}
        self.metrics.provide_models(Settings(argument=self.settings, environment={}))

    async def health(self) -> list[Health]:
        """What is known of the provider after a probe."""
        await asyncio.to_thread(self.metrics.probe)
        return list(self.metrics.snapshot().health)


@pytest.fixture
async def probed() -> AsyncIterator[Any]:
    servers = []

    async def start(*plays: Play) -> Probed:
        server = Upstream(plays=list(plays))
        await server.start()
        servers.append(server)
        return Probed(server, Clock())

    yield start
    for server in servers:
        await server.stop()


async def test_a_probe_asks_for_the_list_of_models_and_nothing_else(probed: Any) -> None:
    """One GET of `/models` with the provider's key and headers; a provider that answers is healthy."""
    subject = await probed(WELL)
    (health,) = await subject.health()
    (received,) = subject.server.received
    assert (received.method, received.path, received.body) == ("GET", "/v1/models", b"")
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.headers["x-team"] == "blue"
    assert (health.provider, health.model, health.status) == ("acme", None, "healthy")
    assert health.reason.startswith("no calls lately; its list of models came in ")


@pytest.mark.parametrize(
    ("play", "status", "reason", "step"),
    [
        (answer({"error": {"message": f"bad key {KEY}"}}, status=401), "unhealthy", "AuthFailed, status 401", "key"),
        (answer(b"<html>down</html>", status=502), "unhealthy", "Unavailable, status 502", "try again in a minute"),
        ([Close], "unhealthy", "could not be asked for", "API base"),
        (answer({}, status=404), "no_data", "status 404, which tells nothing", None),
        (answer({}, status=429), "no_data", "status 429, which tells nothing", None),
    ],
)
async def test_what_a_probe_finds_is_said(probed: Any, play: Play, status: str, reason: str, step: str | None) -> None:
    """A refused key, a failing server and silence are unhealthy; a list that is not to be had tells nothing."""
    subject = await probed(play)
    (health,) = await subject.health()
    assert (health.status, health.reason.endswith(reason)) == (status, True)
    assert (health.verdict.next_step is None) if step is None else (step in health.verdict.next_step)
    assert KEY not in repr(health)


async def test_traffic_knows_better(probed: Any) -> None:
    """A provider that is called is not probed, and what its calls say counts."""
    subject = await probed(answer({}, status=500))
    feed(subject.metrics.call_finished, call_of(provider="acme", model_id="acme/one"))
    assert [health.status for health in await subject.health()] == ["healthy", "healthy"]
    assert subject.server.received == []
    subject.clock.now += 4000
    assert [health.status for health in await subject.health()] == ["unhealthy", "no_data"]
    feed(subject.metrics.call_finished, call_of(subject.clock.now, provider="acme", model_id="acme/one"))
    assert [health.status for health in subject.metrics.snapshot().health] == ["healthy", "healthy"]


async def test_a_status_that_lasts_has_one_beginning(probed: Any) -> None:
    """`since` is when a probe first found it so."""
    subject = await probed(WELL, WELL, answer({}, status=503))
    began = subject.clock.now
    for expected in (began, began, began + 600):
        (health,) = await subject.health()
        assert health.since == expected
        subject.clock.now += 300


async def test_a_probe_can_raise_an_alert(probed: Any) -> None:
    """An idle provider that is unhealthy breaks a rule of health, so that it is known before anybody calls."""
    subject = await probed(answer({}, status=503), WELL)
    rules = {"down": {"what": "health", "threshold": "unhealthy", "for": 0}}
    subject.metrics.provide_models(
        Settings(argument={**subject.settings, "alerts": {"rules": rules, "sinks": []}}, environment={})
    )
    for state in ("firing", "resolved"):
        await subject.health()
        assert [(alert.provider, alert.state) for alert in subject.metrics.judge()] == [("acme", state)]


async def test_idle_providers_are_asked_once_the_process_is_at_work(probed: Any) -> None:
    """With the first call of any provider, by a thread of its own."""
    subject = await probed(WELL)
    assert subject.server.received == []
    feed(subject.metrics.call_finished, call_of())
    for _ in range(500):
        if {health.provider for health in subject.metrics.snapshot().health} == {"acme", "fake"}:
            return
        await asyncio.sleep(0.02)
    pytest.fail("no probe came")


async def test_no_probe_unless_it_is_asked_for(probed: Any) -> None:
    """Without the setting nothing is asked, not even by hand."""
    subject = await probed(WELL)
    metrics = Metrics()
    metrics.provide_models(Settings(argument={"providers": subject.settings["providers"]}, environment={}))
    feed(metrics.call_finished, call_of())
    await asyncio.to_thread(metrics.probe)
    assert subject.server.received == []


async def test_no_log_says_where_a_probe_goes(probed: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Key and address are in no line of any logger."""
    caplog.set_level(logging.DEBUG)
    subject = await probed(answer({"error": {"message": KEY}}, status=500))
    await subject.health()
    assert not [line for line in caplog.messages if KEY in line or str(subject.server.port) in line]


@pytest.mark.parametrize(("probe", "reason"), [("1s", "is too often"), ("sometimes", "is no length of time")])
def test_a_wrong_interval_is_said_at_load(probe: str, reason: str) -> None:
    """The setting is named."""
    board = Switchboard(settings=Settings(file={"metrics": {"probe": probe}}, environment={}))
    with pytest.raises(PluginError, match=reason):
        board.add(Metrics)
