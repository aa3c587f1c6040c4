"""The commands `modelplug local ...`, run as a person runs them."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("model_file")]

COMMAND = [sys.executable, "-c", "from modelplug_local.commands import local; local()"]


def test_fetch_says_where_the_file_is() -> None:
    """The path stands alone on stdout, and no bar is drawn for a file that is there."""
    run = subprocess.run([*COMMAND, "fetch"], capture_output=True, text=True, check=True)
    assert Path(run.stdout.strip()).suffix == ".gguf"
    assert run.stderr == ""
    run = subprocess.run([*COMMAND, "fetch", "--json"], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["bytes"] > 90_000_000


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_serve_serves_until_it_is_told_to_stop(ending: signal.Signals) -> None:
    """Base and key are printed, work, and are gone with the command, which ends well."""
    environment = {**os.environ, "LOCAL_API_KEY": "chosen-key"}
    process = subprocess.Popen([*COMMAND, "serve", "--json"], stdout=subprocess.PIPE, text=True, env=environment)
    with process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["api_key"] == "chosen-key"
        request = urllib.request.Request(f"{told['api_base']}/models", headers={"Authorization": "Bearer chosen-key"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
        process.send_signal(ending)
        assert process.wait(10) == 0
    assert not Path(f"/proc/{told['pid']}").exists()


def test_serve_prints_what_points_another_program_here() -> None:
    """The line on stdout is ready for a shell, and nothing else stands there."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--api-key", "k"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""
    assert line.startswith("export OPENAI_COMPATIBLE_API_BASE=http://127.0.0.1:")
    assert line.endswith("/v1 OPENAI_COMPATIBLE_API_KEY=k\n")


def test_serve_ends_with_an_error_when_the_process_is_killed() -> None:
    """A crash of the model is not taken for a wish to stop."""
    process = subprocess.Popen([*COMMAND, "serve", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        os.kill(json.loads(process.stdout.readline())["pid"], signal.SIGKILL)
        assert "SIGKILL" in process.stderr.read()
    assert process.returncode == 1
