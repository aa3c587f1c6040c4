"""Lists are fetched from declared endpoints, kept, and swapped in as a whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from modelplug import BadReply, CallFailed, ConfigError, RateLimited, Settings, Switchboard, UnknownModel, Unreachable
from modelplug_discovery import Discovery, kept
from modelplug_discovery.commands import refresh as refresh_command
from modelplug_discovery.fetching import fetch
from modelplug_discovery.refreshing import refresh
from modelplug_http import HttpPlugin
from modelplug_litellm import LiteLLMPlugin
from modelplug_litellm.facts import facts
from modelplug_testkit.contract import well
from modelplug_testkit.upstream import Close, Hold, Pause, Play, Received, Upstream
from modelplug_testkit.wire import DONE, FINISH, HELLO, LAST, STREAM_HEAD, answer, part
from modelplug_v98store import V98Store

KEY = "sk-lister-0123456789abcdef"
MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def lists(*names: str) -> bytes:
    return answer({"object": "list", "data": [{"id": name} for name in names]})


def settings_with(base: str, **more: Any) -> Settings:
    table = {"api_base": base, "api_key": KEY, "discover": True, **more}
    return Settings(argument={"providers": {"acme": table}}, environment={})


def board_with(settings: Settings, *plugins: Any) -> Switchboard:
    board = Switchboard(settings=settings)
    board.add(Discovery, name="discovery")
    for plugin in plugins:
        board.add(plugin)
    return board


def both(models: bytes) -> Play:
    """Lists these models, and answers calls."""

    def play(received: Received) -> Any:
        return well(received) if received.method == "POST" else [models]

    return play


async def test_models_become_callable_without_a_restart() -> None:
    """And are there at once after one: the list is kept, and loading asks nobody."""
    async with Upstream(plays=[both(lists("large", "org/small"))]) as server:
        settings = settings_with(server.base)
        board = board_with(settings)
        with pytest.raises(UnknownModel):
            await board.complete("acme/large", MESSAGES)
        (answered,) = await refresh(board)
        assert (answered.count, answered.new, answered.error) == (2, ("large", "org/small"), None)
        assert server.received[0].path.endswith("/v1/models")
        assert server.received[0].headers["authorization"] == f"Bearer {KEY}"
        assert (await board.complete("acme/org/small", MESSAGES)).text == "hello"
        await board.aclose()
        asked = len(server.received)
        later = board_with(settings)
        assert [model.id for model in later.models] == ["acme/large", "acme/org/small"]
        assert len(server.received) == asked


async def test_what_the_table_says_wins() -> None:
    """Over the list, which fills in what the table leaves open; models of the table alone are there too."""
    window = answer([{"id": "large", "context_length": 8192, "pricing": {"input": 9, "output": 9}}])
    async with Upstream(plays=[window]) as server:
        table = {"models": [{"id": "large", "prices": {"input": 1}, "aliases": ["big"]}, "mine"]}
        board = board_with(settings_with(server.base, **table))
        await refresh(board)
    large = board.resolve("big")
    assert large.context_window == 8192
    assert (large.prices.input, large.prices.output) == (Decimal(1), Decimal(9))
    assert [model.id for model in board.models] == ["acme/large", "acme/mine"]


async def test_known_facts_fill_in_and_prices_only_where_asked() -> None:
    """Another seller's prices are not the maker's: list prices count with the ratio that settings give."""
    known = facts()["gpt-4o-mini"]
    async with Upstream(plays=[lists("gpt-4o-mini", "nobody-knows")]) as server:
        board = board_with(settings_with(server.base))
        await refresh(board)
        dear = board_with(settings_with(server.base, list_prices=2))
    model = board.resolve("acme/gpt-4o-mini")
    assert (model.context_window, model.capabilities) == (known.context_window, known.capabilities)
    assert model.prices.input is None
    assert known.prices.input is not None
    assert dear.resolve("acme/gpt-4o-mini").prices.input == 2 * known.prices.input
    unknown = board.resolve("acme/nobody-knows")
    assert (unknown.context_window, unknown.capabilities) == (None, frozenset())


FAILING: dict[str, tuple[Play, type[CallFailed]]] = {
    "429": (answer({"error": {"message": f"slow down {KEY}"}}, status=429), RateLimited),
    "closed": ([Close], CallFailed),
    "a page": (answer(b"<html>log in</html>"), BadReply),
    "an error for a list": (answer({"error": {"message": KEY}}), BadReply),
    "deep": (answer(b"[" * 100_000), BadReply),
    "not UTF-8": (answer(b'["\xff"]'), BadReply),
    "elsewhere": (answer(b"", status=302, headers=[("location", "http://127.0.0.2:9/models")]), CallFailed),
    "large": (answer(b"[" + b'"x",' * 5_000_000 + b'"x"]'), BadReply),
}


@pytest.mark.parametrize(("play", "error"), FAILING.values(), ids=FAILING.keys())
async def test_an_endpoint_that_fails_takes_no_models_away(play: Play, error: type[CallFailed]) -> None:
    """The failure is typed and shows no key; the models that were listed before can be called."""
    async with Upstream(plays=[lists("large"), play]) as server:
        board = board_with(settings_with(server.base))
        await refresh(board)
        (answered,) = await refresh(board)
    assert isinstance(answered.error, error)
    assert KEY not in str(answered.error) and "127.0.0" not in str(answered.error)
    assert [model.id for model in board.models] == ["acme/large"]


async def test_silence_and_absence_are_told_in_time() -> None:
    """Within the seconds that are given."""
    async with Upstream(plays=[[Hold]]) as server:
        own = settings_with(server.base).provider("acme")
        with pytest.raises(CallFailed) as caught:
            await fetch(own, seconds=0.2)
        assert caught.value.kind == "timeout"
    with pytest.raises(Unreachable):
        await fetch(own, seconds=2)
    with pytest.raises(ConfigError, match="ACME_API_BASE"):
        await fetch(Settings(environment={}).provider("acme"))


async def test_calls_under_way_keep_their_model() -> None:
    """A stream whose model is swapped out of the catalog between two chunks ends as it began."""
    swapped = asyncio.Event()

    def streamed() -> Iterator[Any]:
        yield from (STREAM_HEAD, part(HELLO))
        while not swapped.is_set():
            yield Pause(0.01)
        yield from (part(FINISH), part(DONE), LAST)

    def play(received: Received) -> Any:
        if received.method == "POST":
            return streamed()
        return lists("large") if len(server.received) == 1 else lists("other")

    async with Upstream(plays=[play]) as server:
        board = board_with(settings_with(server.base))
        await refresh(board)
        async with board.stream("acme/large", MESSAGES) as chunks:
            await anext(aiter(chunks))
            await refresh(board)
            assert [model.id for model in board.models] == ["acme/other"]
            swapped.set()
            async for _ in chunks:
                pass
        await board.aclose()
    assert chunks.call is not None and (chunks.call.outcome, chunks.call.model_id) == ("ok", "acme/large")
    assert chunks.reply.text == "hello"


async def test_an_empty_list_takes_no_models_away() -> None:
    """A gateway whose own upstream fails lists nothing; an endpoint that never had any lists nothing either."""
    async with Upstream(plays=[lists(), lists("large"), lists()]) as server:
        board = board_with(settings_with(server.base))
        (none,) = await refresh(board)
        assert (none.count, none.error) == (0, None)
        await refresh(board)
        (emptied,) = await refresh(board)
    assert isinstance(emptied.error, BadReply) and emptied.fetched is not None
    assert [model.id for model in board.models] == ["acme/large"]


async def test_a_list_that_is_cut_takes_no_models_away() -> None:
    """An endpoint that says there is more, and gives the same page again."""
    page = answer({"object": "list", "data": [{"id": "a"}], "has_more": True, "last_id": "a"})
    async with Upstream(plays=[lists("a", "b"), page]) as server:
        board = board_with(settings_with(server.base))
        await refresh(board)
        (answered,) = await refresh(board)
    assert (answered.whole, answered.gone, answered.error) == (False, (), None)
    assert [model.id for model in board.models] == ["acme/a", "acme/b"]


def test_what_is_kept_holds_no_secret_and_no_address(tmp_path: Path) -> None:
    """A list belongs to a base: with another base it does not count. Damage is no list."""
    own = settings_with("http://acme.test/v1").provider("acme")
    kept.write(own, [], tmp_path)
    path = kept.place(own, tmp_path)
    assert KEY not in path.read_text() and "acme.test" not in path.read_text()
    assert kept.read(own, tmp_path) is not None
    assert kept.read(settings_with("http://other.test/v1").provider("acme"), tmp_path) is None
    for damage in (b"", b"{", b"null", b"[]", json.dumps({"format": 1}).encode(), b"\xff"):
        path.write_bytes(damage)
        assert kept.read(own, tmp_path) is None
    assert [each.name for each in path.parent.iterdir()] == ["acme.json"]


async def test_v98store_lists_more_than_its_table() -> None:
    """By its own ids and aliases, at list prices times the ratio of the key's group; its table wins."""
    async with Upstream(plays=[lists("gpt-4o-mini", "gpt-4o-2024-11-20", "brand-new")]) as server:
        own = {"api_base": server.base, "api_key": KEY, "group_ratio": 3}
        settings = Settings(argument={"providers": {"v98store": own}}, environment={})
        board = board_with(settings, V98Store)
        before = board.resolve("gpt-4o-mini-v98")
        await refresh(board, ["v98store"])
    assert board.resolve("v98store/brand-new").id == "openai-compatible/brand-new"
    assert board.resolve("gpt-4o-mini-v98") == before
    known = facts()["gpt-4o-2024-11-20"].prices.input
    assert known is not None and board.resolve("gpt-4o-2024-11-20-v98").prices.input == 3 * known


