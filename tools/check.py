"""Checks everything: `./run test`. With arguments: pytest alone, in .venv, with these arguments."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

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
    chromium = Thread(target=browser.install)  # a download, while the processors are busy with the checks
    chromium.start()
    failed = [
        name
        for name, code in (
            ("ruff check", _run("ruff", "check")),
            ("ruff format", _run("ruff", "format", "--check", "--quiet")),
            ("mypy", _run("mypy")),
            *((f"pytest on {version}", _test_on(version)) for version in OTHER_PYTHONS if not _is_ours(version)),
        )
        if code
    ]
    chromium.join()
    failed += ["pytest"] if _run("pytest") else []
    verdict = f"failed: {', '.join(failed)}" if failed else "all checks passed"
    _say(f"{verdict} ({time.monotonic() - started:.0f} s)")
    return 1 if failed else 0


def _run(tool: str, *arguments: str, venv: Path = environment.VENV) -> int:
    _say(" ".join([tool, *arguments]))
    # Tools of .venv by their module, so that no path with a space breaks a script's first line.
    return subprocess.run([venv / "bin" / "python", "-m", tool, *arguments], cwd=ROOT).returncode


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
    _say(f"Python {version}:")
    return _run("pytest", "--quiet", "-m", "not slow and not model", "-p", "no:cacheprovider", *tests, venv=venv)


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
