"""examples/suna_host: each trap of the system that it replaces, on a real wire."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from modelplug import Credentials, Reply, Settings, Switchboard
from modelplug.testing import Listener
from modelplug_http import HttpPlugin
from modelplug_litellm import LiteLLMPlugin
from modelplug_metrics import Metrics
from modelplug_status import status_app
from modelplug_testkit.upstream import Hold, Received, Script, Upstream
from modelplug_testkit.wire import (
    DONE,
    FINISH,
    HELLO,
    LAST,
    STREAM_HEAD,
    USAGE,
    answer,
    chunk,
    completion,
    frame,
    part,
    stream,
)
from modelplug_v98store import V98Store
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.workspace import ROOT

sys.path.append(str(ROOT / "examples" / "suna_host"))

from llm import LLM, Bill, Billing, LLMError

ALIAS = "gpt-4o-mini-v98"
MESSAGES = [{"role": "user", "content": "a prompt that is nobody's business"}]
HOSTS_KEY = "sk-host-0123456789abcdef"
KEYS = {"ann": "sk-ann-0123456789abcdef", "ben": "sk-ben-0123456789abcdef"}


def play(received: Received) -> Script:
    """Answers with the key that it was sent, as the text."""
    if received.json.get("stream"):
        return stream(HELLO, FINISH, USAGE, DONE)
    return [answer(completion(received.headers["authorization"].removeprefix("Bearer "), model="upstream-echo"))]


def credentials_for(provider: str, tenant: str) -> Credentials | None:
    return Credentials(api_key=KEYS[tenant]) if tenant in KEYS else None


@pytest.fixture(params=["direct", "http"])
async def host(request: pytest.FixtureRequest) -> AsyncIterator[tuple[LLM, Upstream, list[Bill]]]:
    """The facade on a board, its upstream, and its bills."""
    async with Upstream(plays=[play]) as server:
        own = {"api_base": server.base, "api_key": HOSTS_KEY, "strategy": request.param}
        settings = Settings(argument={"providers": {"v98store": own}, "retry": {"attempts": 1}}, environment={})
        board = Switchboard(settings=settings, credentials_for=credentials_for)
        for plugin in (HttpPlugin, LiteLLMPlugin, V98Store):
            board.add(plugin)
        bills: list[Bill] = []
        board.add(Billing(bills.append), name="billing")
        yield LLM(board, tiers={"free": [ALIAS], "paid": ["*"]}, recommended=["gpt-5-v98", ALIAS]), server, bills
        await board.aclose()


async def text_of(llm: LLM, name: str = ALIAS, **options: Any) -> str:
    return str((await llm.make_llm_api_call(MESSAGES, name, stream=False, **options)).text)  # type: ignore[union-attr]


async def test_the_prefix_stays_at_home(host: tuple[LLM, Upstream, list[Bill]]) -> None:
    """By id and by each alias the same name goes out, with one key and strategy: the request on the wire is read."""
    llm, server, _ = host
    listener = Listener.on(llm.board)
    for name in (ALIAS, "v98store/gpt-4o-mini", "openai-compatible/gpt-4o-mini"):
        await text_of(llm, name)
        assert server.received[-1].json["model"] == "gpt-4o-mini"
        assert server.received[-1].headers["authorization"] == f"Bearer {HOSTS_KEY}"
    assert len({call.strategy for call in listener.finished}) == 1
    assert llm.board.settings.provider("v98store").strategy == listener.finished[0].strategy
    await text_of(llm, "v98store/deepseek-ai/DeepSeek-R1")
    assert server.received[-1].json["model"] == "deepseek-ai/DeepSeek-R1"


async def test_all_that_a_host_says_goes_out(host: tuple[LLM, Upstream, list[Bill]]) -> None:
    """Whole and streamed; what is None stays at home, and so does a choice among no tools. Usage is asked for."""
    llm, server, _ = host
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    said: dict[str, Any] = {
        "tools": [tool],
        "tool_choice": "auto",
        "response_format": {"type": "json_object"},
        "temperature": 0.5,
        "max_tokens": 9,
        "top_p": 0.9,
        "stop": ["END"],
    }
    more: dict[str, Any] = {"extra_headers": {"x-project": "blue"}, "extra_body": {"seed": 1}, "seed": None}
    for streamed in (False, True):
        answer = await llm.make_llm_api_call(MESSAGES, ALIAS, stream=streamed, **said, **more)
        if not isinstance(answer, Reply):
            await answer.aclose()
        sent = server.received[-1]
        assert {name: sent.json.get(name) for name in said} == said
        assert (sent.json["seed"], sent.json["messages"], sent.headers["x-project"]) == (1, MESSAGES, "blue")
        assert sent.json.get("stream_options") == ({"include_usage": True} if streamed else None)
    await text_of(llm, "gpt-5-v98", reasoning_effort="low", tool_choice="auto")
    assert server.received[-1].json["reasoning_effort"] == "low"
    assert "tool_choice" not in server.received[-1].json


async def test_chunks_read_like_openais(host: tuple[LLM, Upstream, list[Bill]]) -> None:
    """Reasoning, text, tool calls, model and usage, and the seconds until the first of them are on the bill."""
    llm, server, bills = host
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    deltas = [{"role": "assistant", "reasoning_content": "hm"}, {"content": "I look"}, {"tool_calls": [call]}]
    server.plays = [stream(*(frame(chunk(delta)) for delta in deltas), frame(chunk(finish="tool_calls")), USAGE, DONE)]
    chunks = [chunk async for chunk in await llm.make_llm_api_call(MESSAGES, ALIAS)]  # type: ignore[union-attr]
    read = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.reasoning_content or "" for delta in read) == "hm"
    assert "".join(delta.content or "" for delta in read) == "I look"
    (asked,) = [call for delta in read for call in delta.tool_calls or ()]
    assert (asked.id, asked.function.name, asked.function.arguments) == ("call_1", "look", "{}")
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "tool_calls"
    assert {chunk.model for chunk in chunks} == {"m-2"}
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == [5]
    await asyncio.to_thread(llm.board.flush)
    assert bills[0].first_chunk is not None
    assert 0 < bills[0].first_chunk < bills[0].seconds


async def test_no_tenants_key_reaches_anothers_call(host: tuple[LLM, Upstream, list[Bill]]) -> None:
    """Fifty calls at once; a user without a key is refused, and the host's own is never used for one."""
    llm, server, _ = host
    users = ["ann", "ben"] * 25
    texts = await asyncio.gather(*(text_of(llm, user=user) for user in users))
    assert texts == [KEYS[user] for user in users]
    assert await text_of(llm, api_key="sk-once-0123456789") == "sk-once-0123456789"
    asked = len(server.received)
    with pytest.raises(LLMError) as refused:
        await text_of(llm, user="nobody")
    assert (len(server.received), refused.value.retryable) == (asked, False)
    assert await text_of(llm) == HOSTS_KEY


