"""The plugin on a board."""

import subprocess
import sys
from typing import Any

import pytest
from modelplug import AuthFailed, ConfigError, Hooks, Model, StreamCut, Switchboard, TimedOut, hookimpl
from modelplug_http import HttpPlugin
from modelplug_testkit.upstream import Hold, Upstream
from modelplug_testkit.wire import DONE, FINISH, HELLO, answer, completion, part, stream

from plugins.http.tests.loopback import KEY, StartUpstream


class Acme(Hooks):
    @hookimpl
    def provide_models(self, settings: Any) -> list[Model]:
        return [Model(id="acme/m", provider="acme", aliases=("m",)), Model(id="acme/n", provider="acme")]


def board(server: Upstream, **options: Any) -> Switchboard:
    acme = {"api_key": KEY, "api_base": server.base, "strategy": "http", **options}
    made = Switchboard(settings={"providers": {"acme": acme}})
    made.add(HttpPlugin(), name="http")
    made.add(Acme(), name="acme")
    return made


HI = [{"role": "user", "content": "hi"}]


async def test_a_provider_moves_to_http_by_one_setting(upstream: StartUpstream) -> None:
    """`strategy = "http"` is all it takes, and the record says who carried the call."""
    server = await upstream(answer(completion("hello")))
    async with board(server) as made:
        reply = await made.complete("m", HI)
    assert reply.text == "hello"
    assert reply.call is not None
    assert (reply.call.strategy, reply.call.outcome) == ("http", "ok")
    assert server.received[0].json["model"] == "m"


async def test_a_stream_and_its_record(upstream: StartUpstream) -> None:
    """A stream ends with the reply that `complete` would have given."""
    server = await upstream(stream(HELLO, FINISH, DONE))
    async with board(server) as made, made.stream("m", HI) as chunks:
        text = "".join([chunk.text async for chunk in chunks])
    assert (text, chunks.reply.text) == ("hello", "hello")


async def test_leaving_a_stream_closes_its_socket(upstream: StartUpstream) -> None:
    """When the block is left the socket is closed."""
    import asyncio

    server = await upstream([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", part(HELLO), Hold])
    made = board(server)
    async with made.stream("m", HI) as chunks:
        await anext(aiter(chunks))
    await asyncio.wait_for(server.closed.wait(), 1)
    assert chunks.call is not None
    assert chunks.call.outcome == "abandoned"
    await made.aclose()


async def test_what_arrived_is_kept_on_the_error(upstream: StartUpstream) -> None:
    """A cut stream carries its text as `partial`."""
    server = await upstream(stream(HELLO))
    async with board(server) as made:
        with pytest.raises(StreamCut) as caught:
            async with made.stream("m", HI) as chunks:
                async for _ in chunks:
                    pass
    assert caught.value.partial == "hello"


async def test_42_a_key_that_comes_back_is_not_shown(upstream: StartUpstream) -> None:
    """CQ-42: a 401 that repeats the key does not bring it into the message."""
    server = await upstream(answer({"error": {"message": f"Incorrect API key: {KEY}"}}, status=401))
    async with board(server) as made:
        with pytest.raises(AuthFailed) as caught:
            await made.complete("m", HI)
    assert KEY not in str(caught.value)


async def test_options_are_settings_of_the_provider(upstream: StartUpstream) -> None:
    """Limits, waits and the User-Agent are what the provider's settings say."""
    server = await upstream([Hold])
    async with board(server, first_byte_timeout="0.2", user_agent="acme-host/1") as made:
        with pytest.raises(TimedOut):
            await made.complete("m", HI, timeout=0.5)
    assert server.received[0].headers["user-agent"] == "acme-host/1"


@pytest.mark.parametrize(
    ("option", "value"), [("idle_timeout", -1), ("proxy", "socks5://proxy:1"), ("proxy", "http://a:hunter2@:1")]
)
async def test_a_wrong_option_names_itself(option: str, value: object, upstream: StartUpstream) -> None:
    """An option that makes no sense is a ConfigError that names it."""
    server = await upstream([Hold])
    async with board(server, **{option: value}) as made:
        with pytest.raises(ConfigError, match=rf"(?i)acme.*{option}") as caught:
            await made.complete("m", HI)
    assert str(value) not in str(caught.value)


def test_a_strategy_is_shared() -> None:
    """The models of providers with the same options have one strategy."""
    plugin = HttpPlugin()
    settings = board(Upstream(plays=[])).settings
    one, two = (plugin.select_strategy(Model(id=f"acme/{name}", provider="acme"), settings) for name in "mn")
    assert one is two
    assert plugin.select_strategy(Model(id="other/m", provider="other"), settings) is None


def test_warming_imports_the_client_and_opens_nothing() -> None:
    """After `board.warm` the HTTP client is there, and no socket was opened."""
    script = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, arguments: opened.append(event) if event == 'socket.connect' else None)\n"
        "from modelplug import Hooks, Model, Switchboard, hookimpl\n"
        "from modelplug_http import HttpPlugin\n"
        "class Acme(Hooks):\n"
        "    @hookimpl\n"
        "    def provide_models(self, settings):\n"
        "        return [Model(id='acme/m', provider='acme', requires=())]\n"
        "board = Switchboard(settings={'providers': {'acme': {'strategy': 'http'}}})\n"
        "board.add(HttpPlugin(), name='http'); board.add(Acme(), name='acme')\n"
        "before = 'aiohttp' in sys.modules\n"
        "board.warm('acme/m').result(20)\n"
        "print(before, 'aiohttp' in sys.modules, opened)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert (run.stdout, run.stderr) == ("False True []\n", "")
