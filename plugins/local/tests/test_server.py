"""The child process with the real model in it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from modelplug import ConfigError
from modelplug_local._loading import Loading
from modelplug_local.server import Server, serve

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("model_file")]


@pytest.fixture(scope="module")
def server(model_file: None) -> Iterator[Server]:
    with serve() as server:
        yield server


def ask(server: Server, path: str, body: Any = None, *, key: str | None = None) -> tuple[int, Any]:
    """Status and decoded body of a request to the server."""
    base, own = server.credentials.api_base, server.credentials.api_key
    assert base is not None
    assert own is not None
    headers = {"Authorization": f"Bearer {own.reveal() if key is None else key}"}
    request = urllib.request.Request(base.removesuffix("/v1") + path, headers=headers)
    if body is not None:
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def ended(pid: int, within: float = 5.0) -> bool:
    """Whether a process that is not our child ends so soon."""
    limit = time.monotonic() + within
    while time.monotonic() < limit:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def test_the_endpoint_answers_as_openai_does(server: Server) -> None:
    """Another program gets a chat completion from base and key alone."""
    body = {"model": "any", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}
    status, answer = ask(server, "/v1/chat/completions", body)
    assert status == 200
    assert answer["choices"][0]["message"]["content"]
    assert answer["model"] == "smollm2-135m"


@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions", "/v1/embeddings", "/props", "/slots"])
def test_a_wrong_key_is_refused(server: Server, path: str) -> None:
    """Nothing but the sign of life is to be had without the key."""
    assert ask(server, path, {"messages": []} if "chat" in path else None, key="wrong")[0] == 401
    assert ask(server, "/health", key="wrong") == (200, {"status": "ok"})


def test_the_key_is_not_to_be_seen_from_outside(server: Server) -> None:
    """Neither the process list nor the child's environment has the key or the model's path."""
    assert server.credentials.api_key is not None
    key = server.credentials.api_key.reveal().encode()
    for file in ("cmdline", "environ"):
        shown = Path(f"/proc/{server.pid}/{file}").read_bytes()
        assert key not in shown
        assert b".gguf" not in shown


def test_it_listens_on_loopback_alone(server: Server) -> None:
    """No other address of the machine has the port."""
    assert server.credentials.api_base is not None
    port = int(server.credentials.api_base.rpartition(":")[2].partition("/")[0])
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert [row[1] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port] == [
        f"0100007F:{port:04X}"
    ]


def test_stop_ends_the_process() -> None:
    """After `with` the process is gone and was not killed."""
    with serve(api_key="chosen-key") as server:
        assert ask(server, "/v1/models", key="chosen-key")[0] == 200
    assert server.ending == "ended with status 0"
    server.stop()


def test_llama_cpp_prints_nothing_here(capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever llama.cpp has to say stays in its log."""
    with serve() as server:
        ask(server, "/v1/embeddings", {"input": "long " * 3000})
        until = time.monotonic() + 5  # the child's log is written by a thread of its own
        while "too large" not in server.log():
            assert time.monotonic() < until, server.log()
            time.sleep(0.05)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("forks", [False, True])
def test_the_server_ends_with_a_parent_that_is_killed(forks: bool) -> None:
    """SIGKILL to the parent ends the child, also when a fork of the parent lives on and holds its pipes."""
    script = (
        "import os, time; from modelplug_local.server import serve\n"
        "server = serve()\n"
        f"fork = os.fork() if {forks} else -1\n"
        "if fork: print(server.pid, fork, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child, fork = map(int, parent.stdout.readline().split())
    try:
        assert not ended(child, within=0.1)
        parent.kill()
        parent.wait()
        assert ended(child)
    finally:
        parent.stdout.close()
        if forks:
            os.kill(fork, signal.SIGKILL)


def test_a_file_that_is_no_model_is_a_config_error(tmp_path: Path) -> None:
    """The error names what to do next and not the path."""
    (tmp_path / "no.gguf").write_bytes(b"GGUF, but not really")
    with pytest.raises(ConfigError, match="did not start") as caught:
        Server.start(Loading(path=tmp_path / "no.gguf"))
    assert str(tmp_path) not in str(caught.value)
    with pytest.raises(ConfigError, match="names no file"):
        Server.start(Loading(path=tmp_path / "none.gguf"))


def test_a_port_in_use_is_a_config_error() -> None:
    """A port that another program has cannot be served on."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match="did not start"):
        serve(port=taken.getsockname()[1])
