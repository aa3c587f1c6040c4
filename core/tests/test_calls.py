"""Calls through a board: each ends in exactly one true record."""

from __future__ import annotations

import asyncio
import builtins
import gc
import logging
import os
import pickle
import signal
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelplug import (
    AmbiguousModel,
    AuthFailed,
    BadRequest,
    CallFailed,
    Chunk,
    ConfigError,
    Credentials,
    Hooks,
    Layer,
    Model,
    ModelplugError,
    NoStrategy,
    PluginError,
    Prices,
    RateLimited,
    Reply,
    Request,
    Settings,
    Strategy,
    StreamCut,
    Switchboard,
    TimedOut,
    Unavailable,
    UnknownModel,
    Usage,
    hookimpl,
)
from modelplug.retry import Retry
from modelplug.testing import FakePlugin, FakeStrategy, Listener, chunks_of, reply_of

HELLO = [{"role": "user", "content": "Hello"}]
KEY = "sk-verysecret-0123456789"


def board_with(
    strategy: Any = None, *models: Model, settings: dict[str, Any] | None = None
) -> tuple[Switchboard, Listener]:
    """A board with one fake provider, and a listener to its calls."""
    board = Switchboard(settings=Settings(environment={}, argument=settings or {}))
    board.add(FakePlugin(*models, strategy=strategy), name="fake")
    return board, Listener.on(board)


async def test_a_call_by_alias_is_one_record() -> None:
    """The record says what was asked, what it stood for, what went out and what came back."""
    strategy = FakeStrategy("hello there")
    prices = Prices(input=Decimal(1), output=Decimal(10))
    model = Model(id="fake/m", provider="fake", aliases=("m",), prices=prices, requires=())
    board, listener = board_with(strategy, model)
    reply = await board.complete("m", HELLO, temperature=0.5, brand_new=1)
    assert (reply.text, reply.finish_reason, reply.usage.prompt_tokens) == ("hello there", "stop", 3)
    (call,) = listener.finished
    assert reply.call is call
    assert (call.requested, call.model_id, call.provider, call.strategy) == ("m", "fake/m", "fake", "fake")
    assert (call.wire_model, call.response_model, call.response_id, call.outcome) == ("m", "m", "1", "ok")
    assert call.cost == Decimal("0.000023")
    assert (call.usage.source, len(call.attempts)) == ("reported", 1)
    (request,) = strategy.requests
    assert listener.started == [request]
    assert request.body() == {
        "model": "m",
        "messages": HELLO,
        "temperature": 0.5,
        "brand_new": 1,
        "stream": False,
    }


async def test_a_stream_gives_chunks_and_then_the_reply_that_complete_gives() -> None:
    """The chunks read like OpenAI's, and their sum is the Reply."""
    board, listener = board_with()
    async with board.stream("one", HELLO) as chunks:
        with pytest.raises(ModelplugError, match="not ended"):
            _ = chunks.reply
        seen = [chunk async for chunk in chunks]
    assert seen[0].choices[0].delta.content == "hello "
    whole = await board.complete("one", HELLO)
    assert "".join(chunk.text for chunk in seen) == chunks.reply.text == whole.text
    assert chunks.reply.usage == whole.usage
    assert chunks.reply.finish_reason == whole.finish_reason
    assert chunks.reply.call is chunks.call is listener.finished[0]
    assert chunks.call is not None
    assert chunks.call.stream
    assert chunks.call.first_chunk is not None
    assert 0 < chunks.call.first_chunk <= chunks.call.seconds


async def test_a_stream_without_a_finish_reason_is_cut() -> None:
    """Whatever the strategy believes, the outcome is judged from what was seen; what arrived is kept."""
    board, listener = board_with(FakeStrategy(chunks=chunks_of("half an answer", finish_reason=None)))
    with pytest.raises(StreamCut) as caught:
        async with board.stream("one", HELLO) as chunks:
            async for _ in chunks:
                pass
    assert caught.value.partial == "half an answer"
    (call,) = listener.finished
    assert call.error is not None
    assert (call.outcome, call.error.type, call.error.kind) == ("failed", "StreamCut", "cut")
    assert chunks.reply.text == "half an answer"


async def test_leaving_a_stream_early_closes_the_provider_and_is_abandoned() -> None:
    """The strategy's generator is closed with the block, and there is one record."""
    strategy = FakeStrategy("a b c d")
    board, listener = board_with(strategy)
    async with board.stream("one", HELLO) as chunks:
        async for _ in chunks:
            break
    assert strategy.closed_streams == 1
    assert [call.outcome for call in listener.finished] == ["abandoned"]
    assert chunks.reply.text == "a "


async def test_an_error_of_the_host_within_the_block_is_its_own() -> None:
    """The host's exception passes unchanged; the call is abandoned, not failed."""
    board, listener = board_with()
    with pytest.raises(ZeroDivisionError):
        async with board.stream("one", HELLO) as chunks:
            async for _ in chunks:
                raise ZeroDivisionError
    assert [call.outcome for call in listener.finished] == ["abandoned"]