async def test_one_bill_for_each_call_however_it_ends(host: tuple[LLM, Upstream, list[Bill]]) -> None:
    """By the local id, with where its tokens are from, nothing twice; also for what was left, cancelled and refused."""
    llm, server, bills = host
    await text_of(llm, user="ann")
    chunks: Any = await llm.make_llm_api_call(MESSAGES, ALIAS)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices]) == "hello"
    server.plays = [[STREAM_HEAD, part(HELLO), Hold]]
    chunks = await llm.make_llm_api_call(MESSAGES, ALIAS, user="ben")
    await anext(chunks)
    await chunks.aclose()
    task = asyncio.create_task(text_of(llm))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    server.plays = [answer({"error": {"message": "no"}}, status=401)]
    with pytest.raises(LLMError):
        await text_of(llm)
    await asyncio.to_thread(llm.board.flush)
    assert [bill.outcome for bill in bills] == ["ok", "ok", "abandoned", "cancelled", "failed"]
    assert {bill.model_id for bill in bills} == {"openai-compatible/gpt-4o-mini"}
    assert [bill.user for bill in bills] == ["ann", None, "ben", None, None]
    price = (3 * Decimal("0.15") + 2 * Decimal("0.6")) / 1_000_000
    assert [(bill.prompt_tokens, bill.completion_tokens, bill.cost) for bill in bills[:2]] == [(3, 2, price)] * 2
    assert [(bill.source, bill.cost) for bill in bills[2:]] == [("absent", None)] * 3
    assert len({bill.call_id for bill in bills}) == 5


async def test_a_stream_that_is_left_ends_at_once(host: tuple[LLM, Upstream, list[Bill]]) -> None:
    """By `break` where nobody keeps it, by `aclose`, by cancelling: one bill, and the provider is hung up on."""
    llm, server, bills = host
    server.plays = [[STREAM_HEAD, part(HELLO), Hold]]
    async for _ in await llm.make_llm_api_call(MESSAGES, ALIAS, user="ann"):  # type: ignore[union-attr]
        break
    await server.closed.wait()
    server.closed.clear()
    kept: Any = await llm.make_llm_api_call(MESSAGES, ALIAS, user="ben")
    async for _ in kept:
        break
    await kept.aclose()
    await server.closed.wait()
    server.closed.clear()

    async def read() -> None:
        async for _ in await llm.make_llm_api_call(MESSAGES, ALIAS):  # type: ignore[union-attr]
            pass

    task = asyncio.create_task(read())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await server.closed.wait()
    await asyncio.to_thread(llm.board.flush)
    ends = [(bill.user, bill.outcome) for bill in bills]
    assert ends == [("ann", "abandoned"), ("ben", "abandoned"), (None, "cancelled")]


