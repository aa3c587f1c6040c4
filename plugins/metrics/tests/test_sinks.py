"""Sinks: who is told of alerts, and how."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from modelplug import Secret, Settings
from modelplug_metrics import Metrics
from modelplug_metrics._delivery import QUEUE, Delivery
from modelplug_metrics._webhook import Webhook, WebhookFailed, signature
from modelplug_metrics.alerts import Alert
from modelplug_testkit.upstream import Play, Reset, Upstream
from modelplug_testkit.wire import answer

from plugins.metrics.tests.calls import Clock, call_of, feed

SECRET = "whsec_bW9kZWxwbHVnIHNpZ25zIGl0cyBhbGVydHM="
TOKEN = "T0K3N-in-the-address-0123456789"


def alert_of(rule: str = "slow") -> Alert:
    """An alert."""
    return Alert(
        rule=rule,
        provider="fake",
        model=None,
        state="firing",
        value=3.0,
        threshold=2.0,
        unit="seconds",
        reason="p95 of a call 3.0 s in the last 5 min",
        next_step="Look.",
        since=1_800_000_000.0,
    )


async def posted(*plays: Play, alerts: Sequence[Alert], **options: Any) -> tuple[Upstream, list[float], str | None]:
    """What a receiver that does these plays was sent, the pauses in between, and why it failed at last."""
    server, pauses, failure = Upstream(plays=list(plays)), list[float](), None
    await server.start()
    url = f"http://127.0.0.1:{server.port}/hooks/{TOKEN}?sig={TOKEN}"
    hook = Webhook(url=Secret(url), secret=Secret(SECRET), wait=pauses.append, timeout=2.0, **options)
    try:
        await asyncio.to_thread(hook, alerts)
    except WebhookFailed as error:
        failure = str(error)
        assert TOKEN not in failure
        assert "127.0.0.1" not in failure
    await server.stop()
    return server, pauses, failure


def test_the_log_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Without a setting an alert is one line of the log when it fires, with what to do, and one when it is over."""
    clock = Clock()
    metrics = Metrics(clock=clock)
    metrics.provide_models(Settings(argument={"alerts": {"rules": {"unwell": {"what": "health"}}}}, environment={}))
    for failing, status in ((True, "firing"), (False, "resolved")):
        caplog.clear()
        for _ in range(200):
            clock.now += 1.0
            feed(metrics.call_finished, call_of(clock.now, error="upstream" if failing else None))
            metrics.judge()
        assert metrics.flush()
        (line,) = [record for record in caplog.records if record.name == "modelplug.alerts"]
        assert (line.levelno, line.getMessage().partition(" of fake: ")[0]) == (
            logging.WARNING,
            f"{status}: 'unwell'",
        )
        assert line.getMessage().endswith("or choose another provider.") == failing


async def test_a_webhook_is_signed_json() -> None:
    """One POST with all alerts, its signature over id, time and body as Standard Webhooks says."""
    server, pauses, failure = await posted(answer({}), alerts=[alert_of("a"), alert_of("b")])
    (received,) = server.received
    assert (received.method, received.path, pauses, failure) == ("POST", f"/hooks/{TOKEN}?sig={TOKEN}", [], None)
    assert received.json["type"] == "modelplug.alerts"
    assert received.json["data"]["alerts"] == [alert_of("a").as_json(), alert_of("b").as_json()]
    headers = received.headers
    at = int(headers["webhook-timestamp"])
    assert abs(at - time.time()) < 60
    assert headers["webhook-signature"] == signature(Secret(SECRET), headers["webhook-id"], at, received.body)


def test_the_signature_is_that_of_other_libraries() -> None:
    """What the library `standardwebhooks` made of the same secret, id, time and body."""
    theirs = "v1,pMrfAk1QYeuvMlFmjCOSDvM/vISRtvJACtSYFuATrGo="
    assert signature(Secret(SECRET), "msg_1", 1_800_000_000, b'{"type":"modelplug.alerts"}') == theirs


async def test_a_webhook_tries_again() -> None:
    """After a reset, a 503 and a 429 that asks for time, the same message arrives, with the same id, once."""
    busy = answer({}, status=429, headers=[("retry-after", "7")])
    server, pauses, failure = await posted([Reset], answer({}, status=503), busy, answer({}), alerts=[alert_of()])
    assert (pauses, failure) == ([1.0, 2.0, 7.0], None)
    assert len({received.headers["webhook-id"] for received in server.received}) == 1
    assert len({received.body for received in server.received}) == 1