class Hanging(FakeStrategy):
    """Never answers; its stream hangs after the first chunk."""

    async def complete(self, request: Request) -> Reply:
        await asyncio.sleep(60)
        raise AssertionError

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        try:
            yield self.chunks[0]
            await asyncio.sleep(60)
        finally:
            self.closed_streams += 1


async def test_cancelling_a_call_is_recorded_and_passed_on() -> None:
    """The task sees CancelledError, and the record says cancelled."""
    board, listener = board_with(Hanging())
    task = asyncio.create_task(board.complete("one", HELLO))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [call.outcome for call in listener.finished] == ["cancelled"]


async def test_cancelling_a_stream_closes_it() -> None:
    """Cancelled while it waits for a chunk: closed, recorded once, what arrived is kept."""
    strategy = Hanging("a b")
    board, listener = board_with(strategy)

    async def read() -> None:
        async with board.stream("one", HELLO) as chunks:
            async for _ in chunks:
                pass

    task = asyncio.create_task(read())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert strategy.closed_streams == 1
    assert [call.outcome for call in listener.finished] == ["cancelled"]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_deadline_is_over_the_whole_call(stream: bool) -> None:
    """A strategy that hangs is ended at the call's timeout with TimedOut."""
    strategy = Hanging("a b")
    board, listener = board_with(strategy)
    with pytest.raises(TimedOut):
        if stream:
            async with board.stream("one", HELLO, timeout=0.05) as chunks:
                async for _ in chunks:
                    pass
        else:
            await board.complete("one", HELLO, timeout=0.05)
    (call,) = listener.finished
    assert call.error is not None and call.error.kind == "timeout"
    assert strategy.closed_streams == stream


@pytest.mark.parametrize(
    ("environment", "timeout", "seconds"),
    [
        ({}, None, 600),
        ({"MODELPLUG_TIMEOUT": "60"}, None, 60),
        ({"MODELPLUG_TIMEOUT": "60", "FAKE_TIMEOUT": "20"}, None, 20),
        ({"MODELPLUG_TIMEOUT": "60", "FAKE_TIMEOUT": "20"}, 900, 900),
    ],
)
async def test_where_the_seconds_of_a_call_come_from(
    environment: dict[str, str], timeout: float | None, seconds: float
) -> None:
    """From the call, else from its provider, else from what is said for all, else 600."""
    strategy = FakeStrategy()
    board = Switchboard(settings=Settings(environment=environment))
    board.add(FakePlugin(strategy=strategy))
    await board.complete("one", HELLO, timeout=timeout)
    deadline = strategy.requests[0].deadline
    assert deadline is not None and abs(deadline - time.monotonic() - seconds) < 10


@pytest.mark.parametrize("name", ["MODELPLUG_TIMEOUT", "FAKE_TIMEOUT"])
@pytest.mark.parametrize("value", ["0", "-1"])
async def test_a_timeout_of_the_settings_that_is_none_is_refused(name: str, value: str) -> None:
    """Neither is it taken for the default, nor does it end every call at once."""
    board = Switchboard(settings=Settings(environment={name: value}))
    board.add(FakePlugin())
    with pytest.raises(ConfigError) as caught:
        await board.complete("one", HELLO)
    assert caught.value.setting == name


async def test_an_error_says_where_it_happened_and_keeps_no_secret() -> None:
    """Model, wire name, provider and attempts are on the error; key and cause chain are not."""
    error = AuthFailed(f"Incorrect API key provided: {KEY}", status=401)
    error.__cause__ = ValueError(KEY)
    board, listener = board_with(
        FakeStrategy(error=error),
        Model(id="fake/m", provider="fake"),
        settings={"providers": {"fake": {"api_key": KEY}}},
    )
    with pytest.raises(AuthFailed) as caught:
        await board.complete("fake/m", HELLO)
    seen = caught.value
    assert (seen.model_id, seen.wire_model, seen.provider, seen.status) == ("fake/m", "m", "fake", 401)
    assert len(seen.attempts) == 1
    assert KEY not in f"{seen!s} {seen!r} {listener.finished} {seen.__cause__!r} {seen.__context__!r}"


