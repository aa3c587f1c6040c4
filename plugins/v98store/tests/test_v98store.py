"""The provider v98store: its models, their names, its settings, and what goes out on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from modelplug import ConfigError, PluginError, Settings, Switchboard
from modelplug_litellm import LiteLLMPlugin
from modelplug_v98store import V98Store

MESSAGES = [{"role": "user", "content": "Say hello."}]
HELLO = {"id": "c1", "object": "chat.completion", "model": "upstream-model",
         "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
         "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000, "total_tokens": 2_000_000},
         "data": [{"index": 0, "embedding": [0.5]}]}  # fmt: skip


class Reseller:
    """v98store on loopback: one answer for everything, as one piece of JSON."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.base = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        sent = json.loads(await reader.readexactly(int(headers["content-length"])))
        self.requests.append((head[0].split(" ")[1], headers, sent))
        content = json.dumps(HELLO).encode()
        kind = "application/json"
        if sent.get("stream"):
            event = {**HELLO, "choices": [{"index": 0, "delta": {"content": "hello"}, "finish_reason": "stop"}]}
            content, kind = f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n".encode(), "text/event-stream"
        said = f"content-type: {kind}\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
        writer.write(f"HTTP/1.1 200 OK\r\n{said}".encode() + content)
        await writer.drain()
        writer.close()


@pytest.fixture
async def reseller() -> AsyncIterator[Reseller]:
    """A server that lives as long as the test."""
    served = Reseller()
    async with await asyncio.start_server(served.serve, "127.0.0.1", 0) as server:
        served.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        yield served


def board(environment: dict[str, str] | None = None, **table: Any) -> Switchboard:
    """A board with v98store and LiteLLM's plugin, with these settings of v98store and nothing of this machine."""
    settings = Settings(argument={"providers": {"v98store": table}}, environment=environment or {})
    made = Switchboard(settings=settings)
    made.add(LiteLLMPlugin)
    made.add(V98Store)
    return made


def test_every_model_has_its_three_names() -> None:
    """The id, `<name>-v98` and `v98store/<name>` are one model; none of them clashes with LiteLLM's catalogue."""
    full = board()
    assert full.catalog.clashes == {}
    own = [model for model in full.models if model.provider == "v98store"]
    for model in own:
        for spelling in (f"openai-compatible/{model.name}", f"{model.name}-v98", f"v98store/{model.name}"):
            assert full.resolve(spelling) is model


def test_six_vendors_and_more() -> None:
    """Chat models of eight vendors, embedding models of two, Claude with its exact dated ids."""
    names = {model.name: model for model in board().models if model.provider == "v98store"}
    for vendor in ("gpt-", "claude-", "gemini-", "deepseek", "qwen", "mistral-", "grok-", "kimi-", "glm-"):
        assert any(name.startswith(vendor) for name in names)
    assert len([model for model in names.values() if "embeddings" in model.capabilities]) >= 4
    assert all(any(part.startswith("2025") for part in name.split("-")) for name in names if name.startswith("claude"))
    assert all(model.context_window for model in names.values())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("spelling", ["openai-compatible/{}", "{}-v98", "v98store/{}"])
@pytest.mark.parametrize("name", ["gpt-4o-mini", "deepseek-ai/DeepSeek-R1"])
async def test_every_spelling_sends_the_wire_name(reseller: Reseller, spelling: str, name: str, stream: bool) -> None:
    """One leading prefix is removed; a slash inside a name stays; credentials and strategy are the provider's."""
    async with board(api_key="sk-v98", api_base=reseller.base) as full:
        if stream:
            async with full.stream(spelling.format(name), MESSAGES) as chunks:
                assert "".join([chunk.text async for chunk in chunks]) == "hello"
            call = chunks.call
        else:
            call = (await full.complete(spelling.format(name), MESSAGES)).call
    path, headers, body = reseller.requests[-1]
    assert path == "/v1/chat/completions"
    assert (body["model"], body["messages"], body["stream"]) == (name, MESSAGES, stream)
    assert "max_tokens" not in body
    assert headers["authorization"] == "Bearer sk-v98"
    assert call is not None
    assert (call.model_id, call.provider, call.strategy) == (f"openai-compatible/{name}", "v98store", "direct")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_claude_always_has_max_tokens(reseller: Reseller, stream: bool) -> None:
    """Said by us when the host did not, and never over what the host said."""
    async with board(api_key="sk-v98", api_base=reseller.base) as full:
        cases: list[tuple[dict[str, Any], int]] = [
            ({}, 8_192),
            ({"max_tokens": 5}, 5),
            ({"extra_body": {"max_tokens": 6}}, 6),
        ]
        for given, expected in cases:
            if stream:
                async with full.stream("claude-haiku-4-5-20251001-v98", MESSAGES, **given) as chunks:
                    assert [chunk async for chunk in chunks]
            else:
                await full.complete("claude-haiku-4-5-20251001-v98", MESSAGES, **given)
            body = reseller.requests[-1][2]
            assert (body["model"], body["max_tokens"]) == ("claude-haiku-4-5-20251001", expected)