async def test_a_webhook_gives_up() -> None:
    """The tries are bounded, and so is what an answer may ask for."""
    rude = answer({}, status=429, headers=[("retry-after", "86400")])
    server, pauses, failure = await posted(rude, alerts=[alert_of()], attempts=3)
    assert (len(server.received), pauses) == (3, [60.0, 60.0])
    assert failure == "3 tries failed, the last with status 429; 1 alerts are lost"


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 410])
async def test_a_refusal_is_final(status: int) -> None:
    """No redirect is followed, and what is refused is not sent again."""
    elsewhere = answer({}, status=status, headers=[("location", "http://127.0.0.1:9/elsewhere")])
    server, pauses, failure = await posted(elsewhere, alerts=[alert_of()])
    assert (len(server.received), pauses) == (1, [])
    assert failure == f"it answered status {status}, after which trying again is of no use"


async def test_a_receiver_that_talks_nonsense_is_tried_again() -> None:
    """What is no HTTP is a failed try like any other."""
    server, _, failure = await posted([b"hello\r\n\r\n", Reset], alerts=[alert_of()], attempts=2)
    assert len(server.received) == 2
    assert failure is not None
    assert failure.startswith("2 tries failed")


async def test_no_log_says_where_a_webhook_goes(caplog: pytest.LogCaptureFixture) -> None:
    """Address and secret are in no line of any logger, at any level, and not in the body."""
    caplog.set_level(logging.DEBUG)
    server = Upstream(plays=[answer({}, status=400)])
    await server.start()
    metrics, clock = Metrics(clock=Clock()), Clock()
    webhook = {"url": f"http://127.0.0.1:{server.port}/{TOKEN}", "secret_env": "MY_SECRET"}
    alerts = {"rules": {"unwell": {"what": "health", "for": 0}}, "sinks": "webhook,log", "webhook": webhook}
    metrics.provide_models(Settings(argument={"alerts": alerts}, environment={"MY_SECRET": SECRET}))
    feed(metrics.call_finished, *(call_of(clock.now, error="upstream") for _ in range(20)))
    metrics.judge()
    assert await asyncio.to_thread(metrics.flush)
    await server.stop()
    told = [record.getMessage() for record in caplog.records]
    assert "the sink 'webhook' failed" in "".join(told)
    body = server.received[0].body.decode()
    for text in (*told, body):
        assert not [secret for secret in (TOKEN, SECRET, SECRET[6:], str(server.port)) if secret in text]


def test_a_sink_that_fails_or_hangs_holds_up_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Each sink has a thread of its own; what it raises is logged, and the others are told."""
    metrics, told, release = Metrics(clock=Clock()), list[Alert](), threading.Event()
    alerts = {"rules": {"unwell": {"what": "health", "for": 0}}, "sinks": []}
    metrics.provide_models(Settings(argument={"alerts": alerts}, environment={}))

    def fails(alerts: Sequence[Alert]) -> None:
        raise RuntimeError("no pager at http://10.0.0.1/secret")

    metrics.add_sink(lambda alerts: release.wait(20), name="hangs")
    metrics.add_sink(fails, name="fails")
    metrics.add_sink(told.extend, name="works")
    feed(metrics.call_finished, *(call_of(error="upstream") for _ in range(20)))
    metrics.judge()
    assert not metrics.flush(0.3)
    assert [alert.rule for alert in told] == ["unwell"]
    assert "the sink 'fails' failed: RuntimeError: no pager at [url]" in caplog.text
    release.set()
    assert metrics.flush()


def test_what_waits_for_a_sink_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """A sink that hangs costs no memory: the oldest alerts are dropped, and that is said."""
    begun, release, told = threading.Event(), threading.Event(), list[Alert]()

    def slow(alerts: Sequence[Alert]) -> None:
        begun.set()
        release.wait(20)
        told.extend(alerts)

    delivery = Delivery("slow", slow)
    delivery.tell([alert_of("first")])
    assert begun.wait(10)
    delivery.tell([alert_of(str(n)) for n in range(QUEUE + 5)])
    assert "5 alerts were dropped" in caplog.text
    release.set()
    assert delivery.flush(10)
    assert [alert.rule for alert in told] == ["first", *(str(n) for n in range(5, QUEUE + 5))]


PAGER: Mapping[str, str] = {
    "pager.py": """
pages = []

def open_pager(settings):
    number = settings.table("alerts", "pager").get("number")
    return lambda alerts: pages.extend((number, alert.rule, alert.state) for alert in alerts)
""",
    "pager-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: pager\nVersion: 1\n",
    "pager-1.dist-info/entry_points.txt": "[modelplug.alerts]\npager = pager:open_pager\n",
}


def test_an_installed_plugin_can_be_a_sink(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point in `modelplug.alerts` that the settings name is given the settings and told of alerts."""
    for name, text in PAGER.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    alerts = {"rules": {"unwell": {"what": "health", "for": 0}}, "sinks": ["pager"], "pager": {"number": "112"}}
    metrics = Metrics(clock=Clock())
    metrics.provide_models(Settings(argument={"alerts": alerts}, environment={}))
    feed(metrics.call_finished, *(call_of(error="upstream") for _ in range(20)))
    metrics.judge()
    assert metrics.flush()
    import pager  # type: ignore[import-not-found]

    assert pager.pages == [("112", "unwell", "firing")]
