"""What goes out on the wire, for every strategy and every spelling of a model's name."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from modelplug import BadRequest, CallFailed, ConfigError, Credentials, Hooks, Model, Settings, Switchboard, hookimpl

from plugins.http.tests.proxy import Proxy
from plugins.litellm.tests.provider_on_loopback import USAGE, Upstream

MESSAGES = [{"role": "user", "content": "Say hello."}]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
BoardFor = Callable[..., Switchboard]


class Acme(Hooks):
    """A reseller with models of its own names, one with a slash inside."""

    @hookimpl
    def provide_models(self, settings: Settings) -> list[Model]:
        return [
            Model(id="acme/some-model", provider="acme", aliases=("some", "acme-some")),
            Model(id="acme/gpt-5-mini", provider="acme"),
            Model(id="acme/deepseek-ai/DeepSeek-R1", provider="acme"),
        ]


async def said(board: Switchboard, name: str, *, stream: bool, **params: Any) -> str:
    """The text of an answer, asked for in one of the two ways."""
    if not stream:
        return (await board.complete(name, MESSAGES, **params)).text
    async with board.stream(name, MESSAGES, **params) as chunks:
        return "".join([chunk.text async for chunk in chunks])


ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
routes = pytest.mark.parametrize(
    ("provider", "names", "wire"),
    [
        ("acme", ("acme/some-model", "some", "acme-some"), "some-model"),
        ("acme", ("acme/deepseek-ai/DeepSeek-R1",), "deepseek-ai/DeepSeek-R1"),
        ("openai", ("openai/gpt-4o-mini", "gpt-4o-mini"), "gpt-4o-mini"),
        ("groq", ("groq/openai/gpt-oss-120b",), "openai/gpt-oss-120b"),
        ("mistral", ("mistral/mistral-large-latest", "mistral-large-latest"), "mistral-large-latest"),
    ],
    ids=["reseller", "slash", "openai", "groq", "mistral"],
)
strategies = pytest.mark.parametrize("strategy", ["direct", "router"])


@ways
@routes
@strategies
async def test_every_spelling_sends_the_same_request(
    board_for: BoardFor,
    upstream: Upstream,
    strategy: str,
    provider: str,
    names: tuple[str, ...],
    wire: str,
    stream: bool,
) -> None:
    """By id or by alias: one method, path, model and key, and the messages as they were given."""
    board = board_for(provider, Acme, strategy=strategy)
    for name in names:
        assert await said(board, name, stream=stream) == "hello"
        sent = upstream.requests[-1]
        assert (sent["method"], sent["path"]) == ("POST", "/v1/chat/completions")
        assert sent["headers"]["authorization"] == "Bearer sk-own-0123456789"
        expected = {"model": wire, "messages": MESSAGES, "stream": stream}
        if stream:
            expected["stream_options"] = {"include_usage": True}
        assert sent["body"] == expected
    assert len(upstream.requests) == len(names)


@ways
@strategies
async def test_standard_providers_need_no_setting_but_the_key(
    board_for: BoardFor, upstream: Upstream, strategy: str, stream: bool
) -> None:
    """The Router claims them by itself, and says so in the record."""
    board = board_for("openai", **({"strategy": "direct"} if strategy == "direct" else {}))
    if stream:
        async with board.stream("gpt-4o-mini", MESSAGES) as chunks:
            assert [chunk async for chunk in chunks]
        reply = chunks.reply
    else:
        reply = await board.complete("gpt-4o-mini", MESSAGES)
    assert reply.call is not None
    assert (reply.call.strategy, reply.call.provider, reply.call.outcome) == (strategy, "openai", "ok")
    assert (reply.call.wire_model, reply.call.response_model) == ("gpt-4o-mini", "upstream-model")
    assert (reply.usage.source, reply.usage.total_tokens) == ("reported", USAGE["total_tokens"])
    assert reply.call.cost is not None


@ways
@strategies
async def test_parameters_reach_the_wire(board_for: BoardFor, upstream: Upstream, strategy: str, stream: bool) -> None:
    """OpenAI's own, those nobody knows, and the extra body; extra headers beside the key."""
    board = board_for("acme", Acme, strategy=strategy)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
    messages: list[dict[str, Any]] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [image]}]
    params: dict[str, Any] = {
        "temperature": 0.2, "top_p": 0.9, "max_tokens": 5, "stop": ["x"], "seed": 7, "n": 1, "user": "u",
        "tools": TOOLS, "tool_choice": "auto", "parallel_tool_calls": False, "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}},
        "frequency_penalty": 0.1, "presence_penalty": 0.2, "logit_bias": {"5": 1}, "logprobs": True, "top_logprobs": 2,
        "metadata": {"a": "b"}, "service_tier": "auto", "store": False, "verbosity": "low", "prediction": {"x": 1},
        "thinking": {"type": "enabled", "budget_tokens": 1024}, "top_k": 3, "enable_thinking": False,
        "provider": {"order": ["a"]}, "mock_response": "no", "drop_params": True, "num_retries": 5, "fallbacks": ["x"],
        "cache": {"no-cache": True}, "caching": True, "timeout_s": 3, "prompt_cache_key": "k",
    }  # fmt: skip
    kwargs = {**params, "extra_body": {"safe_prompt": True}, "extra_headers": {"X-Trace": "t1"}}
    if stream:
        async with board.stream("some", messages, **kwargs) as chunks:
            assert [chunk async for chunk in chunks]
    else:
        await board.complete("some", messages, **kwargs)
    body = dict(upstream.body)
    assert body.pop("messages") == messages
    body.pop("stream_options", None)
    assert body == {**params, "model": "some-model", "stream": stream, "safe_prompt": True}
    assert upstream.requests[-1]["headers"]["x-trace"] == "t1"
    assert upstream.requests[-1]["headers"]["authorization"] == "Bearer sk-own-0123456789"