async def test_what_another_plugin_brings_stays_its() -> None:
    """A provider of LiteLLM's that is discovered too gets what LiteLLM does not know, and no name has two owners."""
    async with Upstream(plays=[lists("gpt-4o-mini", "brand-new"), lists("gpt-4o-mini")]) as server:
        own = {"api_base": server.base, "api_key": KEY, "discover": True}
        board = board_with(Settings(argument={"providers": {"openai": own}}, environment={}), LiteLLMPlugin)
        (answered,) = await refresh(board)
        assert (answered.count, answered.new) == (2, ("brand-new",))
        assert board.catalog.clashes == {}
        assert board.catalog.owner("openai/brand-new") == "discovery"
        assert board.resolve("gpt-4o-mini").id == "openai/gpt-4o-mini"
        (answered,) = await refresh(board)
        assert (answered.count, answered.gone, answered.error) == (1, ("brand-new",), None)


async def test_a_reseller_with_a_plugin_of_its_own_is_that_plugin_s() -> None:
    """With `discover` its list is kept fresh; its models have the plugin's ids, and settings win over its table."""
    async with Upstream(plays=[both(lists("brand-new"))]) as server:
        named = {"id": "gpt-4o-mini", "context_window": 1000, "aliases": ["mini"]}
        own = {"api_base": server.base, "api_key": KEY, "strategy": "http", "discover": True, "models": ["mine", named]}
        settings = Settings(argument={"providers": {"v98store": own}}, environment={})
        board = board_with(settings, V98Store, HttpPlugin)
        await refresh(board)
        assert (await board.complete("v98store/mine", MESSAGES)).text == "hello"
        assert server.received[-1].json["model"] == "mine"
        await board.aclose()
    assert board.catalog.clashes == {}
    assert board.resolve("v98store/brand-new").id == "openai-compatible/brand-new"
    mini = board.resolve("mini")
    assert (mini.id, mini.context_window, mini.max_output) == ("openai-compatible/gpt-4o-mini", 1000, 16384)


