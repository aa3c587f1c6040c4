"""Tiny calls: what they cost at most is said before, and their answers are judged by what they show."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from modelplug import ConfigError, Model, Prices
from modelplug_discovery.providers import providers
from modelplug_discovery.tiny import CALLS, plan
from modelplug_testkit.upstream import Close, Received, Upstream
from modelplug_testkit.wire import HELLO, STREAM_HEAD, answer, completion, part

KEY = "sk-tiny-0123456789abcdef"
ALL = ["chat", "tools", "json_schema", "vision", "reasoning", "embeddings"]
CALLED = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}
VECTOR = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]}


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config.toml of this test."""
    path = tmp_path / "config.toml"
    monkeypatch.setenv("MODELPLUG_CONFIG", str(path))
    monkeypatch.setenv("ACME_TEST_KEY", KEY)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return path


def write(config: Path, text: str) -> None:
    config.write_text(text, "utf-8")


def kind(received: Received) -> str:
    """What a tiny call tries."""
    sent = received.json
    if "input" in sent:
        return "embeddings"
    if isinstance(sent["messages"][0]["content"], list):
        return "vision"
    if "prime" in sent["messages"][0]["content"]:
        return "reasoning"
    found = [name for name in ("tools", "response_format", "stream") if sent.get(name)]
    return found[0] if found else "chat"


def said(text: str | None = "hello", **more: Any) -> bytes:
    """A whole answer with these fields of the message."""
    message = {"role": "assistant", "content": text, **more}
    return answer(completion(choices=[{"index": 0, "message": message, "finish_reason": "stop"}]))


