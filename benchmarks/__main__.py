"""The benchmarks: `./run bench [WHAT]`. Every figure is CPU of the client's process unless it says otherwise."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import candidates
import environments
import page
import rounds
import startup
import tables
import upstream
from progress import Bar
from rounds import Plan

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
WHATS = ("all", "calls", "startup", "engine", "hooks", "profile", "layers", "load", "latency", "endurance")
WHATS += ("instructions", "page")
SELDOM = ("endurance", "instructions")
"""What takes minutes or is to be judged, and is measured only when it is asked for."""
FULL = (
    Plan(("json", "stream64", "stream1", "stream8", "stream512", "stream64-apart"), 1, 7, 0.15),
    Plan(("json", "stream64"), 64, 5, 0.3),
    Plan(("json",), 1_000, 1, 0.3),
)
QUICK = (Plan(("json", "stream64"), 1, 2, 0.02),)


def main() -> int:
    """Measures what is asked, prints it, and keeps it where the whole of a kind was measured."""
    options = _options()
    environments.HOME.mkdir(exist_ok=True)
    try:
        chosen = candidates.chosen(options.only)
        plans = _plans(options)
    except ValueError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    whats = tuple(what for what in WHATS[1:] if what not in SELDOM) if options.what == "all" else (options.what,)
    if set(whats) & {"calls", "startup"}:
        _set_up(chosen if "startup" not in whats else candidates.CANDIDATES, upgrade=options.upgrade)
    measures: dict[str, Callable[[], dict[str, Any] | list[dict[str, Any]] | None]] = {
        "calls": lambda: _calls(chosen, plans),
        "startup": lambda: _startup(options),
        "engine": lambda: _engine(options),
        "hooks": lambda: _hooks(options),
        "profile": lambda: _profile(kept=not options.quick),
        "layers": _layers,
        "load": lambda: _load(options),
        "latency": _latency,
        "endurance": lambda: _endurance(options),
        "instructions": lambda: print(_script("instructions.py", *(["--keep"] if options.keep else []))),
        "page": lambda: None,
    }
    partly = options.only or options.shape or options.concurrency or options.quick or options.rounds or options.calls
    for what in whats:
        figures = measures[what]()
        if not partly:
            page.write(_kept({} if figures is None else {what: figures}))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("what", nargs="?", default="all", choices=WHATS)
    parser.add_argument("--only", action="append", metavar="NAME", help="measure this candidate; may be said again")
    parser.add_argument("--shape", action="append", help="json, stream64, stream512, stream64-apart, ...")
    parser.add_argument("--concurrency", type=int, help="calls at a time")
    parser.add_argument("--rounds", type=int, help="how often each candidate has its turn")
    parser.add_argument("--calls", type=int, help="calls of the load test (10,000) or for memory (1,000,000)")
    parser.add_argument("--quick", action="store_true", help="few calls: only to see that it works")
    parser.add_argument("--keep", action="store_true", help="instructions: the new counts stand, worse or not")
    parser.add_argument("--upgrade", action="store_true", help="the newest versions of the peers")
    return parser.parse_args()


def _plans(options: argparse.Namespace) -> tuple[Plan, ...]:
    plans = QUICK if options.quick else FULL
    if options.shape or options.concurrency:
        for name in options.shape or ():
            upstream.shape(name)
        shapes = tuple(options.shape or ("json", "stream64"))
        plans = (plans[0]._replace(shapes=shapes, concurrency=options.concurrency or 1),)
    return tuple(plan._replace(rounds=options.rounds or plan.rounds) for plan in plans)


def _set_up(chosen: Any, *, upgrade: bool) -> None:
    names = list(dict.fromkeys(candidate.environment for candidate in chosen))
    names += ["llm"] if "llm" not in names and len(names) > 3 else []
    missing = [name for name in names if name != "ours" and (upgrade or not environments.ready(name))]
    if missing:
        bar = Bar("peers", total=len(missing))
        for name in environments.make(missing, upgrade=upgrade):
            bar.step(name)


def _calls(chosen: list[candidates.Candidate], plans: tuple[Plan, ...]) -> list[dict[str, Any]]:
    with upstream.running() as base:
        results = rounds.measure(chosen, base, plans)
    for plan in plans:
        for shape in plan.shapes:
            _show(tables.calls(results, shape, plan.concurrency))
    if len({shape for plan in plans for shape in plan.shapes if shape.startswith("stream")}) > 1:
        _show(tables.chunk_costs(results))
    return results


def _startup(options: argparse.Namespace) -> list[dict[str, Any]]:
    with upstream.running() as base, tempfile.TemporaryDirectory() as llm_home:
        results = startup.measure(base, rounds=options.rounds or (1 if options.quick else 7), llm_home=llm_home)
    _show(tables.starts(results))
    _show(tables.start_ratios(results))
    return results


def _engine(options: argparse.Namespace) -> dict[str, float]:
    print("bench: engine", file=sys.stderr)
    results: dict[str, float] = json.loads(_script("engine.py", str(options.rounds or (1 if options.quick else 9))))
    _show(tables.engine(results))
    return results


def _hooks(options: argparse.Namespace) -> dict[str, float]:
    results: dict[str, float] = json.loads(_script("hooks.py", str(options.rounds or (1 if options.quick else 9))))
    _show(tables.hooks(results))
    return results


def _profile(*, kept: bool) -> None:
    with upstream.running() as base:
        text = _script("profiles.py", base)
    if kept:
        (RESULTS / "profile.txt").write_text(text)
    print(text)


def _layers() -> dict[str, Any]:
    with upstream.running() as base:
        results: dict[str, Any] = json.loads(_script("layers.py", base))
    _show(tables.layers(results))
    return results


def _load(options: argparse.Namespace) -> dict[str, Any]:
    calls = 300 if options.quick else options.calls or 10_000
    results: dict[str, Any] = json.loads(_script("load.py", str(calls), str(options.concurrency or 64)))
    print(results["report"])
    return results


def _latency() -> dict[str, Any]:
    results: dict[str, Any] = json.loads(_script("latency.py"))
    _show(tables.latency(results))
    return results


def _endurance(options: argparse.Namespace) -> dict[str, Any]:
    calls, streams, idle = (2_000, 200, 200) if options.quick else (options.calls or 1_000_000, 100_000, 5_000)
    results: dict[str, Any] = json.loads(_script("endurance.py", str(calls), str(min(calls, streams)), str(idle)))
    _show(tables.endurance(results))
    return results


def _script(name: str, *arguments: str) -> str:
    command = [str(environments.python("ours")), str(HERE / name), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environments.variables(), cwd=HERE, text=True)
    if done.returncode:
        print(done.stdout)
        sys.exit(f"bench: {name} ended with status {done.returncode}")
    return done.stdout


def _show(table: tables.Table) -> None:
    print("\n" + tables.text(table), flush=True)


def _kept(results: dict[str, Any]) -> dict[str, Any]:
    """These results over the kept ones, with versions and machine; kept in latest.json."""
    path = RESULTS / "latest.json"
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    processor = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "",
    )
    kept |= results
    if results.keys() & {"calls", "startup"} or "versions" not in kept:
        where = {name: c.environment for c in candidates.CANDIDATES for name in c.distributions[:1]}
        kept |= {
            "when": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "machine": f"Python {platform.python_version()}, {os.cpu_count()} cores, {processor or platform.machine()}",
            "versions": {name: environments.version(place, name) for name, place in where.items()},
        }
    path.write_text(json.dumps(kept, indent=1) + "\n")
    return kept


if __name__ == "__main__":
    sys.exit(main())
