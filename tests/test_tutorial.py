"""The tutorial as a reader follows it: its console blocks, word for word, in an empty folder of an empty home."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from modelplug_local.model import models_folder

from tests.workspace import ROOT

pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.timeout(400)]
QUESTION = [{"role": "user", "content": "Say hello in one sentence."}]
DONE = "-- typed:"
KEPT = ("PIP_", "UV_", "SSL_", "LANG", "LC_")
"""How the names begin of what a fresh machine has in its environment too: which index pip asks, and with what."""


class Terminal:
    """A shell of the reader's: one command after the other, and at most one that goes on until Ctrl-C."""

    def __init__(self, home: Path, variables: dict[str, str]) -> None:
        self._log = home / f"terminal-{id(self)}.log"
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=home, env=variables, text=True, bufsize=1, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.type("set -m")  # what goes on gets a group of its own, and Ctrl-C reaches it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.interrupt()
        self._shell.communicate()

    def type(self, *lines: str) -> str:
        """What these commands say; none of them fails."""
        return "".join(map(self._typed, lines))

    def start(self, line: str) -> None:
        """A command that goes on."""
        self._typed(f"{line} >{shlex.quote(str(self._log))} 2>&1 &")

    def interrupt(self) -> str:
        """Ctrl-C, and what the command that went on had said."""
        self._typed("kill -INT %% 2>&- ; wait")
        return self._log.read_text("utf-8") if self._log.exists() else ""

    def _typed(self, line: str) -> str:
        assert self._shell.stdin is not None and self._shell.stdout is not None
        self._shell.stdin.write(f'{{ {line}\n}} </dev/null\necho "{DONE}$?"\n')
        said: list[str] = []
        for each in self._shell.stdout:
            before, done, status = each.partition(DONE)
            said.append(before)
            if done:
                assert status == "0\n", f"{line}\n{''.join(said)}"
                break
        return "".join(said)


class Reader:
    """Somebody with this repository at ~/modelplug, a Python, and nothing else."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self.home, self._stack = home, stack
        (home / "modelplug").symlink_to(ROOT)
        # But for the language model, which is here already, and the ports, which may be taken.
        models_folder().mkdir(parents=True, exist_ok=True)
        (home / ".cache").mkdir()
        (home / ".cache" / "modelplug").symlink_to(models_folder().parent)
        self.served, self.status, self.host = (_free() for _ in range(3))
        (home / "bin").mkdir()
        (home / "bin" / "python3").write_text(f"#!/bin/sh\n{_python()}\n", "utf-8")
        (home / "bin" / "python3").chmod(0o755)
        self._variables = {
            **{name: value for name, value in os.environ.items() if name.startswith(KEPT) or name.endswith("_proxy")},
            "HOME": str(home),
            "PATH": f"{home / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "UVICORN_PORT": str(self.host),
        }

    def terminal(self) -> Terminal:
        """Another one."""
        return self._stack.enter_context(Terminal(self.home, self._variables))

    def lesson(self, name: str) -> tuple[list[list[str]], list[str]]:
        """The commands of its console blocks, and its blocks of Python."""
        text = (ROOT / "docs" / "tutorial" / f"{name}.md").read_text("utf-8").replace("8123", str(self.served))
        consoles = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        commands = [[line.removeprefix("$ ") for line in block.splitlines() if line[:2] == "$ "] for block in consoles]
        return commands, re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)

    def open(self, port: int) -> httpx.Client:
        """What a browser would have, as soon as the server answers."""
        client = self._stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60))
        until = time.monotonic() + 60
        while True:
            try:
                client.get("/")
                return client
            except httpx.TransportError:
                assert time.monotonic() < until
                time.sleep(0.1)


def _python() -> str:
    """What `python3` is: the one below ours. Where it cannot make an environment with pip, as Debian's, uv does it."""
    python = shlex.quote(os.path.realpath(sys.executable))
    plain = f'exec {python} "$@"'
    if importlib.util.find_spec("ensurepip") is not None:
        return plain
    uv = shlex.quote(os.environ.get("MODELPLUG_UV") or str(ROOT / ".bootstrap" / "uv"))
    index = 'export UV_SYSTEM_CERTS=1 UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX-$PIP_INDEX_URL}"' if _index() else ":"
    return f'{index}\n[ "$1 $2" = "-m venv" ] && exec {uv} venv -q --seed --python {python} "$3"\n{plain}'


