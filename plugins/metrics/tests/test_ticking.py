"""The threads that look every few seconds, at the end of a process."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import atexit, threading
from modelplug_metrics._ticking import Ticking

class Looking:
    def tick(self):
        return True

looking = Looking()
early, late = (Ticking(looking.tick, name=name) for name in ("early", "late"))

def at_exit():  # before the end of `early`, as records of last calls are told
    late.start()
    atexit.register(print, "never")

atexit.register(lambda: print(sorted(thread.name for thread in threading.enumerate())))
early.start()
atexit.register(at_exit)
"""


def test_none_runs_while_the_interpreter_is_taken_down() -> None:
    """One that ticks is ended and waited for, and none begins any more: a thread killed in an import keeps its lock."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "['MainThread']\n"