async def test_embeddings(reseller: Reseller) -> None:
    """Resellers sell them too."""
    async with board(api_key="sk-v98", api_base=reseller.base) as full:
        answer = await full.embed("v98store/text-embedding-3-small", "one")
    path, _, body = reseller.requests[-1]
    assert (path, body) == ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "one"})
    assert answer.vectors == [[0.5]]


async def test_http_carries_it_after_one_setting(reseller: Reseller) -> None:
    """`strategy = "http"` moves the provider off LiteLLM, with the same request on the wire."""
    from modelplug_http import HttpPlugin

    full = board(api_key="sk-v98", api_base=reseller.base, strategy="http")
    full.add(HttpPlugin)
    async with full:
        reply = await full.complete("claude-haiku-4-5-20251001-v98", MESSAGES)
    assert reply.call is not None
    assert reply.call.strategy == "http"
    assert reseller.requests[-1][2]["max_tokens"] == 8_192


def test_the_price_group_multiplies_list_prices() -> None:
    """Exactly, and an unknown price stays unknown."""
    plain, dear = board(), board(group_ratio="2.5")
    assert plain.resolve("gpt-4o-v98").prices.output == Decimal(10)
    assert dear.resolve("gpt-4o-v98").prices.output == Decimal(25)
    assert dear.resolve("qwen3-max-v98").prices.input is None


async def test_cost_follows_the_price_group(reseller: Reseller) -> None:
    """A million tokens each way of gpt-4o in group 2 cost twice 12.50 dollars."""
    async with board(api_key="k", api_base=reseller.base, group_ratio=2) as full:
        reply = await full.complete("gpt-4o-v98", MESSAGES)
    assert reply.call is not None
    assert reply.call.cost == Decimal(25)


@pytest.mark.parametrize("ratio", ["0.5", "17", "two", "nan", "-1", "1e30"])
def test_a_bad_ratio_names_its_setting(ratio: str) -> None:
    """The plugin is not loaded, and the reason says which variable is wrong."""
    with pytest.raises((ConfigError, PluginError), match="V98STORE_GROUP_RATIO"):
        board({"V98STORE_GROUP_RATIO": ratio})


def test_its_own_variables_win(reseller: Reseller) -> None:
    """OPENAI_COMPATIBLE_* stands in, key and base together, only while V98STORE_* has neither."""
    borrowed = {"OPENAI_COMPATIBLE_API_KEY": "sk-borrowed", "OPENAI_COMPATIBLE_API_BASE": "http://127.0.0.1:1/v1"}
    credentials = board(borrowed).settings.provider("v98store").credentials()
    assert (str(credentials.api_base), credentials.api_key and credentials.api_key.reveal()) == (
        "http://127.0.0.1:1/v1", "sk-borrowed")  # fmt: skip
    own = board({**borrowed, "V98STORE_API_KEY": "sk-own"}).settings.provider("v98store").credentials()
    assert (own.api_base, own.api_key and own.api_key.reveal()) == ("https://v98store.com/v1", "sk-own")


async def test_without_a_key_it_says_which_variable() -> None:
    """The error names the provider's own variable, and nothing is sent."""
    with pytest.raises(ConfigError, match="V98STORE_API_KEY"):
        await board().complete("gpt-4o-mini-v98", MESSAGES)
