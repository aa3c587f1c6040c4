"""`modelplug providers`: a table is written with care, and what cannot be called is told at the first step."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from modelplug import ConfigError
from modelplug_discovery.providers import providers
from modelplug_testkit.contract import well
from modelplug_testkit.upstream import Received, Upstream
from modelplug_testkit.wire import answer

KEY = "sk-steps-0123456789abcdef"


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config.toml of this test."""
    path = tmp_path / "config" / "config.toml"
    monkeypatch.setenv("MODELPLUG_CONFIG", str(path))
    monkeypatch.setenv("ACME_TEST_KEY", KEY)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(providers, list(arguments))


def test_a_table_is_added_behind_what_is_there(config: Path) -> None:
    """Comments stay; the same name is refused, and then nothing changes."""
    config.parent.mkdir()
    before = '# mine\ndefault_model = "local" # the small one\n'
    config.write_text(before, "utf-8")
    done = run(
        "add", "acme", "--base", "https://acme.test/v1", "--key-variable", "ACME_KEY", "--model", "a", "--model", "b"
    )
    assert done.exit_code == 0, done.output
    text = config.read_text("utf-8")
    assert text.startswith(before)
    table = {"api_base": "https://acme.test/v1", "api_key_env": "ACME_KEY", "models": ["a", "b"]}
    assert tomllib.loads(text)["providers"] == {"acme": table}
    again = run("add", "acme", "--base", "https://acme.test/v1", "--discover")
    assert isinstance(again.exception, ConfigError)
    assert config.read_text("utf-8") == text
    assert [each.name for each in config.parent.iterdir()] == ["config.toml"]


@pytest.mark.parametrize(
    "before",
    [
        b"# mine\r\n[providers.one]\r\nmodels = ['x']\r\n",
        b"default_model = 'local'",
        b"\xef\xbb\xbf[aliases]\nklein = 'local'\n",
        "# Gr\u00fc\u00dfe\n[aliases]\nklein = 'local'\n\n\n".encode(),
        b"",
    ],
    ids=["CRLF", "no newline at the end", "a byte order mark", "Unicode and blank lines", "empty"],
)
def test_the_file_stays_as_it_is_written(config: Path, before: bytes) -> None:
    """Byte for byte, with its own line ends, up to what is added."""
    config.parent.mkdir()
    config.write_bytes(before)
    assert run("add", "a.b", "--base", "https://acme.test/v1", "--model", 'x "y" \u00e9').exit_code == 0
    after = config.read_bytes()
    assert after.startswith(before.rstrip())
    assert after.count(b"\n") == after.count(b"\r\n") or b"\r" not in after
    assert tomllib.loads(after.decode("utf-8-sig"))["providers"]["a.b"]["models"] == ['x "y" \u00e9']


def test_a_link_to_the_file_stays_a_link(config: Path, tmp_path: Path) -> None:
    """As those who keep such files elsewhere have it."""
    kept = tmp_path / "dotfiles.toml"
    kept.write_text("# mine\n", "utf-8")
    config.parent.mkdir()
    config.symlink_to(kept)
    assert run("add", "acme", "--base", "https://acme.test/v1", "--discover").exit_code == 0
    assert config.is_symlink() and "[providers.acme]" in kept.read_text("utf-8")


@pytest.mark.parametrize(
    ("before", "mode", "told"),
    [
        ("providers = { one = { models = ['x'] } }\n", 0o644, "in one line"),
        ("[providers.one]\n", 0o444, "read-only"),
        ("[providers.one\n", 0o644, "TOML"),
    ],
)
def test_what_cannot_be_added_to_is_left_alone(config: Path, before: str, mode: int, told: str) -> None:
    """With the reason and what to do."""
    config.parent.mkdir()
    config.write_text(before, "utf-8")
    config.chmod(mode)
    done = run("add", "acme", "--base", "https://acme.test/v1", "--discover")
    assert isinstance(done.exception, ConfigError) and told in str(done.exception)
    assert config.read_text("utf-8") == before
    assert [each.name for each in config.parent.iterdir()] == ["config.toml"]


def test_the_provider_of_a_plugin_is_not_added_again(config: Path) -> None:
    """Its models would have two owners; what is missing is its key."""
    done = run("add", "openai", "--base", "https://acme.test/v1", "--discover")
    assert isinstance(done.exception, ConfigError) and "OPENAI_API_KEY" in str(done.exception)
    assert not config.exists()


def test_without_a_file_there_is_one_afterwards(config: Path) -> None:
    """Without a terminal and without models they are discovered."""
    assert run("add", "acme-ai", "--base", "http://127.0.0.1:9/v1").exit_code == 0
    assert tomllib.loads(config.read_text("utf-8"))["providers"]["acme-ai"]["discover"] is True


