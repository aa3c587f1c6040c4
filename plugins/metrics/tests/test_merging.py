"""Figures of several boards and several worker processes add up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from modelplug import Call
from modelplug_metrics import Metrics
from modelplug_metrics.snapshot import Snapshot

from plugins.metrics.tests.calls import CALLS, Clock, call_of, feed


def snapshot_of(calls: list[Call]) -> Snapshot:
    """A snapshot of these calls."""
    metrics = Metrics(clock=Clock())
    feed(metrics.call_finished, *calls)
    return metrics.snapshot()


@given(st.lists(CALLS, min_size=1, max_size=4))
def test_the_sum_of_parts_is_the_whole(parts: list[list[Call]]) -> None:
    """Snapshots of parts, merged, have the very rows of a snapshot of everything: counts, cents and percentiles."""
    first, *others = [snapshot_of(part) for part in parts]
    whole = snapshot_of([call for part in parts for call in part])
    assert first.merge(*others).rows == whole.rows


@given(CALLS, CALLS, CALLS)
def test_merging_is_associative(one: list[Call], two: list[Call], three: list[Call]) -> None:
    """In whatever order snapshots are merged, they come to the same; rows, health, failures and all."""
    a, b, c = snapshot_of(one), snapshot_of(two), snapshot_of(three)
    assert a.merge(b).merge(c) == a.merge(b.merge(c)) == c.merge(a, b)


@given(CALLS)
def test_a_snapshot_survives_the_wire(calls: list[Call]) -> None:
    """What another process reads from JSON is the snapshot that was written."""
    snapshot = snapshot_of(calls).merge()
    assert Snapshot.from_json(json.loads(json.dumps(snapshot.as_json(), allow_nan=False))) == snapshot


WORKER = """
import sys, json, time
from decimal import Decimal
from modelplug import Usage
from modelplug_metrics import Metrics
from plugins.metrics.tests.calls import call_of, failure_of

metrics, worker = Metrics(), int(sys.argv[1])
for n in range(1000):
    error = "rate_limit" if n % 10 == worker else None
    metrics.call_finished(call_of(time.time(), error=error, cost=Decimal("0.0001"), first_chunk=0.01 * (n % 50 + 1)))
print(json.dumps(metrics.snapshot().as_json()))
"""


def test_four_workers_add_up() -> None:
    """Four processes with a thousand calls each are four thousand calls, to the token and the cent."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(n)], stdout=subprocess.PIPE, text=True, env=environment)
        for n in range(4)
    ]
    first, *others = [Snapshot.from_json(json.loads(worker.communicate()[0])) for worker in workers]
    total = first.merge(*others).total
    for figures in (total.all_time, total.last_5_minutes):
        assert (figures.calls, figures.ok, figures.failed) == (4000, 3600, 400)
        assert figures.errors == {"rate_limit": 400}
        assert (figures.input_tokens, figures.output_tokens) == (12_000, 8_000)
        assert figures.cost == Decimal("0.4")
        assert figures.first_chunk.count == 4000


def test_a_forked_child_starts_from_zero() -> None:
    """A child does not count again what its parent counted, so that their sum is right."""
    metrics = Metrics()
    feed(metrics.call_finished, call_of(), call_of())
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        feed(metrics.call_finished, call_of())
        os.write(writer, str(metrics.snapshot().total.all_time.calls).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"1"
    os.close(reader)
    os.close(writer)
    assert metrics.snapshot().total.all_time.calls == 2


def test_threads_lose_no_call() -> None:
    """Four threads that tell while a fifth reads: every call is counted once."""
    metrics = Metrics()
    done = threading.Event()
    readings: list[int] = []

    def tell(name: str) -> None:
        for n in range(2000):
            metrics.call_finished(call_of(model_id=f"fake/{name}{n % 7}", seconds=0.001))

    def read() -> None:
        while not done.is_set():
            readings.append(metrics.snapshot().total.all_time.calls)

    reader = threading.Thread(target=read)
    tellers = [threading.Thread(target=tell, args=(name,)) for name in "abcd"]
    for thread in (reader, *tellers):
        thread.start()
    for thread in tellers:
        thread.join()
    done.set()
    reader.join()
    assert metrics.snapshot().total.all_time.calls == 8000
    assert readings == sorted(readings)
