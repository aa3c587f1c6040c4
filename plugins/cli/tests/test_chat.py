"""`modelplug chat`, run as a process of its own."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest

from plugins.cli.tests.conftest import COMMAND, Run


def test_a_pipe_gets_the_answer_alone(modelplug: Run) -> None:
    """Stdout holds the answer and a final newline; the quiet line is on stderr."""
    run = modelplug("chat", "hello")
    assert (run.returncode, run.stdout) == (0, b"user: hello\n")
    line = run.stderr.decode()
    assert line.startswith("toy/echo · toy via canned · first 0.")
    assert line.endswith(" s · 1,200 → 34 tokens · $0.000668\n")


def test_quiet_says_nothing_on_stderr(modelplug: Run) -> None:
    """With --quiet there is no line after the answer, and no reasoning."""
    run = modelplug("chat", "-q", "-m", "thinker", "hello")
    assert (run.stdout, run.stderr) == (b"user: hello\n", b"")


def test_a_pipe_gets_the_bytes_of_the_answer(modelplug: Run) -> None:
    """Whatever the system's encoding, a pipe gets UTF-8 with control codes and line ends as the model sent them."""
    run = modelplug("chat", "-m", "wild", "x", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert run.stdout == "caf\u00e9 \U0001f600\r\n\x1b[31mred\x1b[0m\u0085 end\n".encode()


def test_piped_text_is_asked(modelplug: Run) -> None:
    """Without a prompt the question is what is piped in."""
    assert modelplug("chat", stdin="naïve?\n".encode()).stdout == "user: naïve?\n\n".encode()


def test_a_prompt_is_asked_about_piped_text(modelplug: Run) -> None:
    """The prompt comes first, then what is piped in; the system message before both."""
    run = modelplug("chat", "--system", "be kind", "translate", stdin=b"text")
    assert run.stdout == b"system: be kind\nuser: translate\n\ntext\n"


def test_nothing_to_ask_is_wrong_usage(modelplug: Run) -> None:
    """Neither prompt nor input, or an empty prompt: exit status 2 and one line that names the help."""
    for words in ([], [" "], [" ", "--no-stdin"]):
        run = modelplug("chat", *words)
        assert run.returncode == 2
        assert run.stderr.startswith(b"error: there is nothing to ask")
        assert run.stderr.count(b"\n") == 1


def test_a_prompt_in_another_encoding_is_asked(environment: Mapping[str, str]) -> None:
    """Bytes of an argument that are no UTF-8 have a sign in their place, as in what is piped in."""
    for words in ([b"caf\xe9"], [b"--system", b"caf\xe9", b"x"]):
        run = subprocess.run([COMMAND.encode(), b"chat", *words], env=environment, stdin=DEVNULL, capture_output=True)
        assert "caf\ufffd\n".encode() in run.stdout


def test_input_that_stays_open_can_be_left_alone(environment: Mapping[str, str]) -> None:
    """--no-stdin answers the prompt though standard input never ends; without it, what we wait for is said."""
    with subprocess.Popen([COMMAND, "chat", "--no-stdin", "hi"], env=environment, stdin=PIPE, stdout=PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"user: hi\n"
        assert process.wait(10) == 0
    with subprocess.Popen([COMMAND, "chat", "hi"], env=environment, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"waiting for the end of standard input")
        process.communicate()


def test_parameters_are_json_where_they_are_json(modelplug: Run) -> None:
    """Each -o reaches the call: numbers, lists and objects as such, everything else as text."""
    run = modelplug(
        "chat", "-m", "params", "x", "-o", "temperature=0.2", "-o", 'stop=["x"]', "-o", "user=me=you", "-o", "n=NaN"
    )
    assert json.loads(run.stdout) == {"temperature": 0.2, "stop": ["x"], "user": "me=you", "n": "NaN"}


def test_a_parameter_without_a_value_is_wrong_usage(modelplug: Run) -> None:
    """`-o temperature` says what is missing."""
    run = modelplug("chat", "x", "-o", "temperature")
    assert (run.returncode, run.stdout) == (2, b"")
    assert b"'temperature' is not NAME=VALUE" in run.stderr


def test_what_is_no_parameter_is_wrong_usage(modelplug: Run) -> None:
    """What the board is told besides parameters cannot be said as one."""
    for name in ("messages", "name", "credentials", "tenant", "self"):
        run = modelplug("chat", "x", "-o", f"{name}=y")
        assert (run.returncode, run.stdout) == (2, b"")
        assert f"'{name}' is no parameter of a call".encode() in run.stderr


def test_json_is_the_whole_answer(modelplug: Run) -> None:
    """--json prints OpenAI's shape with the record of the call beside it; a cost is text."""
    whole = json.loads(modelplug("chat", "--json", "hello").stdout)
    assert whole["choices"][0]["message"]["content"] == "user: hello"
    call = whole["call"]
    assert (call["model_id"], call["outcome"], call["cost"], call["stream"]) == ("toy/echo", "ok", "0.000668", True)


def test_no_stream_gives_the_same_answer(modelplug: Run) -> None:
    """--no-stream asks for the whole answer at once."""
    assert modelplug("chat", "--no-stream", "hello").stdout == b"user: hello\n"
    assert json.loads(modelplug("chat", "--no-stream", "--json", "hello").stdout)["call"]["stream"] is False


def test_reasoning_stays_off_stdout(modelplug: Run) -> None:
    """Reasoning is marked on stderr and ends in a line of its own."""
    run = modelplug("chat", "-m", "thinker", "hello")
    assert run.stdout == b"user: hello\n"
    assert run.stderr.startswith(b"thinking: let me see\ntoy/thinker ")


def test_a_failed_call_is_one_line(modelplug: Run) -> None:
    """What the provider said comes as one line, with exit status 1 and nothing on stdout."""
    run = modelplug("chat", "-m", "refusing", "x")
    assert (run.returncode, run.stdout) == (1, b"")
    assert run.stderr == b"error: toy/refusing: too many requests in this minute\n"


def test_a_failed_call_in_json(modelplug: Run) -> None:
    """With --json a program gets the kind, the seconds to wait, what had arrived, and every attempt."""
    for words in (["refusing", "x"], ["refusing", "x", "--no-stream"]):
        run = modelplug("chat", "--json", "-m", *words)
        told = json.loads(run.stdout)
        assert (run.returncode, told["error"]["kind"], told["error"]["retry_after"]) == (1, "rate_limit", 2.5)
        assert [attempt["outcome"] for attempt in told["attempts"]] == ["failed"]
    assert json.loads(modelplug("chat", "--json", "-m", "cut", "hello").stdout)["error"]["partial"] == "user: hello"
    for name, kind in (("nobody", "not_found"), ("locked", "config")):  # no call was made
        run = modelplug("chat", "--json", "-m", name, "x")
        assert (run.returncode, run.stderr.count(b"\n")) == (1, 1)
        assert json.loads(run.stdout)["error"]["kind"] == kind


def test_a_cut_answer_is_shown_and_said(modelplug: Run) -> None:
    """What had arrived is on stdout; the exit status says that it is not whole."""
    run = modelplug("chat", "-m", "cut", "hello")
    assert (run.returncode, run.stdout) == (1, b"user: hello")
    assert run.stderr.startswith(b"error: toy/cut: ")


def test_an_unknown_model_offers_names(modelplug: Run) -> None:
    """A misspelt name gets the nearest ones."""
    run = modelplug("chat", "-m", "ehco", "x")
    assert run.returncode == 1
    assert b"Did you mean 'echo'" in run.stderr
    assert run.stderr.count(b"\n") == 1


def test_debug_shows_the_traceback(modelplug: Run) -> None:
    """--debug, before or after the command, and MODELPLUG_DEBUG show where an error came from."""
    runs = [
        modelplug("chat", "--debug", "-m", "nobody", "x"),
        modelplug("--debug", "chat", "-m", "nobody", "x"),
        modelplug("chat", "-m", "nobody", "x", MODELPLUG_DEBUG="1"),
    ]
    assert [(run.returncode, b"Traceback" in run.stderr, b"UnknownModel" in run.stderr) for run in runs] == [
        (1, True, True)
    ] * 3


def test_a_timeout_ends_the_call(modelplug: Run) -> None:
    """--timeout is for the whole call."""
    start = time.monotonic()
    run = modelplug("chat", "-m", "endless", "x", "--timeout", "0.3")
    assert (run.returncode, run.stdout) == (1, b"user: x")
    assert time.monotonic() - start < 10


def test_ctrl_c_ends_quietly(environment: Mapping[str, str]) -> None:
    """Ctrl-C: exit status 130, no traceback."""
    command = [COMMAND, "chat", "-m", "endless", "x"]
    with subprocess.Popen(command, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.read(7) == b"user: x"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr.read() == b"\n"  # it ends the line of a terminal's ^C


def test_a_reader_that_leaves_is_no_news(environment: Mapping[str, str]) -> None:
    """A broken pipe ends the command without a word."""
    ours, theirs = os.pipe()
    os.close(ours)
    run = subprocess.run([COMMAND, "chat", "x"], env=environment, stdin=DEVNULL, stdout=theirs, stderr=PIPE, timeout=20)
    os.close(theirs)
    assert (run.returncode, run.stderr) == (1, b"")


def test_closed_streams_end_nothing(environment: Mapping[str, str]) -> None:
    """Whoever starts the command without a standard stream gets what goes to the other two, and the status."""
    for closed, words, status, told in (
        ("<&-", "chat", 2, (b"", b"error: there is nothing to ask")),
        ("<&-", "chat x", 0, (b"user: x\n", b"toy/echo ")),
        (">&-", "chat x --no-stdin", 0, (b"", b"toy/echo ")),
        (">&-", "models list", 0, (b"", b"2 more need")),
        ("2>&-", "chat x --no-stdin", 0, (b"user: x\n", b"")),
    ):
        shell = ["sh", "-c", f'exec "$0" {words} {closed}', COMMAND]
        run = subprocess.run(shell, env=environment, stdin=DEVNULL, capture_output=True, timeout=20)
        assert (run.returncode, run.stdout) == (status, told[0])
        assert run.stderr.startswith(told[1])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no such device")
def test_a_full_disk_is_one_line(environment: Mapping[str, str]) -> None:
    """Where the answer cannot be written that is said, without a traceback."""
    with Path("/dev/full").open("wb") as full:
        for words in (["chat", "x"], ["models", "list"]):
            run = subprocess.run([COMMAND, *words], env=environment, stdin=DEVNULL, stdout=full, stderr=PIPE)
            assert run.returncode == 1
            assert b"No space left on device" in run.stderr
            assert run.stderr.count(b"\n") == 1