class Faulty(FakeStrategy):
    """Breaks its contract: raises what is none of ours."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error=error)


@pytest.mark.parametrize("error", [KeyError("choices"), SystemExit(3), TimeoutError()], ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_strategy_that_breaks_its_contract_does_not_break_the_host(error: BaseException, stream: bool) -> None:
    """The host sees a CallFailed, and there is one record."""
    board, listener = board_with(Faulty(error))
    with pytest.raises(CallFailed):
        if stream:
            async with board.stream("one", HELLO) as chunks:
                async for _ in chunks:
                    pass
        else:
            await board.complete("one", HELLO)
    assert [call.outcome for call in listener.finished] == ["failed"]


async def test_an_answer_of_the_wrong_type_is_the_plugins_fault() -> None:
    """A strategy that answers None, or that streams strings."""

    class Wrong(FakeStrategy):
        async def complete(self, request: Request) -> Any:
            return None

        async def stream(self, request: Request) -> AsyncGenerator[Any, None]:
            yield "text"

    board, listener = board_with(Wrong())
    with pytest.raises(CallFailed, match="fault of the plugin"):
        await board.complete("one", HELLO)
    with pytest.raises(CallFailed, match="fault of the plugin"):
        async with board.stream("one", HELLO) as chunks:
            [chunk async for chunk in chunks]
    assert [call.outcome for call in listener.finished] == ["failed", "failed"]


async def test_an_unknown_name_is_recorded_as_other() -> None:
    """It raises UnknownModel with a close match; its record names no model, so that labels stay few."""
    board, listener = board_with()
    with pytest.raises(UnknownModel, match="'one'"):
        await board.complete("onne", HELLO)
    (call,) = listener.finished
    assert (call.model_id, call.provider, call.requested, call.outcome) == ("other", "other", "onne", "failed")


async def test_a_missing_key_names_its_variable() -> None:
    """A model that requires a key says which variable to set; the call is recorded; nothing was sent."""
    strategy = FakeStrategy()
    board, listener = board_with(strategy, Model(id="fake/m", provider="fake"))
    assert not board.ready(board.resolve("fake/m"))
    with pytest.raises(ConfigError, match=r"FAKE_API_KEY: is not set, and 'fake/m' needs it.*providers\.fake"):
        await board.complete("fake/m", HELLO)
    assert strategy.requests == []
    (call,) = listener.finished
    assert call.error is not None and call.error.kind == "config"


async def test_credentials_of_a_call_go_with_that_call_only() -> None:
    """A key goes to the provider's base; a base of the caller's never gets the provider's key."""
    strategy = FakeStrategy()
    table = {"api_key": KEY, "api_base": "http://own.test/v1"}
    board, _ = board_with(strategy, Model(id="fake/m", provider="fake"), settings={"providers": {"fake": table}})
    await board.complete("fake/m", HELLO, credentials=Credentials(api_key="sk-tenant"))
    await board.complete("fake/m", HELLO)
    tenant, own = (request.credentials for request in strategy.requests)
    assert tenant.api_key is not None and tenant.api_key.reveal() == "sk-tenant"
    assert tenant.api_base == own.api_base == "http://own.test/v1"
    assert own.api_key is not None and own.api_key.reveal() == KEY
    with pytest.raises(ConfigError, match="FAKE_API_KEY"):
        await board.complete("fake/m", HELLO, credentials=Credentials(api_base="http://tenant.test/v1"))


FORBIDDEN: dict[str, dict[str, Any]] = {
    "key": {"api_key": KEY},
    "base": {"api_base": "http://evil.test"},
    "base_url": {"base_url": "http://evil.test"},
    "body key": {"extra_body": {"api_key": KEY}},
    "body model": {"extra_body": {"model": "other"}},
    "body within body": {"extra_body": {"extra_body": {"model": "other"}}},
    "headers within body": {"extra_body": {"extra_headers": {"authorization": "x"}}},
    "model in capitals": {"Model": "other"},
    "body model in capitals": {"extra_body": {"MODEL": "other"}},
    "body model with a long s": {"extra_body": {"me\u017f\u017fages": []}},
    "authorization": {"extra_headers": {"Authorization": f"Bearer {KEY}"}},
    "host": {"extra_headers": {"HOST": "evil.test"}},
    "padded": {"extra_headers": {" authorization ": "x"}},
    "header break": {"extra_headers": {"X-A": "b\r\nAuthorization: x"}},
    "headers that are text": {"extra_headers": "X-A: b"},
    "headers that are a list": {"extra_headers": [("X-A", "b")]},
    "header name": {"extra_headers": {"X A:": "b"}},
    "stream": {"stream": True},
}


@pytest.mark.parametrize(
    "messages",
    ["hello", None, {"role": "user"}, ["hello"], [None], (m for m in HELLO), 3],
    ids=lambda m: type(m).__name__,
)
async def test_what_are_no_messages_is_a_bad_request(messages: Any) -> None:
    """Told before anything is sent, in one record, and not as a fault of whoever would carry it."""
    strategy = FakeStrategy()
    board, listener = board_with(strategy)
    with pytest.raises(BadRequest, match="with role and content"):
        await board.complete("one", messages)
    assert strategy.requests == []
    (call,) = listener.finished
    assert (call.strategy, call.error and call.error.kind) == ("fake", "client")


