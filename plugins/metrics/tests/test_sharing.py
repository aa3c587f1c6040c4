"""Worker processes that share a folder: each sees the sum of all, exactly."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from modelplug import PluginError, Settings, Switchboard
from modelplug_metrics import Metrics
from modelplug_metrics.alerts import Alert
from modelplug_metrics.snapshot import Snapshot

from plugins.metrics.tests.calls import Clock, call_of, feed

WORKER = """
import asyncio, sys
from decimal import Decimal
from modelplug import Model, Prices, Settings, Switchboard, Unavailable
from modelplug.testing import FakePlugin, FakeStrategy
from modelplug_metrics import Metrics
from modelplug_metrics.alerts import Alert

async def main(folder, worker, times):
    model = Model(id="fake/one", provider="fake", requires=(), prices=Prices(input=Decimal(1), output=Decimal(2)))
    board, strategy = Switchboard(settings={"metrics": {"shared": folder}}), FakeStrategy()
    board.add(Metrics, name="metrics")
    board.add(FakePlugin(model, strategy=strategy))
    for n in range(times):
        strategy.error = Unavailable("out of order") if n % 10 == worker else None
        try:
            await board.complete("fake/one", [])
        except Unavailable:
            pass

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
print("done", flush=True)
sys.stdin.read()
"""


@contextmanager
def workers(folder: Path, count: int, times: int) -> Iterator[None]:
    """So many processes that have made so many calls each, and live on."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder), str(n), str(times)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        for n in range(count)
    ]
    for worker in started:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"done\n"
    yield
    for worker in started:
        worker.communicate(timeout=10)
        assert worker.returncode == 0


def sharing(folder: Path, clock: Clock | None = None) -> Metrics:
    """Metrics of this process that share this folder."""
    metrics = Metrics() if clock is None else Metrics(clock=clock)
    metrics.provide_models(Settings(argument={"metrics": {"shared": str(folder)}}, environment={}))
    return metrics


def seen(metrics: Metrics, calls: int) -> Snapshot:
    """What all workers have counted, as soon as it is so many calls."""
    deadline = time.monotonic() + 10
    while (found := metrics.all_workers()).total.all_time.calls < calls and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def over_time(metrics: Metrics) -> int:
    """The calls in the history of the last hour, of all workers."""
    return sum(figures.calls for _, figures in metrics.all_workers(hour=True).over_time()[1])


@pytest.mark.slow
def test_four_workers_add_up_while_they_run_and_when_they_have_ended(tmp_path: Path) -> None:
    """To the call, the token and the cent; and the next one takes over what is left of them."""
    reader = sharing(tmp_path)
    with workers(tmp_path, 4, 500):
        for figures in (seen(reader, 2000).total.all_time, reader.all_workers().total.last_5_minutes):
            assert (figures.calls, figures.ok, figures.errors) == (2000, 1800, {"upstream": 200})
            assert (figures.input_tokens, figures.output_tokens) == (5400, 3600)
            assert figures.cost == Decimal("0.0126")
        assert len(list(tmp_path.glob("*.json"))) == 4
        assert over_time(reader) == 2000
    assert reader.all_workers().total.all_time.calls == 2000
    with workers(tmp_path, 1, 7):
        assert seen(reader, 2007).total.all_time.calls == 2007
        assert sorted(path.suffix for path in tmp_path.iterdir()) == [".hour", ".json"]
    assert reader.all_workers().total.all_time.calls == over_time(reader) == 2007


def test_a_worker_sees_its_own_calls_at_once(tmp_path: Path) -> None:
    """Its own figures are those of this moment, whatever its file says; without the setting they are all there is."""
    for metrics in (sharing(tmp_path), Metrics()):
        feed(metrics.call_finished, call_of(), call_of())
        assert metrics.all_workers().total.all_time.calls == 2


def test_the_last_calls_of_a_process_are_shared(tmp_path: Path) -> None:
    """What it counted in its last second is in its file when it has ended."""
    with workers(tmp_path, 1, 3):
        pass
    assert sharing(tmp_path).all_workers().total.all_time.calls == 3


def test_of_an_ended_worker_only_counts_stay(tmp_path: Path) -> None:
    """Nothing of it is under way, well or unwell, or of the last minute, once its file is old."""
    clock = Clock()
    one, other = sharing(tmp_path, clock), sharing(tmp_path, clock)
    feed(one.call_finished, call_of(clock.now), call_of(clock.now, error="auth"))
    assert seen(other, 2).total.last_minute.calls == 2
    assert [health.status for health in other.all_workers().health] == ["unhealthy", "unhealthy"]
    clock.now += 31
    later = other.all_workers()
    assert (later.total.all_time.calls, later.total.last_minute.calls, later.health) == (2, 0, ())
    assert len(later.failures) == 1


