"""Instructions of our hot paths, counted by valgrind: the same on a busy machine, so that a regression is seen.

Each path runs in one process with its provider, an asyncio protocol in the same event loop, so that nothing depends on
who is scheduled when. Only the calls are counted, not what comes before them, and only in their own thread. Kept in
results/instructions.json; a path that costs more than 1 % above what was kept is named. `http` includes the provider.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import environments
from progress import Bar

KEPT = Path(__file__).resolve().parent / "results" / "instructions.json"
PATHS = ("engine", "http json", "http stream64", "http stream512")
WARM, CALLS = 20, 100
NOISE = 0.01


def _run(name: str, calls: int) -> None:
    """Warm the path up, then make the calls that are counted: those inside of functools.reduce, in this thread."""
    import engine
    import upstream
    from clients import ours
    from shapes import shape

    async def opened() -> Callable[[], Awaitable[object]]:
        if name == "engine":
            board = engine.board(engine.AtOnce())
            return lambda: engine.calls(board, 1)
        strategy, shape_name = name.split()
        wanted = shape(shape_name)
        address = f"http://127.0.0.1:{upstream.port(await upstream.served())}{wanted.path}"
        return await ours.opened(address, wanted, strategy=strategy)

    async def several(number: int) -> None:
        for _ in range(number):
            await call()

    loop = asyncio.new_event_loop()
    call = loop.run_until_complete(opened())
    loop.run_until_complete(several(WARM))
    gc.collect()
    functools.reduce(lambda _, number: loop.run_until_complete(several(number)), [calls], None)


def _count(name: str, calls: int) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=functools_reduce"]
    command += [str(environments.python("ours")), __file__, name, str(calls)]
    variables = {**environments.variables(), "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, env=variables)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None:
        sys.exit(f"bench: counting of {name} failed: {done.stderr[-1000:]}")
    return int(found[1])


def main() -> int:
    """Counts every path, prints and keeps it; 1 when one costs more than it did."""
    if shutil.which("valgrind") is None:
        print("bench: no valgrind on this machine; instructions were not counted", file=sys.stderr)
        return 0
    before = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    now: dict[str, int] = {}
    bar = Bar("instructions", total=len(PATHS))
    for name in PATHS:
        now[name] = _count(name, CALLS) // CALLS
        bar.step(name)
    worse = [name for name in now if name in before and now[name] > before[name] * (1 + NOISE)]
    for name, number in now.items():
        change = f"{number / before[name] - 1:+.1%}" if name in before else "new"
        print(f"{name:<16}{number:>12,} instructions a call  {change}{'  WORSE' if name in worse else ''}")
    if "--keep" in sys.argv or not worse:
        KEPT.write_text(json.dumps(now, indent=1) + "\n")
    return 1 if worse else 0


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _run(sys.argv[1], int(sys.argv[2]))
    else:
        sys.exit(main())