@pytest.mark.parametrize("params", FORBIDDEN.values(), ids=FORBIDDEN.keys())
async def test_parameters_never_say_where_a_key_goes(params: dict[str, Any]) -> None:
    """They are refused as BadRequest before anything is sent, without showing a value."""
    strategy = FakeStrategy()
    board, listener = board_with(strategy)
    with pytest.raises(BadRequest) as caught:
        await board.complete("one", HELLO, **params)
    assert strategy.requests == []
    assert KEY not in str(caught.value)
    assert len(listener.finished) == 1


async def test_a_message_of_an_answer_may_be_sent_on() -> None:
    """As loops of tools do it: the strategy sees the JSON object, and the host's list stays as it is."""
    strategy = FakeStrategy()
    board, _ = board_with(strategy)
    reply = await board.complete("one", HELLO)
    messages = [*HELLO, reply.choices[0].message]
    await board.complete("one", messages)
    assert strategy.requests[-1].messages == [*HELLO, {"role": "assistant", "content": "hello there"}]
    assert type(strategy.requests[-1].messages[-1]) is dict
    assert messages[-1] == reply.choices[0].message
    assert strategy.requests[0].messages is HELLO


async def test_extra_headers_and_body_reach_the_request() -> None:
    """What is harmless passes through."""
    strategy = FakeStrategy()
    board, _ = board_with(strategy)
    await board.complete("one", HELLO, extra_headers={"X-Trace": "1"}, extra_body={"top_k": 3})
    (request,) = strategy.requests
    assert request.headers == {"X-Trace": "1"}
    assert request.body()["top_k"] == 3
    assert "extra_headers" not in request.body()


async def test_a_failing_listener_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its plugin's name, and the listeners beside it are told."""

    class Bad(Hooks):
        @hookimpl
        def call_started(self) -> None:  # type: ignore[override]  # a hook leaves out what it does not need
            raise SystemExit(1)

        @hookimpl
        def call_finished(self, call: Any) -> None:
            raise ValueError("no room")

    board, before = board_with()
    board.add(Bad(), name="bad")
    after = Listener.on(board, name="after")
    with caplog.at_level(logging.WARNING, "modelplug"):
        reply = await board.complete("one", HELLO)
        board.flush()
    assert reply.text == "hello there"
    assert before.finished == after.finished == [reply.call]
    assert "plugin 'bad' failed in call_finished" in caplog.text


async def test_embeddings_are_recorded_like_calls() -> None:
    """One vector for each text; a strategy without embeddings says so."""
    board, listener = board_with()
    answer = await board.embed("one", ["a", "b"])
    assert answer.vectors == [[0.0, 1.0], [1.0, 1.0]]
    assert answer.call is listener.finished[0]
    assert (answer.call.operation, answer.call.outcome) == ("embeddings", "ok")

    class TextOnly:
        async def complete(self, request: Request) -> Reply:
            raise AssertionError

        async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
            raise AssertionError
            yield  # type: ignore[unreachable]  # makes it a generator

    board, listener = board_with(TextOnly())
    with pytest.raises(NoStrategy, match="carries no embeddings"):
        await board.embed("one", "a")
    assert [call.outcome for call in listener.finished] == ["failed"]


async def test_a_model_that_nobody_carries() -> None:
    """NoStrategy names the setting that asked for an unknown strategy."""

    class Lonely(Hooks):
        @hookimpl
        def provide_models(self) -> list[Model]:  # type: ignore[override]  # a hook leaves out what it does not need
            return [Model(id="l/m", provider="l", requires=())]

    board = Switchboard(settings=Settings(environment={"L_STRATEGY": "carrier-pigeon"}))
    board.add(Lonely(), name="lonely")
    with pytest.raises(NoStrategy, match=r"'carrier-pigeon' \(L_STRATEGY\)"):
        await board.complete("l/m", HELLO)


class Shouting(Layer):
    """A layer that changes the messages."""

    async def complete(self, request: Request) -> Reply:
        reply = await super().complete(request)
        return Reply({**reply.data, "model": "loud"})


class Loud(Hooks):
    """Puts that layer around every strategy."""

    @hookimpl(wrapper=True)
    def select_strategy(self, model: Model, settings: Settings) -> Any:
        inner = yield
        return None if inner is None else Shouting(inner)


async def test_a_layer_wraps_the_selected_strategy() -> None:
    """Built once for a model; the strategy's name shines through; close reaches the inside."""
    strategy = FakeStrategy()
    board, listener = board_with(strategy)
    board.add(Loud(), name="loud")
    assert (await board.complete("one", HELLO)).model == "loud"
    async with board.stream("one", HELLO) as chunks:
        [chunk async for chunk in chunks]
    assert {call.strategy for call in listener.finished} == {"fake"}
    await board.aclose()
    assert strategy.closed == 1


class FromMemory(Layer):
    """Answers without the provider, with what the provider had said of the tokens."""

    unused = Usage(prompt_tokens=0, completion_tokens=0, total_tokens=0, source="reported")

    async def complete(self, request: Request) -> Reply:
        return Reply(reply_of().data, usage=self.unused)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        for chunk in chunks_of():
            yield Chunk(chunk.data, usage=self.unused)


