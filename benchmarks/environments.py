"""An environment for each peer, in `.bench/`, so that no peer's packages meet ours or another's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".bench"
OURS = "ours"

sys.path.append(str(ROOT / "tools"))

import environment as workspace  # noqa: E402  # the module of tools/ that makes .venv

PACKAGES = {
    "floor": ("httptools", "msgspec"),
    "aiohttp": ("aiohttp", "msgspec"),
    "pyreqwest": ("pyreqwest", "msgspec"),
    "httpx": ("httpx", "msgspec"),
    "openai": ("openai[aiohttp]",),
    "litellm": ("litellm",),
    "any-llm": ("any-llm-sdk[openai]",),
    "pydantic-ai": ("pydantic-ai-slim[openai]",),
    "langchain": ("langchain-openai",),
    "llm": ("llm",),
}
"""What uv installs into each environment. `ours` is .venv itself."""


def python(name: str) -> Path:
    """The interpreter of an environment."""
    home = workspace.VENV if name == OURS else HOME / name
    return home / "bin" / "python"


def ready(name: str) -> bool:
    """Whether an environment is there, made of what it should be made of."""
    stamp = HOME / name / "ready"
    return name == OURS or (stamp.exists() and stamp.read_text() == " ".join(PACKAGES[name]))


def make(names: Iterable[str], *, upgrade: bool = False) -> Iterator[str]:
    """Makes the environments that are not there yet, all with the Python of .venv and with compiled bytecode.

    Yields each name before its work. Raises `SetupFailed` of tools/environment.py.
    """
    HOME.mkdir(exist_ok=True)
    for name in names:
        if not upgrade and ready(name):
            continue
        yield name
        workspace.run_uv("venv", "--quiet", "--clear", "--python", sys.executable, str(HOME / name))
        install = ["pip", "install", "--quiet", "--compile-bytecode", "--python", str(python(name))]
        workspace.run_uv(*install, *(["--upgrade"] if upgrade else []), *PACKAGES[name])
        (HOME / name / "ready").write_text(" ".join(PACKAGES[name]))


def version(name: str, distribution: str) -> str:
    """The installed version of a distribution in an environment, or an empty text."""
    code = f"import importlib.metadata as m; print(m.version({distribution!r}), end='')"
    return subprocess.run([python(name), "-c", code], capture_output=True, text=True, env=variables()).stdout


def variables() -> dict[str, str]:
    """The variables of every process that is measured: bytecode may be written, nothing of the user's is seen."""
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE")
    known = {name: os.environ[name] for name in keep if name in os.environ}
    # Neither peers nor we look anything up in the network while we measure.
    return {**known, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "MODELPLUG_CONFIG": os.devnull}