def test_the_history_of_all_workers_is_an_hour(tmp_path: Path) -> None:
    """Without its file of an hour each tells the last minute, which is what a live chart goes on with."""
    clock = Clock()
    one, other = sharing(tmp_path, clock), sharing(tmp_path, clock)
    for _ in range(3):
        feed(one.call_finished, call_of(clock.now))
        feed(other.call_finished, call_of(clock.now))
        seen(other, 2)
        clock.now += 600
    feed(one.call_finished, call_of(clock.now))
    assert seen(other, 7).total.all_time.calls == 7
    step, points = other.all_workers(hour=True).over_time()
    assert [figures.calls for _, figures in points if figures.calls] == [2, 2, 2, 1]
    assert step == 10.0
    assert [figures.calls for _, figures in other.all_workers().over_time(60)[1]] == [0, 0, 0, 0, 0, 1]


def test_of_several_workers_one_tells_of_an_alert(tmp_path: Path) -> None:
    """Each holds the rules against the calls of all; sinks hear once, from another worker when the first has ended."""
    clock, told = Clock(), list[tuple[int, str]]()

    def hear(number: int, alerts: Sequence[Alert]) -> None:
        told.extend((number, alert.state) for alert in alerts)

    rules = {"dear": {"what": "cost_per_hour", "threshold": 5, "window": "1m", "for": 0}}
    argument = {"metrics": {"shared": str(tmp_path)}, "alerts": {"rules": rules, "sinks": [], "every": 3600}}
    both = [Metrics(clock=clock), Metrics(clock=clock)]
    for number, metrics in enumerate(both):
        metrics.provide_models(Settings(argument=argument, environment={}))
        metrics.add_sink(partial(hear, number), name="test")
        feed(metrics.call_finished, call_of(clock.now))
    assert [seen(metrics, 2).total.all_time.calls for metrics in both] == [2, 2]
    for metrics in both:
        feed(metrics.call_finished, call_of(clock.now, cost=Decimal("0.05")))
    assert [seen(metrics, 4).total.all_time.calls for metrics in both] == [4, 4]
    for metrics in both:
        metrics.judge()
        assert metrics.flush()
        assert [alert.value for alert in metrics.alerts.firing] == [6.0]
    ((leader, state),) = told
    assert state == "firing"
    os.utime(min(tmp_path.glob("*.json")), (1, 1))
    clock.now += 120
    for metrics in both:
        assert [alert.state for alert in metrics.judge()] == ["resolved"]
        assert metrics.flush()
    assert told == [(leader, "firing"), (1 - leader, "resolved")]


def test_what_cannot_be_read_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A broken file, or one of another release, is named in the log and counts nothing."""
    (tmp_path / "1-1.json").write_text("{")
    (tmp_path / "1-2.json").write_text('{"taken": 1}')
    later = Metrics(clock=Clock())
    feed(later.call_finished, call_of())
    (tmp_path / "1-3.json").write_text(json.dumps(later.snapshot().as_json()).replace('"healthy"', '"sleepy"'))
    metrics = sharing(tmp_path)
    feed(metrics.call_finished, call_of())
    assert metrics.all_workers().total.all_time.calls == 1
    assert "1-1.json among the shared figures cannot be read" in caplog.text
    assert str(tmp_path) not in caplog.text


def test_a_folder_that_was_tidied_away_is_made_anew(tmp_path: Path) -> None:
    """The next calls are shared again, and no count is missing: a file holds all of its process."""
    folder = tmp_path / "figures"
    metrics, reader = sharing(folder), sharing(folder)
    feed(metrics.call_finished, call_of())
    assert seen(reader, 1).total.all_time.calls == 1
    shutil.rmtree(folder, ignore_errors=True)
    feed(metrics.call_finished, call_of())
    assert seen(reader, 2).total.all_time.calls == 2


def test_a_folder_that_cannot_be_is_said_at_load(tmp_path: Path) -> None:
    """The setting is named."""
    (tmp_path / "file").write_text("")
    board = Switchboard(settings=Settings(file={"metrics": {"shared": str(tmp_path / "file" / "x")}}, environment={}))
    with pytest.raises(PluginError, match=r"config.toml, \[metrics\] shared: is no folder that can be made"):
        board.add(Metrics)


@pytest.mark.parametrize("value", [" ", 5])
def test_what_names_no_folder_is_said_at_load(value: object) -> None:
    """Nothing is written where the process happens to be."""
    board = Switchboard(settings=Settings(file={"metrics": {"shared": value}}, environment={}))
    with pytest.raises(PluginError, match=r"config.toml, \[metrics\] shared: is no name of a folder"):
        board.add(Metrics)