def _index() -> bool:
    return "PIP_INDEX_URL" in os.environ or "UV_DEFAULT_INDEX" in os.environ


def _free() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Whoever reads; at the end their terminals are closed."""
    with ExitStack() as stack:
        yield Reader(tmp_path, stack)


def chat(client: httpx.Client, model: str) -> dict[str, Any]:
    """The host's last event of an answer: the record of a call that went well."""
    asked = client.post("/chat", json={"model": model, "messages": QUESTION})
    assert asked.status_code == 200, asked.text
    *_, name, data = asked.text.strip().split("\n")
    assert name == "event: call", asked.text
    told: dict[str, Any] = json.loads(data.removeprefix("data: "))
    return told


def providers(client: httpx.Client, place: str = "") -> dict[str, int]:
    """The cards of the dashboard, once a call is over: providers, and how many of their calls went well."""
    until = time.monotonic() + 20
    while True:
        rows = client.get(f"{place}/api/llm/metrics/providers").json()["data"]["rows"]
        if any(row["calls"] for row in rows):
            return {row["provider"]: row["ok"] for row in rows}
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_first_call(reader: Reader) -> None:
    """Lesson 1: the model answers, and the line under it says which."""
    ((ask,),), _ = reader.lesson("1-first-call")
    assert "\nlocal/smollm2-135m · local" in reader.terminal().type("cd ~/modelplug", ask)


def test_from_an_empty_folder_into_a_host(reader: Reader) -> None:
    """Lessons 2 to 4: a green kit, a model that is listed, answers and is on the dashboard, and a host that has it."""
    (make, look, serve, (*call, dashboard)), (module, *_) = reader.lesson("2-first-provider")
    one, two = reader.terminal(), reader.terminal()
    assert re.search(r"\d{3} passed in", one.type(*make))
    (reader.home / "pebble/modelplug-pebble/src/modelplug_pebble/__init__.py").write_text(module, "utf-8")
    said = one.type(*look)
    assert "pebble\tloaded" in said and "pebble/small\tpebble\t8.19k\t0.10\t0.40" in said and " 0 failed" in said

    one.start(*serve)
    reader.open(reader.served)
    assert "\npebble/small · pebble via http" in two.type(*call)
    two.start(f"{dashboard} --port {reader.status}")
    page = reader.open(reader.status)
    page.post("/api/llm/playground", json={"model": "pebble/small", "messages": QUESTION})
    assert providers(page) == {"pebble": 1}
    assert f"http://127.0.0.1:{reader.status}/" in two.interrupt()
    one.interrupt()

    ((*without, start), (*again, serve_again), (*install, restart), differ), blocks = reader.lesson("4-into-a-host")
    one.type(*without)
    one.start(start)
    host = reader.open(reader.host)
    host.post("/login", json={"user": "alice"})
    assert [row["id"] for row in host.get("/models").json()] == ["local/smollm2-135m"]
    assert chat(host, "local")["tokens"] > 0

    two.type(*again)
    two.start(serve_again)
    reader.open(reader.served)
    one.interrupt()
    one.type(*install)
    one.start(restart)
    host = reader.open(reader.host)
    host.post("/login", json={"user": "alice"})
    assert [row["allowed"] for row in host.get("/models").json()] == [True, False]
    host.post("/login", json={"user": "bob"})
    host.put("/keys/pebble", json={"key": "sk-pebble"})
    assert chat(host, "pebble/small")["cost"] > 0
    host.post("/login", json={"user": "ops"})
    assert providers(host, "/ops/llm") == {"pebble": 1}
    assert one.type(*differ) == ""
    (reader.home / "pebble/host/why.py").write_text("\n".join(blocks), "utf-8")
    assert "tenant: has no credentials for provider 'pebble'" in one.type("python why.py")