@strategies
async def test_litellm_translates(board_for: BoardFor, upstream: Upstream, strategy: str) -> None:
    """A model that takes max_completion_tokens gets them under that name."""
    board = board_for("acme", Acme, strategy=strategy)
    await board.complete("acme/gpt-5-mini", MESSAGES, max_tokens=50)
    assert upstream.body == {"model": "gpt-5-mini", "messages": MESSAGES, "max_completion_tokens": 50, "stream": False}


@strategies
async def test_what_the_host_gave_is_not_changed(board_for: BoardFor, upstream: Upstream, strategy: str) -> None:
    """LiteLLM changes messages and tools in place; ours are copies."""
    board = board_for("acme", Acme, strategy=strategy)
    messages = [{"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,AAAA"}]}]
    tools: list[Any] = [
        {"type": "function", "function": {"name": "f", "parameters": {"pattern": "[", "type": "object"}}}
    ]
    before = repr((messages, tools))
    await board.complete("some", messages, tools=tools)
    assert repr((messages, tools)) == before


@strategies
async def test_embeddings(board_for: BoardFor, upstream: Upstream, strategy: str) -> None:
    """Vectors come over the same road."""
    board = board_for("openai", strategy=strategy)
    answer = await board.embed("text-embedding-3-small", ["one"], dimensions=2)
    assert answer.vectors == [[0.5, 0.25]]
    assert upstream.requests[-1]["path"] == "/v1/embeddings"
    assert upstream.body == {"model": "text-embedding-3-small", "input": ["one"], "dimensions": 2}


@ways
@pytest.mark.parametrize("provider", ["openai", "anthropic", "acme"])
@strategies
async def test_keys_in_the_environment_are_never_used(
    board_for: BoardFor, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, strategy: str, provider: str, stream: bool
) -> None:
    """Keys and bases that LiteLLM would find by itself travel with no call: the key given is the key sent."""
    board = board_for(provider, Acme, path="" if provider == "anthropic" else "/v1", strategy=strategy)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_LIKE_API_KEY", "LITELLM_API_KEY"):
        monkeypatch.setenv(name, "sk-of-somebody-else")
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    name = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5-20251001", "acme": "some"}[provider]
    assert await said(board, name, stream=stream) == "hello"
    headers = str(upstream.requests[-1]["headers"])
    assert "sk-own-0123456789" in headers
    assert "somebody" not in headers