async def test_what_fails_before_the_first_chunk_is_told_by_the_call(host: tuple[LLM, Upstream, list[Bill]]) -> None:
    """A refusal, a deadline and a name that is none: with a kind, and whether to try again."""
    llm, server, _ = host
    server.plays = [answer({"error": {"message": "slow down"}}, status=429, headers=[("retry-after", "7")])]
    with pytest.raises(LLMError) as refused:
        await llm.make_llm_api_call(MESSAGES, ALIAS)
    assert (refused.value.kind, refused.value.retryable, refused.value.retry_after) == ("rate_limit", True, 7)
    server.plays = [[Hold]]
    with pytest.raises(LLMError) as late:
        await llm.make_llm_api_call(MESSAGES, ALIAS, timeout=0.2)
    assert (late.value.kind, late.value.retryable) == ("timeout", True)
    with pytest.raises(LLMError, match="gpt-4o-mini") as unknown:
        await llm.make_llm_api_call(MESSAGES, "gpt-4o-mimi-v98")
    assert (unknown.value.kind, unknown.value.retryable) == ("UnknownModel", False)


async def test_one_connection_serves_many_calls_and_is_closed(host: tuple[LLM, Upstream, list[Bill]]) -> None:
    """There is no client for each call."""
    llm, server, _ = host
    for _ in range(5):
        await text_of(llm)
    assert server.connections == 1
    await llm.board.aclose()
    await server.closed.wait()
    assert server.open == 0


async def test_the_endpoints_are_mounted_and_reading_changes_nothing(host: tuple[LLM, Upstream, list[Bill]]) -> None:
    """Tokens as they were reported, percentiles, failures; nothing that nobody called, however often it is read."""
    llm, server, _ = host
    llm.board.add(Metrics())
    await text_of(llm)
    server.plays = [answer({"error": {"message": "no"}}, status=401)]
    with pytest.raises(LLMError):
        await text_of(llm)
    await asyncio.to_thread(llm.board.flush)
    app = Starlette(routes=[Mount("/", status_app(llm.board))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://host") as client:

        async def read(path: str) -> Any:
            answered = await client.get(f"/api/llm/{path}")
            assert (answered.status_code, answered.json()["success"]) == (200, True)
            return answered.json()["data"]

        assert (await read("metrics/models?provider=nobody"))["rows"] == []
        ((provider,), (model,)) = [(await read(f"metrics/{of}"))["rows"] for of in ("providers", "models")]
        assert (provider["provider"], model["model"]) == ("v98store", "openai-compatible/gpt-4o-mini")
        for row in (provider, model):
            assert (row["calls"], row["failed"], row["tokens"]["input"], row["tokens"]["output"]) == (2, 1, 3, 2)
            assert row["seconds"]["p95"] > 0
        failures = (await read("metrics/failures?hours=1"))["rows"]
        assert [(failed["kind"], failed["model"]) for failed in failures] == [("auth", model["model"])]
        assert (await read("health"))["total_calls"] == 2


async def test_a_stream_that_breaks_is_no_success(host: tuple[LLM, Upstream, list[Bill]]) -> None:
    """The host's users get a kind, a safe message and what had arrived."""
    llm, server, bills = host
    server.plays = [[STREAM_HEAD, part(HELLO), LAST]]
    chunks: Any = await llm.make_llm_api_call(MESSAGES, ALIAS)
    with pytest.raises(LLMError) as broken:
        async for _ in chunks:
            pass
    assert (broken.value.kind, broken.value.partial) == ("cut", "hello")
    await asyncio.to_thread(llm.board.flush)
    assert [bill.outcome for bill in bills] == ["failed"]


async def test_nothing_of_prompts_or_keys_is_logged(
    host: tuple[LLM, Upstream, list[Bill]], caplog: pytest.LogCaptureFixture
) -> None:
    """Not even at DEBUG, not even when the provider repeats them."""
    llm, server, _ = host
    caplog.set_level(logging.DEBUG, "modelplug")
    server.plays = [lambda got: [answer({"error": {"message": f"{got.headers} {got.body!r}"}}, status=400)]]
    with pytest.raises(LLMError) as refused:
        await text_of(llm, user="ann")
    said = f"{caplog.text} {refused.value}"
    assert KEYS["ann"] not in said and KEYS["ann"][3:12] not in said and server.base not in said
    assert MESSAGES[0]["content"] not in caplog.text.split("failed:")[0]


async def test_unknown_is_not_zero_and_a_missing_key_breaks_nobody(host: tuple[LLM, Upstream, list[Bill]]) -> None:
    """Prices and windows that nobody knows are None; of providers without keys nothing is shown, and the rest works."""
    llm, _, _ = host
    assert llm.prices("v98store/deepseek-ai/DeepSeek-R1")["input"] is None
    assert llm.prices(ALIAS)["cached_read"] == Decimal("0.075")
    assert (llm.context_window(ALIAS), llm.sees_images(ALIAS)) == (128_000, True)
    free, paid = llm.models_for("free"), llm.models_for("paid")
    assert [row["id"] for row in free if row["allowed"]] == ["openai-compatible/gpt-4o-mini"]
    assert free[0]["id"] == "openai-compatible/gpt-4o-mini"
    assert [row["name"] for row in paid[:2]] == ["gpt-5", "gpt-4o-mini"]
    assert {row["id"].partition("/")[0] for row in paid} == {"openai-compatible"}
    with pytest.raises(LLMError, match="gpt-4o-mini"):
        llm.resolve("gpt-4o-mimi-v98")