HONEST: dict[str, Any] = {
    "chat": said(),
    "stream": [
        STREAM_HEAD,
        part(HELLO),
        part(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'),
    ],
    "tools": said(None, tool_calls=[CALLED]),
    "response_format": said('{"colour": "green", "letters": 5}'),
    "vision": said("Green."),
    "reasoning": said("No.", reasoning_content="7 times 13"),
    "embeddings": answer(VECTOR),
}
LYING: dict[str, tuple[str, Any, str]] = {
    "a stream without a finish reason": ("stream", [STREAM_HEAD, part(HELLO), Close], "StreamCut"),
    "no tool": ("tools", said("It is sunny."), "called no tool"),
    "half a tool call": (
        "tools",
        said(None, tool_calls=[{**CALLED, "function": {"name": "weather", "arguments": "{"}}]),
        "wrong way",
    ),
    "no JSON": ("response_format", said("green, five"), "not in JSON"),
    "other JSON": ("response_format", said('{"colour": "green", "letters": "5"}'), "schema"),
    "blind": ("vision", said("A nice picture."), "picture"),
    "thoughtless": ("reasoning", said("No."), "no thoughts"),
    "no vector": ("embeddings", answer({"object": "list", "data": [{"index": 0, "embedding": []}]}), ""),
    "refused": ("vision", answer({"error": {"message": f"no images, {KEY}"}}, status=400), "BadRequest"),
}


async def outcome_of(
    config: Path, answers: dict[str, Any], *arguments: str, table: str = ""
) -> tuple[Result, Upstream]:
    """`providers test acme` against a server that answers each kind of call so."""

    def play(received: Received) -> Any:
        return answers[kind(received)] if received.method == "POST" else answer({"data": [{"id": "m"}]})

    async with Upstream(plays=[play]) as server:
        own = f'[providers.acme]\napi_base = "{server.base}"\napi_key_env = "ACME_TEST_KEY"\n'
        write(config, own + (table or f'models = [{{ id = "m", capabilities = {json.dumps(ALL)} }}]\n'))
        done = await asyncio.to_thread(CliRunner().invoke, providers, ["test", "acme", *arguments])
        assert KEY not in done.output and server.base not in done.output
        return done, server


def calls_of(done: Result) -> dict[str, dict[str, Any]]:
    """The steps that are calls, by name."""
    return {step["name"]: step for step in json.loads(done.stdout) if step["model"]}


async def test_each_capability_has_a_call_of_its_own(config: Path) -> None:
    """A server that does what it says is well, and each call is bounded."""
    done, server = await outcome_of(config, HONEST, "--call", "--json")
    assert done.exit_code == 0, done.output
    assert list(calls_of(done)) == ["chat", "stream", "tools", "json_schema", "vision", "reasoning", "embeddings"]
    assert all("max_tokens" in received.json for received in server.received[1:-1])


@pytest.mark.parametrize(("name", "sent", "told"), LYING.values(), ids=LYING.keys())
async def test_an_answer_is_judged_by_what_it_shows(config: Path, name: str, sent: Any, told: str) -> None:
    """What fails says why and what to do; the other calls are made all the same."""
    done, _ = await outcome_of(config, {**HONEST, name: sent}, "--call", "--json")
    calls = calls_of(done)
    failed = [step for step in calls.values() if not step["ok"]]
    assert (done.exit_code, len(calls), len(failed)) == (1, 7, 1)
    assert told in failed[0]["said"] and failed[0]["next_step"]


async def test_what_to_take_out_is_written_as_it_is_read(config: Path) -> None:
    """The next step of a model that calls no tools is a line for config.toml."""
    done, _ = await outcome_of(config, {**HONEST, "tools": said()}, "--call")
    told = done.output.partition("models = ")[2].partition("].")[0]
    assert '"tools"' not in told and '"vision"' in told
    again, _ = await outcome_of(config, HONEST, "--call", "--json", table=f"models = {told}]\n")
    assert "tools" not in calls_of(again) and again.exit_code == 0


async def test_the_cost_is_shown_first_and_nothing_is_called_where_a_step_fails(config: Path) -> None:
    """At most so much, unknown where a price is; a refused list ends it before any call."""
    table = 'models = [{ id = "m", prices = { input = 1, output = 2 } }, { id = "e", capabilities = ["embeddings"] }]\n'
    done, _ = await outcome_of(config, HONEST, "--call", table=table)
    assert "2 tiny calls to acme/m (chat, stream): at most $0.000" in done.stderr
    assert "1 tiny call to acme/e (embeddings): cost unknown" in done.stderr
    assert "ok     chat: answered, $0.000007" in done.stdout

    async with Upstream(plays=[answer({"error": {"message": "no"}}, status=401)]) as server:
        write(config, f'[providers.acme]\napi_base = "{server.base}"\napi_key = "{KEY}"\n{table}')
        done = await asyncio.to_thread(CliRunner().invoke, providers, ["test", "acme", "--call"])
        assert len(server.received) == 1 and done.exit_code == 1 and "tiny" not in done.output


def test_the_cheapest_model_is_called() -> None:
    """For each capability the one that costs least by its known prices, the first where none is known."""
    cheap, dear = Prices(input=Decimal(1), output=Decimal(1)), Prices(input=Decimal(9), output=Decimal(9))
    models = [
        Model(id="a", provider="p"),
        Model(id="b", provider="p", prices=dear, capabilities=("chat", "tools")),
        Model(id="c", provider="p", prices=cheap),
    ]
    assert {each.tiny.name: each.model.id for each in plan(models)} == {"chat": "c", "stream": "c", "tools": "b"}
    assert [each.model.id for each in plan(models[:1])] == ["a", "a"]


def test_the_bound_holds_for_what_is_sent() -> None:
    """A price of one dollar for a million: no call may have more tokens than its bound says."""
    prices = Prices(input=Decimal(1), output=Decimal(1))
    model = Model(id="m", provider="p", prices=prices, capabilities=ALL)
    for tiny in CALLS:
        dearest = tiny.dearest(model)
        assert dearest is not None
        assert dearest * 1_000_000 >= len(json.dumps(tiny.content).encode()) + tiny.most_tokens(model)


async def test_models_that_the_provider_lists_are_called(config: Path) -> None:
    """Rather than one that costs less and is not there; a plugin's table may be older than the list."""
    table = 'models = [{ id = "gone", prices = { input = 0, output = 0 } }, "m"]\n'
    done, _ = await outcome_of(config, HONEST, "--call", "--json", table=table)
    assert [step["model"] for step in calls_of(done).values()] == ["acme/m", "acme/m"]


async def test_a_list_that_is_refused_for_now_is_left_to_the_calls(config: Path) -> None:
    """v98store answers 429 there. Without calls it is a failure, whose next step is to wait."""

    def play(received: Received) -> Any:
        return HONEST[kind(received)] if received.method == "POST" else answer({"error": "slow down"}, status=429)

    async with Upstream(plays=[play]) as server:
        write(config, f'[providers.acme]\napi_base = "{server.base}"\nmodels = ["m"]\n')
        looked = await asyncio.to_thread(CliRunner().invoke, providers, ["test", "acme"])
        called = await asyncio.to_thread(CliRunner().invoke, providers, ["test", "acme", "--call"])
    assert looked.exit_code == 1 and "Wait a little" in looked.output
    assert called.exit_code == 0 and "ok     chat" in called.output


async def test_a_masked_fault_says_which_name_was_sent(config: Path) -> None:
    """A reseller hides that it does not know the model."""
    words = "Something wrong, please try again. If you need support, please contact admin"
    masked = answer({"error": {"message": words, "type": "new_api_error"}}, status=503)
    done, _ = await outcome_of(config, {**HONEST, "chat": masked}, "--call", "--json")
    assert "'m' was sent" in calls_of(done)["chat"]["next_step"]


async def test_a_model_of_which_nothing_is_known_is_called_by_name_alone(config: Path) -> None:
    """It is not taken for one that can chat, unless somebody says so."""
    table = 'models = [{ id = "m", capabilities = [] }]\n'
    done, server = await outcome_of(config, HONEST, "--call", table=table)
    assert isinstance(done.exception, ConfigError) and "--model acme/m" in str(done.exception)
    assert server.received == []
    done, _ = await outcome_of(config, HONEST, "--call", "--model", "acme/m", "--json", table=table)
    assert list(calls_of(done)) == ["chat", "stream"]


async def test_openai_s_own_limit_is_used_where_it_is_asked_for(config: Path) -> None:
    """Models that refuse `max_tokens` get `max_completion_tokens`, and stay bounded."""
    refusal = {"message": "Unsupported parameter: 'max_tokens'", "code": "unsupported_parameter", "param": "max_tokens"}

    def play(received: Received) -> Any:
        if received.method == "GET":
            return answer({"data": [{"id": "m"}]})
        if "max_tokens" in received.json:
            return answer({"error": {**refusal, "type": "invalid_request_error"}}, status=400)
        assert received.json["max_completion_tokens"] == 64
        return HONEST[kind(received)]

    async with Upstream(plays=[play]) as server:
        write(config, f'[providers.acme]\napi_base = "{server.base}"\nmodels = ["m"]\n')
        done = await asyncio.to_thread(CliRunner().invoke, providers, ["test", "acme", "--call", "--json"])
    assert done.exit_code == 0, done.output


async def test_a_provider_whose_address_a_strategy_knows(config: Path) -> None:
    """Its steps end with the settings, and say that a call tells more."""
    write(config, f'[providers.anthropic]\napi_key = "{KEY}"\n')
    done = await asyncio.to_thread(CliRunner().invoke, providers, ["test", "anthropic"])
    assert (done.exit_code, done.stdout.count("ok  ")) == (0, 1)
    assert "'router' alone: --call tries it" in done.stdout


async def test_behind_a_proxy_it_is_the_proxy_that_is_looked_at(config: Path) -> None:
    """Its name and its connection; the list comes through it."""
    async with Upstream(plays=[answer({"data": [{"id": "m"}]})]) as proxy:
        own = f'[providers.acme]\napi_base = "http://acme.invalid/v1"\nproxy = "{proxy.base.removesuffix("/v1")}"\n'
        write(config, f'{own}models = ["m", "strange"]\n')
        done = await asyncio.to_thread(CliRunner().invoke, providers, ["test", "acme"])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("of the proxy") == 2
    assert "1 listed; not among them: strange" in done.stdout


async def test_a_proxy_that_lets_nobody_through(config: Path) -> None:
    """Is told of, and not its password."""
    async with Upstream(plays=[answer(b"", status=407)]) as proxy:
        place = proxy.base.removesuffix("/v1").replace("//", "//user:secret-word@")
        own = f'[providers.acme]\napi_base = "https://acme.invalid/v1"\nproxy = "{place}"\nmodels = ["m"]\n'
        write(config, own)
        done = await asyncio.to_thread(CliRunner().invoke, providers, ["test", "acme"])
    assert done.exit_code == 1
    assert "FAILED encryption: Unreachable: the proxy made no connection" in done.stdout
    assert "secret-word" not in done.output


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal")
@pytest.mark.parametrize(("typed", "posted"), [(b"n\n", 0), (b"y\n", 2)])
async def test_on_a_terminal_a_person_is_asked(config: Path, typed: bytes, posted: int) -> None:
    """Before anything that may cost is sent, and a no is a no."""
    import pty

    ours, theirs = pty.openpty()
    async with Upstream(
        plays=[lambda got: HONEST[kind(got)] if got.method == "POST" else answer([{"id": "m"}])]
    ) as server:
        write(config, f'[providers.acme]\napi_base = "{server.base}"\nmodels = ["m"]\n')
        command = [str(Path(sys.executable).with_name("modelplug")), "providers", "test", "acme", "--call"]
        process = await asyncio.create_subprocess_exec(*command, stdin=theirs, stdout=theirs, stderr=theirs)
        shown = b""
        while b"go on? [y/N]" not in shown:
            shown += await asyncio.to_thread(os.read, ours, 4096)
        assert b"cost unknown" in shown and [got.method for got in server.received] == ["GET"]
        os.write(ours, typed)
        assert await process.wait() == 0
        assert [got.method for got in server.received[1:]] == ["POST"] * posted
    os.close(ours)
    os.close(theirs)
