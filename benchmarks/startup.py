"""What a start costs: imports, listings, help, and the first call, each in new processes, interleaved."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import Any, NamedTuple

import environments
from progress import Bar
from rounds import HERE

_MEMORY = "\nprint(next(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')))"
_LOADED = "from modelplug import Switchboard\nboard = Switchboard.load()\nassert len(board.models) > 100" + _MEMORY
_FIRST_CALL = (
    f"import sys, asyncio; sys.path.insert(0, {str(HERE)!r})\nimport shapes\nfrom clients import %s as client\n"
)
_FIRST_CALL += (
    "async def main():\n    call = await client.opened(sys.argv[1] + '/json/v1', shapes.shape('json'), **%r)\n"
)
_FIRST_CALL += "    assert (await call())[0] == shapes.shape('json').text\nasyncio.run(main())" + _MEMORY


class Start(NamedTuple):
    """One kind of start: its environment and its command; a command that begins with `-c` is Python's."""

    name: str
    environment: str
    command: tuple[str, ...]
    program: str = "python"


STARTS = (
    Start("python alone", "ours", ("-c", "pass" + _MEMORY)),
    Start("load modelplug, list every model", "ours", ("-c", _LOADED)),
    Start("import openai", "openai", ("-c", "import openai" + _MEMORY)),
    Start("import litellm", "litellm", ("-c", "import litellm" + _MEMORY)),
    Start("modelplug models list", "ours", ("models", "list"), "modelplug"),
    Start("llm models", "llm", ("models",), "llm"),
    Start("modelplug --help", "ours", ("--help",), "modelplug"),
    Start("./run --help", "ours", ("--help",), "run"),
    Start("llm --help", "llm", ("--help",), "llm"),
    Start("first call, modelplug http", "ours", ("-c", _FIRST_CALL % ("ours", {"strategy": "http"}), "BASE")),
    Start("first call, modelplug direct", "ours", ("-c", _FIRST_CALL % ("ours", {"strategy": "direct"}), "BASE")),
    Start("first call, openai", "openai", ("-c", _FIRST_CALL % ("over_openai", {"fast": False}), "BASE")),
    Start("first call, litellm", "litellm", ("-c", _FIRST_CALL % ("over_litellm", {}), "BASE")),
)

RATIOS = (
    ("load modelplug, list every model", "import openai", 1 / 10),
    ("modelplug models list", "llm models", 1 / 5),
    ("./run --help", "llm --help", 1 / 4),
    ("first call, modelplug http", "first call, litellm", 1 / 5),
)
"""Ours, theirs, and what was promised of CPU; of the last the time on the wall counts."""


def measure(base: str, *, rounds: int, llm_home: str) -> list[dict[str, Any]]:
    """Medians of CPU seconds and wall seconds over new processes, and the most memory in bytes where it is known."""
    taken: dict[str, list[tuple[float, float, int | None]]] = {start.name: [] for start in STARTS}
    bar = Bar("start-up", total=(rounds + 1) * len(STARTS))
    for round_ in range(rounds + 1):
        for start in STARTS:
            figures = _run(start, base, llm_home)
            if round_:  # the first one compiles bytecode and warms the disk
                taken[start.name].append(figures)
            bar.step(start.name)
    return [
        {
            "start": name,
            "cpu": statistics.median(one[0] for one in figures),
            "wall": statistics.median(one[1] for one in figures),
            "rss": figures[0][2],
        }
        for name, figures in taken.items()
    ]


def _run(start: Start, base: str, llm_home: str) -> tuple[float, float, int | None]:
    interpreter = environments.python(start.environment)
    program = environments.ROOT / "run" if start.program == "run" else interpreter.parent / start.program
    command = [str(program), *(base if word == "BASE" else word for word in start.command)]
    variables = {**environments.variables(), "LLM_USER_PATH": llm_home}
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=variables)
    assert process.stdout
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"bench: {start.name} ended with status {process.returncode}")
    memory = int(said.split()[-1]) * 1024 if start.program == "python" else None
    return used.ru_utime + used.ru_stime, wall, memory