async def test_a_layer_says_how_many_tokens_its_own_answer_used() -> None:
    """None, and the record believes it, though a server that says so is not believed: the call costs $0."""
    board, listener = board_with(FromMemory(FakeStrategy()))
    await board.complete("one", HELLO)
    async with board.stream("one", HELLO) as chunks:
        usages = [chunk.usage async for chunk in chunks]
    assert usages == [None, None, None, FromMemory.unused]
    assert [(call.usage, call.cost) for call in listener.finished] == [(FromMemory.unused, Decimal(0))] * 2


async def test_a_plugin_that_fails_when_asked_harms_only_its_own_models(caplog: pytest.LogCaptureFixture) -> None:
    """Another plugin's models are called as if it were not there; its own raise a PluginError."""

    class Bad(Hooks):
        @hookimpl
        def provide_models(self) -> list[Model]:  # type: ignore[override]  # a hook leaves out what it does not need
            return [Model(id="bad/m", provider="bad", requires=())]

        @hookimpl(tryfirst=True)
        def select_strategy(self, model: Model, settings: Settings) -> Any:
            raise RuntimeError("selection is broken")

        @hookimpl(tryfirst=True)
        def wire_name(self, model: Model) -> Any:
            raise SystemExit

    class BadLayer(Hooks):
        @hookimpl(wrapper=True)
        def select_strategy(self) -> Any:  # type: ignore[override]  # a hook leaves out what it does not need
            yield
            raise RuntimeError("layer is broken")

    class NoLayer(Hooks):
        @hookimpl(wrapper=True)
        def select_strategy(self) -> Any:  # type: ignore[override]  # a hook leaves out what it does not need
            yield
            return "not a strategy"

    board, _ = board_with()
    for plugin in (Bad(), BadLayer(), NoLayer()):
        board.add(plugin)
    assert (await board.complete("one", HELLO)).text == "hello there"
    with pytest.raises(PluginError, match=r"plugin 'bad'.*selection is broken"):
        await board.complete("bad/m", HELLO)


async def test_a_wrong_answer_of_a_plugin_harms_only_its_own_models(caplog: pytest.LogCaptureFixture) -> None:
    """What is no name, and a wrapper that loses the strategy it was given, count for that plugin's models alone."""

    class Bad(Hooks):
        def __init__(self, answer: Any, provider: str) -> None:
            self.answer, self.provider = answer, provider

        @hookimpl
        def provide_models(self) -> list[Model]:  # type: ignore[override]  # a hook leaves out what it does not need
            return [Model(id=f"{self.provider}/m", provider=self.provider, requires=())]

        @hookimpl
        def select_strategy(self, model: Model, settings: Settings) -> FakeStrategy | None:
            return FakeStrategy() if model.provider == self.provider else None

        @hookimpl(tryfirst=True)
        def wire_name(self, model: Model) -> Any:
            return self.answer

    class Forgets(Hooks):
        @hookimpl(wrapper=True)
        def select_strategy(self) -> Any:  # type: ignore[override]  # a hook leaves out what it does not need
            yield

    board, _ = board_with()
    board.add(Bad(42, "number"), name="number")
    board.add(Bad("", "nothing"), name="nothing")
    board.add(Forgets())
    call = (await board.complete("one", HELLO)).call
    assert call is not None
    assert call.wire_model == "one"
    assert "its wrapper of select_strategy was given an answer and returned None" in caplog.text
    with pytest.raises(PluginError, match="wire_name answered an empty text, not a name"):
        await board.complete("nothing/m", HELLO)
    with pytest.raises(PluginError, match="wire_name answered a int, not a name"):
        await board.complete("number/m", HELLO)


async def test_refresh_swaps_the_catalog_and_running_calls_keep_theirs() -> None:
    """New models appear, a plugin that fails keeps its earlier ones, and an open stream goes on."""
    plugin = FakePlugin()
    board = Switchboard(settings=Settings(environment={}))
    board.add(plugin, name="fake")
    async with board.stream("one", HELLO) as chunks:
        plugin.models = (Model(id="fake/two", provider="fake", requires=()),)
        board.refresh()
        assert [model.id for model in board.models] == ["fake/two"]
        assert "".join([chunk.text async for chunk in chunks]) == "hello there"
    plugin.models = ("broken",)  # type: ignore[assignment]  # what a careless plugin does
    board.refresh()
    assert [model.id for model in board.models] == ["fake/two"]
    assert (await board.complete("fake/two", HELLO)).text == "hello there"


def test_one_board_serves_several_event_loops_one_after_another() -> None:
    """asyncio.run may be called again and again."""
    board, listener = board_with()
    for _ in range(3):
        assert asyncio.run(board.complete("one", HELLO)).text == "hello there"
    assert len(listener.finished) == 3