@pytest.mark.parametrize(
    "arguments",
    [
        ("Acme", "--base", "https://acme.test/v1"),
        ("a]b", "--base", "https://acme.test/v1"),
        ("acme", "--base", "acme.test"),
        ("acme", "--base", 'https://acme.test/v1"\nx = "'),
        ("acme", "--base", "https://acme.test/v1", "--key-variable", KEY),
        ("acme", "--base", "https://acme.test/v1", "--model", "a\nb"),
        ("acme",),
    ],
)
def test_what_would_not_be_read_again_is_not_written(config: Path, arguments: tuple[str, ...]) -> None:
    """Nothing is written, and a key that is given in place of a variable's name is not shown."""
    done = run("add", *arguments)
    assert isinstance(done.exception, ConfigError)
    assert KEY not in str(done.exception) and "settings argument" not in str(done.exception)
    assert not config.exists()


async def steps_of(config: Path, base: str, *arguments: str, table: str = "") -> list[dict[str, Any]]:
    """The steps of a provider at this base."""
    write(config, base, table)
    done = await asyncio.to_thread(run, "test", "acme", "--json", *arguments)
    assert KEY not in done.output and base not in done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert done.exit_code == (0 if all(step["ok"] for step in found) else 1)
    return found


def write(config: Path, base: str, table: str = "") -> None:
    config.parent.mkdir(exist_ok=True)
    own = f'[providers.acme]\napi_base = "{base}"\napi_key_env = "ACME_TEST_KEY"\n'
    config.write_text(own + (table or 'models = ["m"]\n'), "utf-8")


async def test_each_step_of_what_works(config: Path) -> None:
    """To the calls, where they are asked for: one for each thing that the model is said to be able to do."""

    def play(received: Received) -> Any:
        return well(received) if received.method == "POST" else [answer({"data": [{"id": "m"}]})]

    async with Upstream(plays=[play]) as server:
        found = await steps_of(config, server.base, "--call")
        assert [received.method for received in server.received] == ["GET", "POST", "POST"]
        assert [received.json["max_tokens"] for received in server.received[1:]] == [64, 64]
    names = ["settings", "name", "connection", "encryption", "models", "chat", "stream"]
    assert [step["name"] for step in found] == names
    assert all(step["ok"] for step in found)
    assert found[4]["said"] == "1 listed"
    assert [step["model"] for step in found[5:]] == ["acme/m", "acme/m"]


async def test_the_first_step_that_fails_ends_it(config: Path) -> None:
    """A closed port, a host that is none, a refused key, a plain server behind https: each with what to do."""
    async with Upstream(plays=[answer({"error": {"message": f"bad key {KEY}"}}, status=401)]) as server:
        refused = await steps_of(config, server.base)
        plain = await steps_of(config, server.base.replace("http://", "https://"))
    closed = await steps_of(config, server.base)
    nowhere = await steps_of(config, "http://no-such-host.invalid/v1")
    ends = [(steps[-1]["name"], steps[-1]["ok"]) for steps in (refused, plain, closed, nowhere)]
    assert ends == [("models", False), ("encryption", False), ("connection", False), ("name", False)]
    assert all(steps[-1]["next_step"] for steps in (refused, plain, closed, nowhere))


async def test_an_endpoint_without_a_list_is_no_failure(config: Path) -> None:
    """Its models are named in the table."""
    async with Upstream(plays=[answer(b"", status=404)]) as server:
        found = await steps_of(config, server.base)
    assert found[-1]["ok"] and "no list" in found[-1]["said"]


@pytest.mark.parametrize("arguments", [(), ("--call",), ("--call", "--model", "acme/m")])
async def test_a_wrong_table_is_told_by_the_first_step(config: Path, arguments: tuple[str, ...]) -> None:
    """With the entry and what to write; nobody is asked."""
    async with Upstream(plays=[well]) as server:
        (step,) = await steps_of(config, server.base, *arguments, table='models = ["m", 7]\n')
        assert server.received == []
    assert (step["name"], step["ok"]) == ("settings", False)
    assert "[providers.acme] models, entry 2: is neither a name nor a table. Write" in step["said"]


def test_a_provider_that_is_not_there() -> None:
    """With how to add it."""
    with pytest.raises(ConfigError, match="providers add"):
        raise run("test", "nobody").exception or AssertionError


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal")
def test_on_a_terminal_it_asks_for_what_is_not_said(config: Path) -> None:
    """Address, the variable of the key, models; an empty answer to the last has them discovered."""
    import pty

    ours, theirs = pty.openpty()
    command = [str(Path(sys.executable).with_name("modelplug")), "providers", "add", "acme"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        shown = b""
        for question, typed in ((b"interface", b"https://acme.test/v1"), (b"key", b"ACME_KEY"), (b"models", b"")):
            while not (question in shown and shown.endswith(b": ")):
                shown += os.read(ours, 4096)
            shown = b""
            os.write(ours, typed + b"\n")
        while b"providers test acme" not in shown:
            shown += os.read(ours, 4096)
        assert process.wait(10) == 0
    os.close(ours)
    os.close(theirs)
    table = {"api_base": "https://acme.test/v1", "api_key_env": "ACME_KEY", "discover": True}
    assert tomllib.loads(config.read_text("utf-8"))["providers"]["acme"] == table
