"""The package client that fetches: uv or pip, whichever this environment has."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen
from modelplug import ConfigError


@frozen(kw_only=True)
class Client:
    """A client and how to call it. Both verify the wheel's sha256 themselves, and neither runs anything from it.

    uv unpacks the wheel while it downloads; pip keeps it (`keeps_wheel`).
    """

    name: str
    program: tuple[str, ...]

    @property
    def keeps_wheel(self) -> bool:
        """True when the wheel is left to be unpacked by us."""
        return self.name == "pip"

    def command(self, wanted: Path, partial: Path) -> list[str]:
        """The command that brings what the requirements file `wanted` names into `partial`: wheel/ or unpacked/."""
        checked = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(wanted)]
        if self.keeps_wheel:
            quiet = ["--disable-pip-version-check", "--no-input", "--no-cache-dir", "--progress-bar", "off"]
            return [*self.program, "download", *quiet, *checked, "--dest", str(partial / "wheel")]
        # A cache of its own: the file grows where it can be watched, and no second copy stays behind.
        places = ["--target", str(partial / "unpacked"), "--cache-dir", str(partial / "uv")]
        return [*self.program, "pip", "install", "--no-progress", "--python", sys.executable, *checked, *places]

    def environment(self, partial: Path) -> dict[str, str]:
        """What the client must find in its environment besides what is there."""
        if self.keeps_wheel:
            return {"TMPDIR": str(partial)}
        changes = {"UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": os.environ.get("UV_SYSTEM_CERTS", "1")}
        if "UV_DEFAULT_INDEX" not in os.environ and (index := os.environ.get("PIP_INDEX_URL")):
            changes["UV_DEFAULT_INDEX"] = index  # uv reads none of pip's settings
        return changes


def find_client() -> Client:
    """The first client there is: `MODELPLUG_UV`, uv beside this Python or on PATH, pip of this Python or the one below.

    Raises ConfigError when there is none.
    """
    for uv in _uvs():
        if shutil.which(uv):
            return Client(name="uv", program=(uv,))
    for python in _pythons():
        asked = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)  # noqa: S603
        if asked.returncode == 0:
            return Client(name="pip", program=(python, "-m", "pip"))
    raise ConfigError(
        "MODELPLUG_UV",
        "neither uv nor pip was found to fetch the model with",
        "Install one of them, or set providers.local.model_path (LOCAL_MODEL_PATH) to a GGUF file.",
    )


def _uvs() -> Iterator[str]:
    if named := os.environ.get("MODELPLUG_UV"):
        yield named
    if importlib.util.find_spec("uv"):
        import uv  # type: ignore[import-not-found, unused-ignore]  # the package on the index; usually not there

        yield str(uv.find_uv_bin())
    yield str(Path(sys.executable).with_name("uv"))
    yield "uv"


def _pythons() -> Iterator[str]:
    yield sys.executable
    yield getattr(sys, "_base_executable", sys.executable)  # a venv made by uv has no pip; what it was made from may
    yield "python3"