async def test_two_boards_share_nothing() -> None:
    """Each has its own models, settings and listeners."""
    one, heard_one = board_with(FakeStrategy("one"), settings={"default_model": "x"})
    two, heard_two = board_with(FakeStrategy("two"))
    assert (await one.complete("one", HELLO)).text == "one"
    assert (await two.complete("one", HELLO)).text == "two"
    assert (len(heard_one.finished), len(heard_two.finished)) == (1, 1)
    assert (one.settings.get("default_model"), two.settings.get("default_model")) == ("x", None)


ENDINGS = st.sampled_from(["read", "break", "raise", "cancel", "error", "cut", "enter only", "complete", "fail"])


@given(st.lists(ENDINGS, min_size=1, max_size=6))
def test_every_call_ends_in_exactly_one_record(endings: list[str]) -> None:
    """However calls end, there are as many records as calls, each with its outcome."""
    expected = {
        "read": "ok", "break": "abandoned", "raise": "abandoned", "cancel": "cancelled", "error": "failed",
        "cut": "failed", "enter only": "abandoned", "complete": "ok", "fail": "failed",
    }  # fmt: skip
    outcomes = []

    async def one(ending: str) -> None:
        strategy = FakeStrategy("a b c")
        if ending == "error":
            strategy.chunks, strategy.error = strategy.chunks[:2], Unavailable("gone", status=503)
        if ending == "cut":
            strategy.chunks = strategy.chunks[:2]
        if ending == "fail":
            strategy.error = RateLimited("slow down", retry_after=1)
        board, listener = board_with(strategy)
        with suppress(CallFailed, KeyError, asyncio.CancelledError):
            if ending in ("complete", "fail"):
                await board.complete("one", HELLO)
            else:
                async with board.stream("one", HELLO) as chunks:
                    if ending != "enter only":
                        async for _ in chunks:
                            if ending == "break":
                                break
                            if ending == "raise":
                                raise KeyError
                            if ending == "cancel":
                                raise asyncio.CancelledError
        assert len(listener.started) == 1
        outcomes.append([call.outcome for call in listener.finished])

    async def all_of_them() -> None:
        await asyncio.gather(*(one(ending) for ending in endings))

    asyncio.run(all_of_them())
    assert sorted(outcomes) == sorted([expected[ending]] for ending in endings)


def test_the_synchronous_face_gives_the_same() -> None:
    """Answers, chunks, vectors, errors and records are those of the board itself, from a plain script."""
    board, listener = board_with()
    alone = asyncio.run(board.complete("one", HELLO))
    with board.sync as sync:
        assert sync.complete("one", HELLO).data == alone.data
        with sync.stream("one", HELLO) as chunks:
            assert "".join(chunk.text for chunk in chunks) == alone.text
        assert chunks.reply.text == alone.text
        assert sync.embed("one", "a").vectors == [[0.0, 1.0]]
        with pytest.raises(UnknownModel):
            sync.complete("two", HELLO)
        with sync.stream("one", HELLO) as chunks:
            next(iter(chunks))
    assert [call.outcome for call in listener.finished] == ["ok", "ok", "ok", "ok", "failed", "abandoned"]
    assert not [thread for thread in threading.enumerate() if thread.name == "modelplug" and thread.is_alive()]


async def test_the_synchronous_face_works_in_the_thread_pool_of_a_running_loop() -> None:
    """In a worker thread it answers; in the loop itself it refuses, because it would stop it."""
    board, _ = board_with()
    assert (await asyncio.to_thread(board.sync.complete, "one", HELLO)).text == "hello there"
    with pytest.raises(RuntimeError, match="await the board itself"):
        board.sync.complete("one", HELLO)
    await asyncio.to_thread(board.sync.close)


async def test_the_synchronous_face_works_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where IPython has left its mark every cell runs in a loop, and waits for it as for any other call."""
    monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)
    board, _ = board_with()
    assert board.sync.complete("one", HELLO).text == "hello there"
    board.sync.close()


def test_fakes_are_strategies() -> None:
    """What the package ships for tests keeps the contract itself."""
    assert isinstance(FakeStrategy(), Strategy)
    assert isinstance(Layer(FakeStrategy()), Strategy)


async def test_a_tenant_has_its_own_credentials() -> None:
    """They are looked up for each call; an unknown tenant never gets the host's own key. Records name the tenant."""
    strategy, keys = FakeStrategy(), {"acme": "sk-acme"}

    def credentials_for(provider: str, tenant: str) -> Credentials | None:
        return Credentials(api_key=f"{keys[tenant]}-{provider}") if tenant in keys else None

    settings = Settings(environment={"FAKE_API_KEY": KEY, "FAKE_API_BASE": "http://own.test/v1"})
    board = Switchboard(settings=settings, credentials_for=credentials_for)
    board.add(FakePlugin(Model(id="fake/m", provider="fake"), strategy=strategy))
    listener = Listener.on(board)
    await board.complete("fake/m", HELLO, tenant="acme")
    keys["acme"] = "sk-rotated"
    async with board.stream("fake/m", HELLO, tenant="acme") as chunks:
        [chunk async for chunk in chunks]
    with pytest.raises(ConfigError, match=r"tenant: has no credentials for provider 'fake'"):
        await board.complete("fake/m", HELLO, tenant="nobody")
    sent = [request.credentials for request in strategy.requests]
    assert [request.tenant for request in strategy.requests] == ["acme", "acme"]
    assert [call.tenant for call in listener.finished] == ["acme", "acme", "nobody"]
    assert [used.api_key.reveal() for used in sent if used.api_key] == ["sk-acme-fake", "sk-rotated-fake"]
    assert {used.api_base for used in sent} == {"http://own.test/v1"}
    board, _ = board_with()
    with pytest.raises(ConfigError, match="credentials_for"):
        await board.complete("one", HELLO, tenant="acme")


