"""Checks everything: `./run test`. With arguments: pytest alone, in .venv, with these arguments."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO

import browser
import environment

ROOT = environment.ROOT
OTHER_PYTHONS = ("3.11", "3.12", "3.13")
PURE = ("core", "plugins/metrics", "plugins/http", "plugins/cli")
"""Members whose tests run under each Python: small, and independent of LiteLLM and of the local model."""


def main(arguments: list[str]) -> int:
    """Runs every check, also after one failed, and names those that failed at the end."""
    if arguments:
        return _run("pytest", *arguments)
    started = time.monotonic()
    with ThreadPoolExecutor() as pool:  # tests wait a lot: meanwhile the rest is done, and shown behind them
        chromium = pool.submit(browser.install)
        rest = pool.submit(_everything_else)
        chromium.result()
        failed = ["pytest"] if _run("pytest") else []
        failed += rest.result()
    verdict = f"failed: {', '.join(failed)}" if failed else "all checks passed"
    _say(f"{verdict} ({time.monotonic() - started:.0f} s)")
    return 1 if failed else 0


def _everything_else() -> list[str]:
    """Lint, types and the other Pythons. What failed."""
    others = [version for version in OTHER_PYTHONS if not _is_ours(version)]
    checks = {
        "ruff check": partial(_shown_late, "ruff", "check"),
        "ruff format": partial(_shown_late, "ruff", "format", "--check", "--quiet"),
        "mypy": partial(_shown_late, "mypy"),
        **{f"pytest on {version}": partial(_test_on, version) for version in others},
    }
    return [name for name, check in checks.items() if check()]


def _run(tool: str, *arguments: str, venv: Path = environment.VENV, output: IO[bytes] | None = None) -> int:
    # Tools of .venv by their module, so that no path with a space breaks a script's first line.
    command = [str(venv / "bin" / "python"), "-m", tool, *arguments]
    if output is None:
        _say(" ".join([tool, *arguments]))
    return subprocess.run(command, cwd=ROOT, stdout=output, stderr=output and subprocess.STDOUT).returncode


def _shown_late(tool: str, *arguments: str, venv: Path = environment.VENV) -> int:
    """Runs a tool beside others; what it says is shown in one piece when it ends."""
    with tempfile.TemporaryFile() as said:
        code = _run(tool, *arguments, venv=venv, output=said)
        said.seek(0)
        text = said.read().decode(errors="replace")
    _say(f"{' '.join([tool, *arguments])} ({venv.name})\n{text.rstrip()}")
    return code


def _test_on(version: str) -> int:
    python = _find_python(version)
    if python is None:
        _say(f"Python {version} is not on this machine: its tests were not run")
        return 0
    venv = ROOT / f".venv-{version}"
    try:
        environment.make(venv, python)
    except environment.SetupFailed as failure:
        _say(str(failure))
        return 1
    tests = [path for folder in PURE if (path := f"{folder}/tests") and any((ROOT / path).glob("**/test_*.py"))]
    return _shown_late("pytest", "--quiet", "-m", "not slow and not model", "-p", "no:cacheprovider", *tests, venv=venv)


def _is_ours(version: str) -> bool:
    return version == f"{sys.version_info.major}.{sys.version_info.minor}"


def _find_python(version: str) -> str | None:
    """A working interpreter of this version: on PATH, or installed by pyenv, whose shims refuse inactive versions."""
    on_path = map(Path, os.environ.get("PATH", "").split(os.pathsep))
    pyenvs = {folder.parent for folder in on_path if folder.name == "shims"} | {Path.home() / ".pyenv"}
    installed = [found for root in pyenvs for found in root.glob(f"versions/{version}*/bin/python{version}")]
    for python in [shutil.which(f"python{version}"), *sorted(map(str, installed))]:
        if python and subprocess.run([python, "-c", ""], capture_output=True).returncode == 0:
            return python
    return None


def _say(text: str) -> None:
    print(f"\n== {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
