"""`modelplug top` before a real server: one plain table in a pipe, a live one on a terminal."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from modelplug import ConfigError, Secret
from modelplug_top.reading import Reader, Unread

from plugins.cli.tests.conftest import COMMAND, Terminal
from plugins.top.tests.conftest import Server

Serve = Callable[..., Server]
OnTerminal = Callable[..., Terminal]
TOKEN = "t0ken-0123456789"


def piped(environment: dict[str, str], *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command with its output in a pipe."""
    command = [COMMAND, "top", *arguments]
    return subprocess.run(command, env={**environment, **variables}, capture_output=True, text=True, timeout=20)


def rows_of(text: str) -> dict[tuple[str, str], list[str]]:
    """The cells of a plain table by provider and model."""
    rows = [line.split() for line in text.splitlines()[2:]]
    return {(row[0], row[1]): row[2:] for row in rows}


def test_in_a_pipe_it_prints_one_table_with_exactly_what_was_called(serve: Serve, environment: dict[str, str]) -> None:
    """Calls, tokens, cost and failures are those that were made; there are no colours, and it ends."""
    server = serve()
    server.call("well/one", 20)
    server.call("ill/one", 3)
    done = piped(environment, "--url", server.url)
    assert (done.returncode, done.stderr) == (0, "") and "\x1b" not in done.stdout
    rows = rows_of(done.stdout)
    assert set(rows) == {("well", "*"), ("well", "one"), ("ill", "*"), ("ill", "one")}
    health, calls, *_, tokens_in, tokens_out, cost, failed = rows["well", "one"]
    assert (health, calls, tokens_in, tokens_out, cost, failed) == ("healthy", "20", "60", "40", "$0.0460", "0")
    assert rows["ill", "one"][1] == "3" and rows["ill", "one"][-2:] == ["3", "upstream"]


def test_a_host_may_have_mounted_it_anywhere(serve: Serve, environment: dict[str, str]) -> None:
    """Below a host's own address the figures are found, and one directory above it is said that there are none."""
    server = serve(mounted="/ops/llm")
    server.call("well/one", 2)
    assert rows_of(piped(environment, "--url", f"{server.url}/").stdout)["well", "one"][1] == "2"
    above = piped(environment, "--url", server.url.removesuffix("/llm"))
    assert above.returncode == 1 and "is no status app (status 404)" in above.stderr


def test_nobody_there_is_said_with_what_to_do(environment: dict[str, str]) -> None:
    """Where no server answers, the one table is one readable line and the status 1."""
    done = piped(environment, MODELPLUG_STATUS_URL="http://127.0.0.1:1")
    assert done.returncode == 1 and done.stdout == ""
    assert "does not answer (Connection refused)" in done.stderr and "modelplug serve" in done.stderr


def test_a_token_is_taken_from_settings_and_never_shown(serve: Serve, environment: dict[str, str]) -> None:
    """Without the token, or with a wrong one, the message names the setting; with the right one there are figures."""
    server = serve(token=TOKEN)
    without = piped(environment, "--url", server.url)
    wrong = piped(environment, "--url", server.url, MODELPLUG_STATUS_TOKEN="wrong-0123456789")
    right = piped(environment, "--url", server.url, MODELPLUG_STATUS_TOKEN=TOKEN)
    assert "asks for a token: set MODELPLUG_STATUS_TOKEN" in without.stderr and without.returncode == 1
    assert "does not take this token" in wrong.stderr and "wrong-0" not in wrong.stderr + wrong.stdout
    assert right.returncode == 0 and TOKEN not in right.stdout + right.stderr


def test_the_table_follows_the_calls(serve: Serve, terminal: OnTerminal) -> None:
    """Calls that are made while somebody looks appear by themselves, and `q` ends it."""
    server = serve()
    server.call("well/one", 2)
    person = terminal("--url", server.url, "--every", "0.2")
    person.wait_for("2 calls, 100% ok")
    server.call("well/one", 3)
    person.wait_for("5 calls, 100% ok")
    server.call("ill/one", 2)
    person.wait_for("7 calls, 71.4% ok")
    person.wait_for("Latest failures")
    person.wait_for("try later")
    person.type("q")
    status, rest = person.end()
    assert status == 0 and "\x1b[?1049l" in rest and "\x1b[?25h" in rest  # the screen and the cursor as before


def test_keys_sort_pause_and_change_the_window(serve: Serve, terminal: OnTerminal) -> None:
    """`s` and `w` show what they chose, `p` keeps the figures as they are, Ctrl-C ends it as `q` does."""
    server = serve()
    server.call("well/one", 2)
    person = terminal("--url", server.url, "--every", "0.2")
    person.wait_for("sort: name")
    person.type("s")
    person.wait_for("sort: calls")
    person.type("w")
    person.wait_for("last 60m")
    person.type("p")
    person.wait_for("PAUSED")
    server.call("well/one", 3)
    with pytest.raises(AssertionError):
        person.wait_for("5 calls,", seconds=1)
    person.type("p")
    person.wait_for("5 calls,")
    person.type("\x03")
    assert person.end()[0] == 0


@pytest.mark.slow
def test_a_server_that_goes_and_comes_back_is_waited_for(serve: Serve, terminal: OnTerminal) -> None:
    """While it is away that is said, and the last figures stay; afterwards there are new ones."""
    server = serve()
    server.call("well/one", 2)
    person = terminal("--url", server.url, "--every", "0.2")
    person.wait_for("2 calls, 100% ok")
    server.stop()
    person.wait_for("Trying again")
    person.wait_for("healthy")
    server.call("well/one")
    server.start()
    person.wait_for("3 calls, 100% ok")
    person.type("q")
    assert person.end()[0] == 0


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "http://", "http://127.0.0.1:port", "http://a:b@127.0.0.1:8400", ""]
)
def test_what_is_no_address_is_refused_by_its_name(url: str) -> None:
    """A wrong address, or one with a password in it, is a ConfigError that names the option and not the password."""
    with pytest.raises(ConfigError, match="--url") as refused:
        Reader(url, None)
    assert "a:b" not in str(refused.value)


class Other(http.server.BaseHTTPRequestHandler):
    """A server that is no status app: it redirects, or says something else."""

    seen: list[tuple[str, str | None]] = []  # noqa: RUF012  # one for all requests of a test

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["authorization"]))
        self.send_response(302 if self.path.startswith("/moved") else 200)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def other() -> Iterator[str]:
    Other.seen.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("path", ["", "/moved"])
def test_another_server_is_told_from_a_status_app(other: str, path: str) -> None:
    """Any other answer is said to be none of a status app's, and a redirect is not followed with the token."""
    reader = Reader(other + path, Secret(TOKEN))
    with pytest.raises(Unread, match="is no status app"):
        reader.read("5m")
    reader.close()
    assert [path for path, _ in Other.seen] == [f"{path}/api/llm/health"]


def test_the_command_starts_without_rich_for_its_help() -> None:
    """The help page is quick: what draws is imported when there is something to draw."""
    program = "import sys, modelplug_top; print('rich' in sys.modules, 'http.client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n" and Path(COMMAND).exists()