@ways
@strategies
async def test_tools_reach_a_provider_of_another_dialect(
    board_for: BoardFor, upstream: Upstream, strategy: str, stream: bool
) -> None:
    """Without what LiteLLM would import for tools of its own gateway."""
    board = board_for("anthropic", path="", strategy=strategy)
    assert await said(board, "claude-haiku-4-5-20251001", stream=stream, tools=TOOLS, max_tokens=9) == "hello"
    assert [tool["name"] for tool in upstream.body["tools"]] == ["f"]
    assert "mcp" not in str(upstream.body)


CALLING = """
import asyncio, sys
seen = set()
def hook(event, arguments):
    if event == "socket.connect":
        seen.add(arguments[1][0])
    if event == "socket.getaddrinfo":
        seen.add(arguments[0])
sys.addaudithook(hook)
from modelplug import Switchboard
table = {{"api_base": "{base}", "api_key": "sk-own-0123456789"}}
async def main():
    async with Switchboard.load(settings={{"providers": {{"anthropic": table}}}}) as board:
        schema = {{"type": "object", "properties": {{}}, "additionalProperties": False}}
        format = {{"type": "json_schema", "json_schema": {{"name": "n", "schema": schema}}}}
        messages = [{{"role": "user", "content": "hi"}}]
        await board.complete("claude-haiku-4-5-20251001", messages, max_tokens=9, response_format=format)
asyncio.run(main())
print(sorted(seen))
"""


@pytest.mark.slow
async def test_a_call_through_litellm_asks_nobody_else(upstream: Upstream, tmp_path: Path) -> None:
    """From the import of LiteLLM to the answer no host but the provider's is asked for or connected to."""
    program = [sys.executable, "-c", CALLING.format(base=upstream.base)]
    environment = {"HOME": str(tmp_path), "PATH": "", "MODELPLUG_CONFIG": str(tmp_path / "none.toml")}
    done = await asyncio.to_thread(subprocess.run, program, env=environment, capture_output=True, text=True)
    assert done.stdout == "['127.0.0.1']\n", done.stdout + done.stderr


@ways
@strategies
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_a_proxy_that_is_set_carries_every_call(
    board_for: BoardFor, upstream: Upstream, provider: str, strategy: str, stream: bool
) -> None:
    """Over OpenAI's wire, and over LiteLLM's own client for another."""
    async with Proxy(user="alice:hunter2") as proxy:
        board = board_for(
            provider,
            path="" if provider == "anthropic" else "/v1",
            strategy=strategy,
            proxy=f"http://alice:hunter2@127.0.0.1:{proxy.port}",
        )
        name = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5-20251001"}[provider]
        assert await said(board, name, stream=stream) == "hello"
    path = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}[provider]
    assert [asked for asked, _ in proxy.asked] == [f"POST {upstream.base}{path}"]


