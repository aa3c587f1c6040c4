"""Several worker processes add up, scraped each alone or merged."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from modelplug_metrics.snapshot import Snapshot
from modelplug_prometheus import exposition

from plugins.prometheus.tests.test_exposition import read, scraped, total

WORKER = """
import asyncio, json, sys
from decimal import Decimal
from modelplug import Model, Prices, Settings, Switchboard, Unavailable
from modelplug.testing import FakePlugin, FakeStrategy
from modelplug_metrics import Metrics
from modelplug_prometheus import exposition

async def main(worker):
    model = Model(id="fake/one", provider="fake", requires=(), prices=Prices(input=Decimal(1), output=Decimal(2)))
    board, strategy = Switchboard(settings=Settings(environment={})), FakeStrategy()
    board.add(Metrics, name="metrics")
    board.add(FakePlugin(model, strategy=strategy))
    for n in range(500):
        strategy.error = Unavailable("out of order") if n % 10 == worker else None
        try:
            await board.complete("fake/one", [])
        except Unavailable:
            pass
    await board.aclose()
    snapshot = board.plugin("metrics").snapshot()
    print(json.dumps([snapshot.as_json(), exposition(snapshot)[0].decode()]))

asyncio.run(main(int(sys.argv[1])))
"""


def test_four_workers_add_up() -> None:
    """Four boards in four processes: the sum of four scrapes is one scrape of the merged figures, to the cent."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(n)], stdout=subprocess.PIPE, text=True, env=environment)
        for n in range(4)
    ]
    sent = [json.loads(worker.communicate(timeout=25)[0]) for worker in workers]
    first, *others = [Snapshot.from_json(snapshot) for snapshot, _ in sent]
    for samples in (read(*(text for _, text in sent)), scraped(first.merge(*others))):
        assert total(samples, "modelplug_calls_total") == 2000
        assert total(samples, "modelplug_calls_total", outcome="ok") == 1800
        assert total(samples, "modelplug_errors_total", kind="upstream") == 200
        assert total(samples, "modelplug_tokens_total", type="input") == 5400
        assert total(samples, "modelplug_tokens_total", type="output") == 3600
        assert round(total(samples, "modelplug_cost_usd_total"), 9) == 0.0126
        assert total(samples, "modelplug_gen_ai_client_operation_duration_seconds_count") == 1800
    assert exposition(first.merge(*others))[0] == exposition(others[0].merge(first, *others[1:]))[0]
