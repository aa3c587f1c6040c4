"""Which commands there are, how they are found, and what that costs."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from modelplug_cli._commands import OWN, Commands

from plugins.cli.tests.conftest import Run, install


def test_help_lists_all_commands(modelplug: Run) -> None:
    """Our own commands with their help, those of plugins with theirs."""
    text = modelplug("--help").stdout.decode()
    assert all(f"  {name} " in text for name in OWN)
    assert re.search(r"greet +Greet\.", text)


@pytest.mark.parametrize("name", OWN)
def test_the_help_page_says_what_the_command_says(name: str) -> None:
    """The line on the help page is the first line of the command's own help."""
    command = Commands().get_command(click.Context(Commands()), name)
    assert command is not None
    assert command.get_short_help_str(limit=100) == OWN[name]


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_load_nothing(argument: str, environment: Mapping[str, str], packages: Path) -> None:
    """Neither the board nor any plugin nor anything that draws is imported for the help page and the version."""
    (packages / "toy.py").write_text("raise RuntimeError('imported')\n")
    script = (
        "import sys; from modelplug_cli import main\n"
        "try: main()\n"
        "finally: print(sorted({'modelplug', 'rich', 'asyncio', 'attr'} & sys.modules.keys()), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", script, argument], env=environment, capture_output=True, timeout=20)
    assert (run.returncode, run.stderr) == (0, b"[]\n")


def test_a_chat_imports_no_client_before_its_call(environment: Mapping[str, str]) -> None:
    """A call that is refused before the wire has imported neither LiteLLM nor an HTTP client."""
    script = (
        "import sys; from modelplug_cli import main\n"
        "try: main()\n"
        "finally: print(sorted({'litellm', 'aiohttp', 'httpx', 'rich'} & sys.modules.keys()), file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, "chat", "-m", "locked", "x"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
    )
    assert run.returncode == 1
    assert run.stderr.startswith(b"error: TOY_API_KEY: is not set")
    assert run.stderr.endswith(b"\n[]\n")


def test_a_command_of_a_plugin_runs(modelplug: Run) -> None:
    """A plugin's command is a command like ours."""
    assert modelplug("greet").stdout == b"hello from a plugin\n"


def test_a_broken_command_is_one_line(modelplug: Run, packages: Path) -> None:
    """A command that cannot be imported fails alone, with its distribution named; --debug shows where."""
    install(packages, "sour", "import nowhere\n", "[modelplug.commands]\nsour = sour:main\n")
    run = modelplug("sour")
    said = b"error: the command 'sour' of sour 1.0 cannot be loaded: ModuleNotFoundError: No module named 'nowhere'\n"
    assert (run.returncode, run.stderr) == (1, said)
    assert re.search(rb"sour +A sour\.", modelplug("--help").stdout)
    assert modelplug("greet").returncode == 0
    assert b"Traceback" in modelplug("--debug", "sour").stderr


def test_a_broken_command_spoils_no_page_and_no_completion(modelplug: Run, packages: Path) -> None:
    """Groups with commands of plugins list them unimported; a shell that completes is offered all others."""
    points = "[modelplug.commands]\nsour = sour:main\nmodels.sour = sour:main\n"
    install(packages, "sour", "import nowhere\n", points)
    assert re.search(rb"list .*show .*sour +A sour\.", modelplug("models", "--help").stdout, re.DOTALL)
    for typed, place, offered in (
        ("modelplug ", "1", {*OWN, "greet"}),
        ("modelplug models ", "2", {"list", "show"}),
        ("modelplug chat --sys", "2", {"--system"}),
    ):
        asked = {"_MODELPLUG_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": place}
        run = modelplug(**asked)
        shown = {line.removeprefix("plain,") for line in run.stdout.decode().split()}
        assert offered <= shown and "sour" not in shown
        assert (run.returncode, run.stderr) == (0, b"")


def test_a_plugin_cannot_take_a_name_of_ours(modelplug: Run, packages: Path) -> None:
    """`chat` stays ours."""
    install(packages, "thief", "raise RuntimeError\n", "[modelplug.commands]\nchat = thief:main\n")
    assert modelplug("chat", "hi").stdout == b"user: hi\n"


def test_wrong_usage_is_one_line(modelplug: Run) -> None:
    """An unknown command or option: exit status 2 and one line that names the help."""
    for words, where in (
        (["cht"], b"modelplug --help"),
        (["models", "list", "--nope"], b"modelplug models list --help"),
    ):
        run = modelplug(*words)
        assert (run.returncode, run.stdout, run.stderr.count(b"\n")) == (2, b"", 1)
        assert where in run.stderr


def test_groups_alone_list(modelplug: Run) -> None:
    """`models`, `plugins` and `config` alone do what people mean."""
    assert modelplug("models").stdout == modelplug("models", "list").stdout
    assert modelplug("config").stdout == modelplug("config", "show").stdout
    assert modelplug("plugins").returncode == 0


def test_verbose_shows_the_log(modelplug: Run) -> None:
    """-v before or after the command shows what modelplug logs; without it nothing is."""
    nobody = {"MODELPLUG_PLUGINS": "toy,nobody"}
    assert modelplug("plugins", "list", **nobody).stderr == b""
    for words in (["-v", "plugins", "list"], ["plugins", "list", "-v"]):
        assert b"plugin 'nobody' was not loaded" in modelplug(*words, **nobody).stderr


def test_verbose_tells_of_calls(modelplug: Run) -> None:
    """-v says in one line how a call ended, -vv each step with its time; the lines of a call have one id."""
    assert b"call " not in modelplug("chat", "hello").stderr
    once = modelplug("chat", "hello", "-v")
    (line,) = [line for line in once.stderr.decode().splitlines() if "modelplug.calls" in line]
    assert re.fullmatch(r"INFO modelplug\.calls: call [0-9a-f]+-1: ok, .* tokens 1200 in, 34 out, .*", line)
    twice = modelplug("chat", "hello", "-vv").stderr.decode()
    steps = re.findall(r"^\d\d:\d\d:\d\d\.\d{3} \w+ modelplug\.calls: call ([0-9a-f]+-1)\b", twice, re.MULTILINE)
    assert len(steps) == 3 and len(set(steps)) == 1
