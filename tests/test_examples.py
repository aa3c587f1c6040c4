"""The examples do what they say, installed as a user would install them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workspace import ROOT

EXAMPLES = ROOT / "examples"

LIST = """
import json
from modelplug import Switchboard
board = Switchboard.load()
plugins = {p.name: [p.state, p.reason, p.distribution, p.models] for p in board.plugins}
print(json.dumps({"plugins": plugins, "models": {m.id: board.route(m) for m in board.models if m.provider in %r}}))
"""


def installed(name: str, folder: Path) -> dict[str, str]:
    """The environment of a Python for which an example is installed."""
    uv = os.environ.get("MODELPLUG_UV") or str(Path(ROOT, ".bootstrap", "uv"))
    command = [uv, "pip", "install", "-q", "--no-deps", "--offline", "--target", str(folder), str(EXAMPLES / name)]
    subprocess.run(command, check=True, timeout=60, env={**os.environ, "VIRTUAL_ENV": sys.prefix})
    return {"PYTHONPATH": str(folder), "HOME": str(folder), "PATH": os.environ["PATH"], "ACME_API_KEY": "sk-acme"}


def run(*arguments: str, environment: dict[str, str]) -> str:
    """What a Python program prints."""
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_provider_is_loaded_and_routed(tmp_path: Path) -> None:
    """After its installation a board has its models; `http` carries them, and the prefix does not go upstream."""
    environment = installed("provider-acme", tmp_path)
    found = json.loads(run("-c", LIST % (("acme",),), environment=environment))
    assert found["plugins"]["acme"] == ["loaded", None, "modelplug-acme", 2]
    assert found["models"] == {
        "acme/anvil-large": ["anvil-large", "http"],
        "acme/anvil-embed": ["anvil-embed", "http"],
    }


def test_the_strategy_is_loaded(tmp_path: Path) -> None:
    """With the model that it brings."""
    environment = installed("strategy-echo", tmp_path)
    found = json.loads(run("-c", LIST % (("echo",),), environment=environment))
    assert found["plugins"]["echo"][0] == "loaded"
    assert found["models"] == {"echo/echo": ["echo", "echo"]}


def test_the_layers_sleep_until_a_setting_wakes_them(tmp_path: Path) -> None:
    """Three plugins that are loaded; with a cassette that is not there, no call is made."""
    environment = installed("layers", tmp_path)
    found = json.loads(run("-c", LIST % (("local",),), environment=environment))
    assert {found["plugins"][name][0] for name in ("budget", "cache", "cassette")} == {"loaded"}
    assert found["models"]
    environment["MODELPLUG_CASSETTE_PATH"] = str(tmp_path / "tape.json")
    with pytest.raises(AssertionError, match="Record it with MODELPLUG_CASSETTE_MODE"):
        run("-c", LIST % (("local",),), environment=environment)


@pytest.mark.parametrize("name", ["layers", "provider-acme", "strategy-echo"])
def test_their_own_tests_pass(name: str, tmp_path: Path) -> None:
    """As their authors would run them."""
    environment = installed(name, tmp_path)
    options = ["-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "--rootdir", str(tmp_path), "-c", os.devnull]
    run("-m", "pytest", *options, str(EXAMPLES / name / "tests"), environment=environment)


@pytest.mark.model
def test_the_host_runs() -> None:
    """It answers, streams and shows what the metrics plugin has seen."""
    printed = run(str(EXAMPLES / "host.py"), environment=dict(os.environ))
    assert "local/smollm2-135m: ok in" in printed
    assert "metrics:" in printed


def test_the_host_says_what_is_wrong() -> None:
    """An unknown model is one readable line."""
    command = [sys.executable, str(EXAMPLES / "host.py"), "locall"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "no model is called 'locall'. Did you mean 'local'" in done.stdout
    assert done.stderr == ""
