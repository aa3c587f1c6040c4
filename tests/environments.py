"""Environments of their own, for tests of what other people's packages make of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.workspace import ROOT


def python_with(folder: Path, *packages: str) -> str:
    """A Python in this folder that has these packages; members of the workspace are named by their places."""
    uv = os.environ.get("MODELPLUG_UV") or str(ROOT / ".bootstrap" / "uv")
    python = str(folder / "venv" / "bin" / "python")
    variables = {**os.environ, "UV_SYSTEM_CERTS": "1"}  # as tools/environment.py has it
    if "PIP_INDEX_URL" in os.environ:
        variables.setdefault("UV_DEFAULT_INDEX", os.environ["PIP_INDEX_URL"])
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(folder / "venv")], check=True, timeout=60)
    wanted = [str(ROOT / package) if (ROOT / package).is_dir() else package for package in packages]
    install = [uv, "pip", "install", "-q", "--python", python, *wanted]
    subprocess.run(install, check=True, timeout=240, env=variables)
    return python
