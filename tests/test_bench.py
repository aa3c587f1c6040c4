"""The benchmarks run, and check what they measure."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "benchmarks"


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, BENCH, *arguments], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(180)  # the first time it makes the environment of the floor
def test_a_quick_run_puts_ours_beside_the_floor() -> None:
    """A quick run of two candidates prints a row for each in every shape and keeps nothing."""
    kept = [path.stat().st_mtime_ns for path in sorted((BENCH / "results").iterdir())]
    said = run("calls", "--quick", "--only", "floor", "--only", "modelplug http", "--only", "modelplug direct")
    rows = [line.split("  ")[0] for line in said.splitlines()]
    assert rows.count("floor") == rows.count("modelplug http") == rows.count("modelplug direct") == 2
    assert [path.stat().st_mtime_ns for path in sorted((BENCH / "results").iterdir())] == kept


@pytest.mark.slow
def test_the_load_test_agrees_with_its_providers() -> None:
    """After a short load test the board, its listener and the providers have counted the same."""
    assert "yes, to the last call" in run("load", "--quick")


def test_an_unknown_candidate_is_named_with_those_there_are() -> None:
    """`--only` with a name that is no candidate's fails with the names of all candidates."""
    done = subprocess.run([sys.executable, BENCH, "calls", "--only", "flor"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "'flor' is no candidate" in done.stderr and "modelplug http" in done.stderr


def test_kept_results_have_every_part_of_the_page() -> None:
    """The results that stand in the documentation hold calls, starts and the engine."""
    kept = json.loads((BENCH / "results" / "latest.json").read_text())
    assert {"calls", "startup", "engine", "versions", "machine"} <= kept.keys()


@pytest.mark.slow
def test_what_must_hold_for_hours_is_measured() -> None:
    """The quick form of the measures of memory and of latency makes its calls and opens its streams."""
    assert "a stream that is open and silent, of 200" in run("endurance", "--quick")
    assert "event loop late, p99" in run("latency", "--quick")


@pytest.mark.slow
def test_the_work_of_a_call_is_told_by_layer() -> None:
    """The bytecodes of a call are counted for each layer, and ours are among them."""
    rows = [line.split()[:2] for line in run("layers", "--quick").splitlines()]
    assert ["our", "wire"] in rows
    assert ["the", "core"] in rows


@pytest.mark.slow
def test_what_hooks_cost_is_measured() -> None:
    """The measure behind the explanation of synchronous hooks runs and tells what a wrapper sees."""
    assert "a wrapper round an asynchronous hook sees" in run("hooks", "--quick")