@pytest.mark.parametrize("stream", [False, True])
async def test_closing_a_board_ends_running_calls_with_a_record(stream: bool) -> None:
    """What does not end within the time to drain fails with kind `shutdown`; its host is told, its record is made."""
    strategy = Hanging("a b")
    board, listener = board_with(strategy)

    async def call() -> None:
        if not stream:
            await board.complete("one", HELLO)
        async with board.stream("one", HELLO) as chunks:
            [chunk async for chunk in chunks]

    task = asyncio.create_task(call())
    await asyncio.sleep(0.01)
    await board.aclose(drain=0.02)
    with pytest.raises(CallFailed, match="the board was closed") as caught:
        await task
    assert caught.value.kind == "shutdown"
    assert [record.outcome for record in listener.finished] == ["failed"]
    assert strategy.closed_streams == stream


async def test_closing_a_board_waits_for_calls_that_end_in_time() -> None:
    """A call that needs less than the time to drain ends as it would have."""

    class Slow(FakeStrategy):
        async def complete(self, request: Request) -> Reply:
            await asyncio.sleep(0.05)
            return await super().complete(request)

    board, listener = board_with(Slow())
    task = asyncio.create_task(board.complete("one", HELLO))
    await asyncio.sleep(0.01)
    await board.aclose(drain=5)
    assert (await task).text == "hello there"
    assert [record.outcome for record in listener.finished] == ["ok"]


def test_a_route_is_what_a_first_call_works_out() -> None:
    """The wire name and the strategy's name, without a call."""
    board, listener = board_with()
    assert board.route(board.resolve("one")) == ("one", "fake")
    assert listener.started == []


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "3", [], True])
async def test_a_timeout_that_is_none_is_a_bad_request(timeout: Any) -> None:
    """It is refused by name and recorded; nothing is sent, and no coroutine is left behind."""
    strategy = FakeStrategy()
    board, listener = board_with(strategy)
    with pytest.raises(BadRequest, match="timeout is not a positive number of seconds"):
        await board.complete("one", HELLO, timeout=timeout)
    assert strategy.requests == []
    assert [call.outcome for call in listener.finished] == ["failed"]


@pytest.mark.parametrize("name", [None, 3, [], {}, b"one"], ids=repr)
async def test_a_name_that_is_no_text_is_unknown(name: Any) -> None:
    """A host's mistake is an UnknownModel, and recorded."""
    board, listener = board_with()
    with pytest.raises(UnknownModel):
        await board.complete(name, HELLO)
    assert [call.model_id for call in listener.finished] == ["other"]