async def test_a_list_that_is_refused_by_a_reseller_leaves_its_table() -> None:
    """v98store answers 429 there too, and repeats the key: it is not told to anybody."""
    refused = answer({"error": {"message": f"slow down, {KEY}", "type": "new_api_error"}}, status=429)
    async with Upstream(plays=[refused]) as server:
        own = {"api_base": server.base, "api_key": KEY}
        board = board_with(Settings(argument={"providers": {"v98store": own}}, environment={}), V98Store)
        before = board.models
        (answered,) = await refresh(board, ["v98store"])
    assert isinstance(answered.error, RateLimited)
    assert KEY not in str(answered.error) and server.base not in str(answered.error)
    assert board.models == before


async def test_the_command_tells_of_a_wrong_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its list is fetched and cannot be called: that is said, with exit status 1, and another provider is refreshed."""
    async with Upstream(plays=[lists("a")]) as server:
        config = tmp_path / "config.toml"
        tables = (f'[providers.{name}]\napi_base = "{server.base}"\ndiscover = true\n' for name in ("good", "acme"))
        odd = '[providers.odd]\ndiscover = "perhaps"\n'
        config.write_text("".join(tables) + "models = [7]\n" + odd, "utf-8")
        monkeypatch.setenv("MODELPLUG_CONFIG", str(config))
        done = await asyncio.to_thread(CliRunner().invoke, refresh_command, [])
    assert done.exit_code == 1
    assert "good: 1 model; 1 new (a)\n" in done.output
    assert "acme: its models cannot be called: config.toml, [providers.acme] models, entry 1: " in done.output
    assert "odd: its models cannot be called: config.toml, [providers.odd] discover: " in done.output
    assert [model.id for model in Switchboard.load(only={"discovery"}).models] == ["good/a"]


async def test_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Says what is new and what is gone; after a failure the exit status is 1."""
    async with Upstream(plays=[lists("a", "b"), lists("b", "c"), answer(b"", status=500)]) as server:
        config = tmp_path / "config.toml"
        config.write_text(f'[providers.acme]\napi_base = "{server.base}"\ndiscover = true\n', "utf-8")
        monkeypatch.setenv("MODELPLUG_CONFIG", str(config))
        first = await asyncio.to_thread(CliRunner().invoke, refresh_command, [])
        assert first.output == "acme: 2 models; 2 new (a, b)\n"
        second = await asyncio.to_thread(CliRunner().invoke, refresh_command, ["acme"])
        assert second.output == "acme: 2 models; 1 new (c), 1 gone (a)\n"
        third = await asyncio.to_thread(CliRunner().invoke, refresh_command, ["acme", "--json"])
        assert (third.exit_code, json.loads(third.output)[0]["provider"]) == (1, "acme")
    assert json.loads(third.output)[0]["fetched"] is not None  # the date of the list that stays
    config.write_text("[providers.quiet]\napi_base = 'http://127.0.0.1:9/v1'\n", "utf-8")
    for name in ("nobody", "quiet"):
        refused = await asyncio.to_thread(CliRunner().invoke, refresh_command, [name])
        assert isinstance(refused.exception, ConfigError)
