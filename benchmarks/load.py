"""The load test: three providers with different latencies and faults, thousands of calls, every resource watched.

Run in .venv. What the board, its listener and the providers counted must be the same to the last call.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import faulty
import upstream
from modelplug import Call, CallFailed, Hooks, Model, Settings, Switchboard, hookimpl
from progress import Bar
from shapes import KEY, MESSAGES, shape
from worker import resident

STEP = 1_000
WARM = 200
LAG_EVERY = 0.002
TEXT = shape("stream64").text


class Ledger(Hooks):
    """One model for each provider; as a listener, the attempts of all calls by provider and kind."""

    def __init__(self) -> None:
        self.attempts: Counter[str] = Counter()
        self.calls = 0

    @hookimpl
    def provide_models(self, settings: Settings) -> list[Model]:
        """The providers' models."""
        return [Model(id=f"{name}/model", provider=name, aliases=(name,)) for name in faulty.TEMPERS]

    @hookimpl
    def call_finished(self, call: Call) -> None:
        """Count."""
        self.calls += 1
        for attempt in call.attempts:
            self.attempts[f"{call.provider} {attempt.error.kind if attempt.error else attempt.outcome}"] += 1


class Watch:
    """What a run is seen to take, and how its calls ended for the host."""

    def __init__(self) -> None:
        self.lags: list[float] = []
        self.lag_at_start = 0.0
        self.samples: list[tuple[int, int]] = []
        self.ended: Counter[str] = Counter()
        self.sockets = 0

    def count(self, end: str) -> None:
        """One more call is over."""
        self.ended[end] += 1
        done = self.ended.total()
        if done == WARM:  # until then the HTTP client was imported, in a thread, and connections were made
            self.lag_at_start, self.lags = max(self.lags), []
        if done % (STEP // 4) == 0:
            self.samples.append((done, resident()))
            self.sockets = max(self.sockets, sockets())

    async def look(self) -> None:
        """Watch the event loop until cancelled."""
        while True:
            due = time.perf_counter() + LAG_EVERY
            await asyncio.sleep(LAG_EVERY)
            self.lags.append(time.perf_counter() - due)

    def growth(self) -> float | None:
        """Bytes for each 1,000 calls, by least squares over the second half of the run."""
        late = self.samples[len(self.samples) // 2 :]
        if len(late) < 3:
            return None
        return statistics.linear_regression(*zip(*late, strict=True)).slope * 1_000


def sockets() -> int:
    """How many sockets this process has open."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found += str(entry.readlink()).startswith("socket:")
        except OSError:  # it was this listing's own
            continue
    return found


async def run(base: str, calls: int, concurrency: int) -> dict[str, Any]:
    """Makes the calls, on each provider in turn, a stream and a whole answer in turn; what came of it."""
    providers = {n: {"api_base": f"{base}/{n}/v1", "api_key": KEY, "strategy": "http"} for n in faulty.TEMPERS}
    board = Switchboard.load(strict=True, settings={"providers": providers})
    ledger, watch, bar = Ledger(), Watch(), Bar("load", total=calls)
    board.add(ledger, name="ledger")
    numbers = iter(range(calls))

    async def caller() -> None:
        for number in numbers:
            watch.count(await _end_of_one(board, number))
            bar.step()

    watching = asyncio.ensure_future(watch.look())
    before, begun, clock = sockets(), time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(concurrency)))
    wall, cpu = time.perf_counter() - begun, time.process_time() - clock
    watching.cancel()
    board.flush()
    metrics = board.plugin("metrics").snapshot().total.all_time
    await board.aclose()
    await asyncio.sleep(0.1)
    response = await asyncio.to_thread(urlopen, f"{base}/counts/")
    upstreams = _expected(json.load(response))
    same = upstreams == ledger.attempts and metrics.attempts == upstreams.total()
    same = same and watch.ended.total() == ledger.calls == metrics.calls == calls and watch.ended["ok"] == metrics.ok
    lags = sorted(watch.lags)
    return {
        "calls": calls,
        "concurrency": concurrency,
        "same": same,
        "ended": dict(watch.ended),
        "metrics": {"ok": metrics.ok, "failed": metrics.failed, "errors": dict(metrics.errors)},
        "upstreams": dict(upstreams),
        "attempts": dict(ledger.attempts),
        "seconds": wall,
        "cpu": cpu / calls,
        "lag_p99": lags[len(lags) * 99 // 100],
        "lag_most": lags[-1],
        "lag_at_start": watch.lag_at_start,
        "resident": resident(),
        "growth": watch.growth(),
        "sockets": {"before": before, "most": watch.sockets, "after": sockets()},
    }


async def _end_of_one(board: Switchboard, number: int) -> str:
    """`ok`, or the kind of failure that the host saw. A wrong text is `wrong`."""
    name = list(faulty.TEMPERS)[number % 3]
    try:
        if number % 2:
            reply = await board.complete(name, MESSAGES)
        else:
            async with board.stream(name, MESSAGES) as chunks:
                async for _ in chunks:
                    pass
            reply = chunks.reply
    except CallFailed as failure:
        return str(failure.kind)
    return "ok" if reply.text == TEXT else "wrong"


def _expected(deeds: dict[str, int]) -> Counter[str]:
    """What a listener must have counted, by what the providers did."""
    expected: Counter[str] = Counter()
    for key, number in deeds.items():
        provider, deed = key.split()
        expected[f"{provider} {faulty.KINDS[deed] or 'ok'}"] += number
    return expected


def report(found: dict[str, Any]) -> str:
    """The run in words and columns."""
    growth = "-" if found["growth"] is None else f"{found['growth'] / 1e3:+.1f} kB"
    sockets, wall = found["sockets"], found["seconds"]
    late = (found["lag_p99"] * 1e3, found["lag_most"] * 1e3, found["lag_at_start"] * 1e3)
    lines = [
        f"{found['calls']:,} calls, {found['concurrency']} at once, three providers with faults: {wall:.1f} s",
        f"  the host saw         {_columns(found['ended'])}",
        f"  metrics counted      ok {found['metrics']['ok']:,}  failed {found['metrics']['failed']:,}",
        "",
        f"  {'attempts, by what came of them':<32}{'providers did':>14}{'listener told':>15}",
    ]
    for key in sorted({*found["upstreams"], *found["attempts"]}):
        lines.append(f"  {key:<32}{found['upstreams'].get(key, 0):>14,}{found['attempts'].get(key, 0):>15,}")
    lines += [
        "",
        f"  counts agree         {'yes, to the last call' if found['same'] else 'NO'}",
        f"  CPU a call           {found['cpu'] * 1e3:.2f} ms, retries and the watching included",
        f"  event loop late      p99 {late[0]:.1f}, most {late[1]:.1f} ms; in the first {WARM} calls {late[2]:.0f} ms",
        f"  memory               {found['resident'] / 1e6:.0f} MB, {growth} for each further 1,000 calls",
        f"  sockets              {sockets['before']} before, {sockets['most']} at most, {sockets['after']} after",
    ]
    return "\n".join(lines)


def _columns(counts: dict[str, int]) -> str:
    return "  ".join(f"{name} {number:,}" for name, number in sorted(counts.items(), key=lambda item: -item[1]))


if __name__ == "__main__":
    with upstream.running("faulty.py") as address:
        results = asyncio.run(run(address, int(sys.argv[1]), int(sys.argv[2])))
    print(json.dumps({**results, "report": report(results)}))
    sys.exit(not results["same"])