@pytest.mark.parametrize(
    ("characters", "tokens", "doubted"), [(100_000, 2_048, True), (100_000, 25_000, False), (11_000, 999, False)]
)
async def test_a_prompt_that_was_cut_in_silence_is_told(
    caplog: pytest.LogCaptureFixture, characters: int, tokens: int, doubted: bool
) -> None:
    """So few tokens cannot be so long a prompt: the record and the log say so, and the numbers stay."""

    class Counted(FakeStrategy):
        async def complete(self, request: Request) -> Reply:
            return Reply({**reply_of().data, "usage": {"prompt_tokens": tokens, "completion_tokens": 2}})

    board, listener = board_with(Counted())
    half = "x" * (characters // 2)
    parts = [{"type": "text", "text": half}, {"type": "image_url", "image_url": {"url": "data:"}}]
    await board.complete("one", [{"role": "system", "content": half}, {"role": "user", "content": parts}])
    (call,) = listener.finished
    assert call.usage.prompt_tokens == tokens
    assert ("may have cut" in (call.usage.problem or "")) == doubted == ("may have cut" in caplog.text)


async def test_a_stream_that_was_entered_by_hand_and_forgotten_is_recorded() -> None:
    """When nobody holds it any more it is abandoned: one record, and the strategy's generator is closed."""
    strategy = FakeStrategy()
    board, listener = board_with(strategy)
    chunks = await board.stream("one", HELLO).__aenter__()
    await anext(chunks)
    del chunks
    gc.collect()
    await asyncio.sleep(0.01)
    assert [call.outcome for call in listener.finished] == ["abandoned"]
    assert strategy.closed_streams == 1
    await asyncio.wait_for(board.aclose(drain=5), 1)


class Warmed(FakeStrategy):
    """Notes in which threads it was warmed."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.warmed: list[str] = []
        self.failing = error

    def warm(self) -> None:
        self.warmed.append(threading.current_thread().name)
        if self.failing is not None:
            raise self.failing


async def test_a_board_is_warmed_in_a_thread(caplog: pytest.LogCaptureFixture) -> None:
    """Each strategy is warmed once, through its layers, in a thread; one that fails is logged and hinders nothing."""
    board, good, bad = Switchboard(settings={}), Warmed(), Warmed(ImportError("sk-secret"))
    board.add(Retry(), name="retry")
    board.add(FakePlugin(Model(id="good/a", provider="good", requires=()), strategy=good), name="good")
    board.add(FakePlugin(Model(id="bad/a", provider="bad", requires=()), strategy=bad), name="bad")
    board.add(FakePlugin(), name="plain")
    await asyncio.wrap_future(board.warm("bad/a", "good/a", "good/a", "one"))
    assert (good.warmed, bad.warmed) == (["modelplug-warm"], ["modelplug-warm"])
    assert [record.getMessage() for record in caplog.records] == ["strategy 'fake' cannot be warmed: ImportError"]
    with pytest.raises(UnknownModel):
        board.warm("nobody")


async def test_headers_of_a_call_leave_in_no_error_and_no_record() -> None:
    """A provider that repeats what it was sent tells nobody else."""
    token = "tok-Zq8vTn4xWm2LpR7y"
    board, listener = board_with(FakeStrategy(error=Unavailable(f"bad {token}", code=token, request_id=token)))
    with pytest.raises(Unavailable) as caught:
        await board.complete("one", HELLO, extra_headers={"X-Session": token})
    assert token not in f"{caught.value!r} {vars(caught.value)} {listener.finished!r}"


@pytest.mark.parametrize("odd", [RuntimeError(f"no database for {KEY}"), {"api_key": KEY}], ids=["raises", "a dict"])
async def test_a_look_up_of_credentials_that_fails_is_recorded(odd: Any) -> None:
    """It is a ConfigError that names what failed, without what it said."""

    def credentials_for(provider: str, tenant: str) -> Any:
        if isinstance(odd, Exception):
            raise odd
        return odd

    board = Switchboard(settings=Settings(environment={}), credentials_for=credentials_for)
    board.add(FakePlugin())
    listener = Listener.on(board)
    with pytest.raises(ConfigError, match="credentials_for") as caught:
        await board.complete("one", HELLO, tenant="blue")
    assert KEY not in str(caught.value)
    assert [(call.outcome, call.error and call.error.kind) for call in listener.finished] == [("failed", "config")]


async def test_a_tenants_key_goes_to_a_base_that_the_provider_is_allowed() -> None:
    """A link-local base that the host allowed is the provider's base for everybody."""
    table = {"api_base": "http://169.254.1.1/v1", "allow_link_local": True}
    strategy = FakeStrategy()
    board, _ = board_with(strategy, Model(id="fake/m", provider="fake"), settings={"providers": {"fake": table}})
    await board.complete("fake/m", HELLO, credentials=Credentials(api_key=KEY))
    assert strategy.requests[0].credentials.api_base == "http://169.254.1.1/v1"


async def test_refreshing_keeps_no_strategies_that_are_replaced() -> None:
    """Layers are built anew after each refresh: of those round one strategy, the last is closed with the board."""
    strategy = FakeStrategy()
    board, _ = board_with(strategy)
    board.add(Retry())
    for _ in range(3):
        board.refresh()
        await board.complete("one", HELLO)
    await board.aclose()
    assert strategy.closed == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_synchronous_face_works_in_a_fork() -> None:
    """Also where the process that is forked had begun to use it, and holds it."""
    board, _ = board_with()
    face = board.sync
    assert face.complete("one", HELLO).text == "hello there"
    child = os.fork()
    if child == 0:
        signal.alarm(5)  # one that hangs is ended
        try:
            face.complete("one", HELLO)
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    face.close()


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("setting", "is not set", "Set it"),
        PluginError("acme", "fell over"),
        UnknownModel("x", ["y"]),
        AmbiguousModel("x", ["a: b", "c: d"]),
        NoStrategy("x", "none"),
        RateLimited("slow down", status=429, retry_after=2.0, partial="so"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_can_be_pickled(error: ModelplugError) -> None:
    """A pool of processes hands it on as it is: text and fields."""
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
