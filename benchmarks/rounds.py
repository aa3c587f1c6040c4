"""Interleaving: every candidate in every round, so that a noisy moment of the machine meets them all alike."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import environments
from candidates import Candidate
from progress import Bar

HERE = Path(__file__).resolve().parent
MIN_CALLS, MAX_CALLS = 4, 3_000
_MANY = 100
"""More calls at a time warm a worker up while they are counted."""

Figures = dict[str, Any]


class Plan(NamedTuple):
    """What is measured: shapes, calls at a time, rounds, and the CPU seconds that a candidate gets in a round."""

    shapes: tuple[str, ...]
    concurrency: int
    rounds: int
    slot: float


class Process:
    """A worker, told over its standard input."""

    def __init__(self, candidate: Candidate, base: str) -> None:
        self.candidate = candidate
        told = {"needs": candidate.needs, "module": candidate.module, "base": base, "options": candidate.options}
        self._process = subprocess.Popen(
            [environments.python(candidate.environment), HERE / "worker.py", json.dumps(told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environments.variables(),
            cwd=HERE,
            text=True,
        )
        self.imported = self._answer()

    def run(self, name: str, calls: int, concurrency: int) -> Figures:
        """Raises RuntimeError when a call failed or the worker ended."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"name": name, "calls": calls, "concurrency": concurrency}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the worker."""
        self._process.communicate(timeout=30)

    def _answer(self) -> Figures:
        assert self._process.stdout and self._process.stderr
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker ended: {self._process.stderr.read()[-2000:]}")
        answer: Figures = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


def measure(candidates: list[Candidate], base: str, plans: Iterable[Plan]) -> list[Figures]:
    """Medians over the rounds: one entry for each candidate, shape and concurrency.

    A peer that fails is left out of that shape, with its reason; one of ours that fails is a RuntimeError.
    """
    workers = []
    bar = Bar("starting workers", total=len(candidates))
    for candidate in candidates:
        workers.append(Process(candidate, base))
        bar.step(candidate.name)
    results = [figures for plan in plans for shape in plan.shapes for figures in _measured(workers, shape, plan)]
    imported = {worker.candidate.name: worker.imported for worker in workers}
    for worker in workers:
        worker.close()
    return [{**figures, **imported[figures["candidate"]]} for figures in results]


def _measured(workers: list[Process], shape: str, plan: Plan) -> list[Figures]:
    title = shape if plan.concurrency == 1 else f"{shape} x {plan.concurrency}"
    bar = Bar(title, total=(plan.rounds + 1) * len(workers))
    failed: dict[str, str] = {}
    counts: dict[str, int] = {}
    taken: dict[str, list[Figures]] = {worker.candidate.name: [] for worker in workers}
    for round_ in range(-1, plan.rounds):
        turn = max(0, round_) % len(workers)
        for worker in workers[turn:] + workers[:turn]:
            name = worker.candidate.name
            if name not in failed:
                try:
                    if round_ < 0:
                        counts[name] = _calibrated(worker, shape, plan)
                    else:
                        taken[name].append(worker.run(shape, counts[name], plan.concurrency))
                except RuntimeError as error:
                    if worker.candidate.ours:
                        raise
                    failed[name] = str(error)
            bar.step(name)
    floor = [figures["cpu"] for figures in taken.get("floor", ())]
    where = {"shape": shape, "concurrency": plan.concurrency}
    return [
        {"candidate": name, **where, "failed": failed[name]}
        if name in failed
        else {"candidate": name, **where, **_summed(figures, floor)}
        for name, figures in taken.items()
    ]


def _calibrated(worker: Process, shape: str, plan: Plan) -> int:
    """Warm it up, then say how many calls fill its slot."""
    if plan.concurrency <= _MANY:
        worker.run(shape, max(3, plan.concurrency), plan.concurrency)
    first = worker.run(shape, max(5, plan.concurrency), plan.concurrency)
    apart = shape.endswith("-apart")  # mostly waiting: bounded by the clock on the wall too
    cost = max(first["cpu"], first["p50"] / 8) if apart else first["cpu"]
    calls = max(MIN_CALLS, min(MAX_CALLS, int(plan.slot / cost)))
    return calls if plan.concurrency == 1 else max(calls, plan.concurrency)


def _summed(taken: list[Figures], floor: list[float]) -> Figures:
    costs = [figures["cpu"] for figures in taken]
    ratios = [cost / base for cost, base in zip(costs, floor, strict=True)] if floor else []
    return {
        "calls": sum(figures["calls"] for figures in taken),
        "rounds": len(taken),
        **{key: statistics.median(figures[key] for figures in taken) for key in ("cpu", "rate", "p50", "p99", "rss")},
        "cpu_least": min(costs),
        "cpu_most": max(costs),
        "lag": max((figures["lag"] for figures in taken if figures["lag"] is not None), default=None),
        "ratio": statistics.median(ratios) if ratios else None,
    }