@strategies
async def test_a_provider_without_a_key_gets_none(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    """A base without a key is called without a key, whatever the environment holds (CVE-2024-6587)."""
    from modelplug_litellm import LiteLLMPlugin

    class Open(Hooks):
        @hookimpl
        def provide_models(self, settings: Settings) -> list[Model]:
            return [Model(id="open/m", provider="open", requires=())]

    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    table = {"api_base": upstream.base + "/v1", "strategy": strategy}
    async with Switchboard(settings={"providers": {"open": table}}) as board:
        board.add(LiteLLMPlugin)
        board.add(Open)
        await board.complete("open/m", MESSAGES)
    assert "authorization" not in upstream.requests[-1]["headers"]


async def test_the_router_spreads_calls_over_deployments(board_for: BoardFor, upstream: Upstream) -> None:
    """Every key of the provider is used; a tenant's own key goes alone."""
    deployments = {"two": {"api_key": "sk-two"}, "three": {"api_key": "sk-three", "api_base": upstream.base + "/three"}}
    board = board_for("openai", deployments=deployments)
    for _ in range(60):
        await board.complete("gpt-4o-mini", MESSAGES)
    used = {(request["headers"]["authorization"], request["path"]) for request in upstream.requests}
    assert used == {
        ("Bearer sk-own-0123456789", "/v1/chat/completions"),
        ("Bearer sk-two", "/v1/chat/completions"),
        ("Bearer sk-three", "/three/chat/completions"),
    }
    upstream.requests.clear()
    for _ in range(10):
        await board.complete("gpt-4o-mini", MESSAGES, credentials=Credentials(api_key="sk-tenant"))
    assert {request["headers"]["authorization"] for request in upstream.requests} == {"Bearer sk-tenant"}


async def test_keys_of_tenants_need_no_router(
    board_for: BoardFor, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to choose, and to make LiteLLM's Router for each of many takes the event loop's time."""
    import litellm

    monkeypatch.setattr(litellm, "Router", None)
    board = board_for("openai", deployments={"two": {"api_key": "sk-two"}})
    for tenant in ("sk-blue", "sk-green"):
        await board.complete("gpt-4o-mini", MESSAGES, credentials=Credentials(api_key=tenant))
    used = [request["headers"]["authorization"] for request in upstream.requests]
    assert used == ["Bearer sk-blue", "Bearer sk-green"]


@pytest.mark.parametrize("name", ["gpt-4o-mini", "mistral-large-latest", "claude-haiku-4-5"])
@pytest.mark.parametrize(
    "odd",
    [
        {"messages": [{"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "my secret"}]}]},
        {"messages": MESSAGES, "response_format": 5},
    ],
    ids=["an image that is none", "a format that is none"],
)
async def test_a_request_that_litellm_cannot_write_is_a_bad_request(
    name: str, odd: dict[str, Any], board_for: BoardFor, upstream: Upstream
) -> None:
    """Not a fault of the plugin, not a lost connection that is tried again; and the error does not quote it."""
    board = board_for(PROVIDERS[name])
    with pytest.raises(BadRequest) as caught:
        await board.complete(name, **odd)
    assert (caught.value.kind, caught.value.retryable, len(caught.value.attempts)) == ("client", False, 1)
    assert "my secret" not in str(caught.value)
    assert upstream.requests == []


PROVIDERS = {"gpt-4o-mini": "openai", "mistral-large-latest": "mistral", "claude-haiku-4-5": "anthropic"}


async def test_the_key_of_a_deployment_is_not_said(board_for: BoardFor, upstream: Upstream) -> None:
    """A provider that echoes the key it got is not quoted with it, whichever deployment was chosen."""
    board = board_for("openai", deployments={"two": {"api_key": "plain words two"}})
    for _ in range(20):
        upstream.say({"error": {"message": "who are you, plain words two?"}}, status=401)
        with pytest.raises(CallFailed) as caught:
            await board.complete("gpt-4o-mini", MESSAGES)
        if upstream.requests[-1]["headers"]["authorization"] == "Bearer plain words two":
            assert "plain words two" not in str(caught.value)
            return
    raise AssertionError("the second deployment was never chosen")


async def test_deployments_that_are_no_table_are_named(board_for: BoardFor) -> None:
    """The setting is at fault, and not the plugin."""
    board = board_for("openai", deployments=5)
    with pytest.raises(ConfigError, match="deployments: is not a table"):
        await board.complete("gpt-4o-mini", MESSAGES)


async def test_a_deployment_without_a_key_is_named(board_for: BoardFor) -> None:
    """The error says which variable is missing."""
    board = board_for("openai", deployments={"two": {"api_base": "http://127.0.0.1:9"}})
    with pytest.raises(ConfigError, match="OPENAI_TWO_API_KEY"):
        await board.complete("gpt-4o-mini", MESSAGES)


@ways
@strategies
async def test_two_tenants_never_mix(board_for: BoardFor, upstream: Upstream, strategy: str, stream: bool) -> None:
    """Fifty interleaved calls with two keys: each key arrives with its own tenant's message."""
    import asyncio

    board = board_for("openai", strategy=strategy)

    async def call(tenant: str) -> None:
        credentials = Credentials(api_key=f"sk-tenant-{tenant}")
        messages = [{"role": "user", "content": tenant}]
        if stream:
            async with board.stream("gpt-4o-mini", messages, credentials=credentials) as chunks:
                assert [chunk async for chunk in chunks]
        else:
            await board.complete("gpt-4o-mini", messages, credentials=credentials)

    await asyncio.gather(*[call("ab"[i % 2]) for i in range(50)])
    assert len(upstream.requests) == 50
    for request in upstream.requests:
        tenant = request["body"]["messages"][0]["content"]
        assert request["headers"]["authorization"] == f"Bearer sk-tenant-{tenant}"
