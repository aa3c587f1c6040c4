"""Health and alerts follow a real upstream: slow, then failing, then well again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import pytest
from attrs import evolve
from modelplug import Call, CallFailed, Hooks, Model, Settings, Switchboard, hookimpl
from modelplug_http import HttpPlugin
from modelplug_metrics import Metrics
from modelplug_metrics.alerts import Alert
from modelplug_testkit.upstream import Pause, Received, Step, Upstream
from modelplug_testkit.wire import answer, completion

from plugins.metrics.tests.calls import Clock

SLOW = {"what": "seconds", "threshold": 0.6, "window": "1m", "for": 20}
ERRORS = {"what": "error_rate", "threshold": 0.2, "window": "1m", "for": 20}
UNWELL = {"what": "health", "for": 20}


class Timed(Metrics):
    """Metrics for which calls end when our clock says so, and take as long as they took."""

    def __init__(self) -> None:
        self.clock = Clock()
        super().__init__(clock=self.clock)

    @hookimpl
    def call_finished(self, call: Call) -> None:
        super().call_finished(evolve(call, started=self.clock.now - call.seconds))


class Acme(Hooks):
    """A provider with one model."""

    @hookimpl
    def provide_models(self, settings: Settings) -> Iterable[Model]:
        return [Model(id="acme/one", provider="acme")]


class Mood:
    """What the upstream does with a request: one of three words."""

    def __init__(self) -> None:
        self.word = "well"

    def __call__(self, received: Received) -> Sequence[Step]:
        if self.word == "failing":
            return [answer({"error": {"message": "out of order"}}, status=500)]
        return [*([Pause(0.7)] if self.word == "slow" else []), answer(completion())]


@pytest.mark.slow
async def test_health_and_alerts_follow_an_upstream() -> None:
    """Slow, failing and well again come in that order as degraded, unhealthy and healthy; each alert comes once."""
    mood, metrics = Mood(), Timed()
    upstream = Upstream(plays=[mood])
    await upstream.start()
    rules = {"slow": SLOW, "errors": ERRORS, "degraded": UNWELL, "unhealthy": {**UNWELL, "threshold": "unhealthy"}}
    acme = {"api_base": upstream.base, "api_key": "sk-acme-0123456789", "strategy": "http"}
    alerts = {"rules": rules, "every": 3600, "sinks": []}
    board = Switchboard(settings=Settings(argument={"providers": {"acme": acme}, "alerts": alerts}, environment={}))
    for name, plugin in (("acme", Acme()), ("http", HttpPlugin()), ("metrics", metrics)):
        board.add(plugin, name=name)
    told, statuses = list[Alert](), list[str]()
    metrics.add_sink(told.extend, name="test")

    async def calls(times: int) -> None:
        """So many times five seconds, with four calls each."""
        for _ in range(times):
            metrics.clock.now += 5.0
            ended = await asyncio.gather(*(board.complete("acme/one", []) for _ in range(4)), return_exceptions=True)
            assert all(isinstance(end, CallFailed) == (mood.word == "failing") for end in ended)
            board.flush()
            metrics.judge()
            (health,) = [health for health in metrics.snapshot().health if health.model is None]
            if statuses[-1:] != [health.status]:
                statuses.append(health.status)

    for word, times in (("well", 26), ("slow", 6), ("failing", 18), ("well", 24)):
        mood.word = word
        await calls(times)
    assert metrics.flush()
    await board.aclose()
    await upstream.stop()
    assert statuses == ["healthy", "degraded", "unhealthy", "degraded", "healthy"]
    events = [(alert.rule, alert.state) for alert in told]
    assert sorted(events) == sorted((rule, state) for rule in rules for state in ("firing", "resolved"))
    fired = [rule for rule, state in events if state == "firing"]
    ended = [rule for rule, state in events if state == "resolved"]
    assert (set(fired[:2]), set(fired[2:])) == ({"slow", "degraded"}, {"errors", "unhealthy"})
    assert ended[0] == "slow"
    assert (set(ended[1:3]), ended[3]) == ({"errors", "unhealthy"}, "degraded")
    assert metrics.alerts.firing == ()
