"""The command with a real server: what goes over the wire, and that the answer comes as it arrives."""

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import DEVNULL, PIPE
from typing import Any

import pytest

from plugins.cli.tests.conftest import COMMAND


class Provider(ThreadingHTTPServer):
    """Answers in two pieces; the second one only when `go_on` is set."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.go_on = threading.Event()
        self.asked: list[tuple[str, str | None, dict[str, Any]]] = []


class Exchange(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers["Authorization"], body))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self._event({"content": "first, "})
        self.server.go_on.wait(10)
        self._event({"content": "second"})
        self._event({}, "stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, delta: dict[str, Any], finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        event = {"id": "1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
        self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider on loopback."""
    with Provider() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_answer_is_printed_as_it_arrives(provider: Provider, environment: Mapping[str, str]) -> None:
    """The first piece is on stdout before the second was sent; key, name and parameters reach the provider."""
    variables = {
        **environment,
        "FAR_API_BASE": f"http://127.0.0.1:{provider.server_port}/v1",
        "FAR_API_KEY": "sk-one",
        "FAR_STRATEGY": "http",
    }
    command = [COMMAND, "chat", "-m", "far", "-o", "temperature=0.5", "hi"]
    with subprocess.Popen(command, env=variables, stdin=DEVNULL, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.read(7) == b"first, "
        provider.go_on.set()
        assert process.stdout.read() == b"second\n"
        assert process.wait(10) == 0
        assert "far/one · far via http" in (line := process.stderr.read().decode())
        assert "tokens not reported · cost unknown" in line
    ((path, authorization, body),) = provider.asked
    assert (path, authorization) == ("/v1/chat/completions", "Bearer sk-one")
    assert (body["model"], body["temperature"], body["stream"]) == ("one", 0.5, True)
    assert body["messages"] == [{"role": "user", "content": "hi"}]


def test_no_provider_is_one_line(environment: Mapping[str, str]) -> None:
    """A port on which nobody listens: one line, and no address in it."""
    variables = {**environment, "FAR_API_BASE": "http://127.0.0.1:9/v1", "FAR_STRATEGY": "http", "FAR_RETRIES": "0"}
    run = subprocess.run(
        [COMMAND, "chat", "-m", "far", "hi"], env=variables, stdin=DEVNULL, capture_output=True, timeout=25
    )
    assert (run.returncode, run.stdout, run.stderr.count(b"\n")) == (1, b"", 1)
    assert run.stderr.startswith(b"error: far/one: ")
