"""How long connections live: cancellation, streams that are left, loops, forks, many keys."""

import asyncio
import gc
import os
import signal
import sys
from contextlib import aclosing

import pytest
from modelplug import Credentials, RateLimited, Unreachable
from modelplug_http.options import Options
from modelplug_http.strategy import Http
from modelplug_http.wire import Wire
from modelplug_testkit.upstream import Hold, Pause, Reset, Upstream
from modelplug_testkit.wire import DONE, FINISH, HELLO, LAST, STREAM_HEAD, answer, completion, part, stream

from plugins.http.tests.loopback import KEY, StartUpstream, request_to


async def closed_soon(server: Upstream) -> None:
    await asyncio.wait_for(server.closed.wait(), 10)
    assert server.open == 0


async def asked(server: Upstream) -> None:
    while not server.received:  # noqa: ASYNC110  # a socket sets no event of ours
        await asyncio.sleep(0.001)


async def test_43_cancelled_while_waiting(http: Http, upstream: StartUpstream) -> None:
    """Cancelling a call closes its socket, and the cancellation passes untouched."""
    server = await upstream([Hold])
    call = asyncio.ensure_future(http.complete(request_to(server)))
    await asked(server)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await closed_soon(server)


async def test_43_cancelled_while_streaming(http: Http, upstream: StartUpstream) -> None:
    """Cancelling within a stream closes its socket."""
    server = await upstream([STREAM_HEAD, part(HELLO), Hold])
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in http.stream(request_to(server, stream=True)):
            begun.set()

    call = asyncio.ensure_future(read())
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await closed_soon(server)


async def test_44_a_stream_that_is_left(http: Http, upstream: StartUpstream) -> None:
    """Closing the generator closes the socket at once."""
    server = await upstream([STREAM_HEAD, part(HELLO), Hold])
    async with aclosing(http.stream(request_to(server, stream=True))) as chunks:
        await anext(chunks)
    await closed_soon(server)


async def test_06_a_stream_that_is_held_open_is_closed(http: Http, upstream: StartUpstream) -> None:
    """After the finish reason and a short grace the socket is closed by us."""
    server = await upstream([STREAM_HEAD, part(HELLO + FINISH), Hold])
    _ = [chunk async for chunk in http.stream(request_to(server, stream=True))]
    await closed_soon(server)


async def test_a_stream_held_open_after_done_is_closed(upstream: StartUpstream) -> None:
    """After [DONE] nothing is waited for, however long the grace is."""
    server = await upstream([STREAM_HEAD, part(HELLO + FINISH + DONE), Hold])
    options = Options(first_byte_timeout=3600, idle_timeout=3600, grace=3600)
    http = Http(Wire(options), options)
    _ = [chunk async for chunk in http.stream(request_to(server, stream=True))]
    await closed_soon(server)
    await http.aclose()


async def test_the_end_that_comes_late_saves_the_connection(http: Http, upstream: StartUpstream) -> None:
    """A body that ends shortly after [DONE] leaves its connection to the next call."""
    server = await upstream([STREAM_HEAD, part(HELLO + FINISH + DONE), Pause(0.01), b"0\r\n\r\n"])
    for _ in range(3):
        assert [chunk async for chunk in http.stream(request_to(server, stream=True))]
    assert server.connections == 1


async def test_an_idle_connection_that_breaks_is_nobodys_business(http: Http, upstream: StartUpstream) -> None:
    """Nothing is logged when the server resets a connection between two calls."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    server = await upstream([*stream(HELLO, FINISH, DONE)[:-1], Pause(0.01), LAST, Reset], answer(completion()))
    for _ in range(2):
        _ = [chunk async for chunk in http.stream(request_to(server, stream=True))]
        await asyncio.sleep(0.1)
        gc.collect()
    assert server.connections == 2
    assert complaints == []


async def test_an_error_whose_body_never_ends_is_told(http: Http, upstream: StartUpstream) -> None:
    """The status says enough: an error is raised though its body is held back."""
    server = await upstream([b"HTTP/1.1 429 Too Many\r\nretry-after: 7\r\ncontent-length: 10\r\n\r\n", Hold])
    with pytest.raises(RateLimited) as caught:
        await http.complete(request_to(server))
    assert caught.value.retry_after == 7
    await closed_soon(server)


async def test_closing_ends_calls_that_run(http: Http, upstream: StartUpstream) -> None:
    """Closing the strategy closes every socket; a call that runs is told so, and a later one works."""
    server = await upstream([Hold], answer(completion()))
    call = asyncio.ensure_future(http.complete(request_to(server)))
    await asyncio.sleep(0.1)
    await http.aclose()
    with pytest.raises(Unreachable):
        await call
    await closed_soon(server)
    assert (await http.complete(request_to(server))).text == "hello there"


async def test_keys_do_not_share_connections(http: Http, upstream: StartUpstream) -> None:
    """50 interleaved calls of two tenants: each connection carries one key."""
    server = await upstream(answer(completion()))
    tenants = [Credentials(api_key=f"sk-tenant-{i % 2}", api_base=server.base) for i in range(50)]
    await asyncio.gather(*(http.complete(request_to(server, credentials=tenant)) for tenant in tenants))
    for tenant in tenants:
        await http.complete(request_to(server, credentials=tenant))
    keys = {received.connection: set[str]() for received in server.received}
    for received in server.received:
        keys[received.connection].add(received.headers["authorization"])
    assert all(len(used) == 1 for used in keys.values())


async def test_61_sockets_are_bounded_over_a_thousand_keys(upstream: StartUpstream) -> None:
    """A thousand keys, one after another, leave no more connections than there are pools."""
    server = await upstream(answer(completion()))
    wire = Wire(pools=16)
    http = Http(wire)
    for i in range(1_000):
        await http.complete(request_to(server, credentials=Credentials(api_key=f"sk-{i}", api_base=server.base)))
    await asyncio.sleep(0.05)
    assert server.open <= 16
    await wire.aclose()


async def test_many_calls_at_once(http: Http, upstream: StartUpstream) -> None:
    """A hundred calls at once, streams among them, all succeed."""
    server = await upstream(
        lambda sent: stream(HELLO, FINISH, DONE) if sent.json["stream"] else answer(completion("hello"))
    )

    async def one(streamed: bool) -> str:
        asked = request_to(server, stream=streamed)
        if streamed:
            return "".join([chunk.text async for chunk in http.stream(asked)])
        return (await http.complete(asked)).text

    assert set(await asyncio.gather(*(one(i % 2 == 0) for i in range(100)))) == {"hello"}


def test_47_loops_one_after_another() -> None:
    """One strategy serves several asyncio.run, leaves no socket open and warns of nothing."""
    http = Http()
    connections = []

    async def call() -> None:
        server = Upstream(plays=[answer(completion("hello")), stream(HELLO, FINISH, DONE)])
        await server.start()
        assert (await http.complete(request_to(server))).text == "hello"
        assert [chunk async for chunk in http.stream(request_to(server, stream=True))]
        connections.append(server.connections)
        await server.stop()

    for _ in range(3):
        asyncio.run(call())
    asyncio.run(http.aclose())
    assert connections == [1, 1, 1]


def test_47_a_loop_in_another_thread() -> None:
    """Closing from one loop closes the connections of another that runs."""
    http = Http()

    async def main() -> None:
        server = Upstream(plays=[answer(completion("hello"))])
        await server.start()
        port = server.port
        done = asyncio.Event()

        async def elsewhere() -> None:
            there = Upstream(plays=[], port=port)
            await http.complete(request_to(there))
            loop.call_soon_threadsafe(done.set)
            await asyncio.sleep(0.5)

        loop = asyncio.get_running_loop()
        thread = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
        await done.wait()
        await http.aclose()
        await closed_soon(server)
        await thread
        await server.stop()

    asyncio.run(main())


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_48_a_forked_child_opens_its_own() -> None:
    """After a fork the child calls over connections of its own, and the parent's still work."""
    http = Http()

    async def call() -> None:
        server = Upstream(plays=[answer(completion("hello"))])
        await server.start()
        await http.complete(request_to(server))
        if (child := os.fork()) == 0:
            os._exit(0)
        await asyncio.to_thread(os.waitpid, child, 0)
        await http.complete(request_to(server))
        assert server.connections == 1
        await server.stop()

    asyncio.run(call())
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        asyncio.run(call())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


async def test_nothing_is_imported_before_the_first_call() -> None:
    """Loading the plugin and claiming a model imports neither the HTTP client nor the JSON library."""
    code = (
        "import sys; from modelplug import Model, Settings; from modelplug_http import HttpPlugin;"
        "s = Settings.read({'providers': {'acme': {'strategy': 'http'}}}, environment={});"
        "assert HttpPlugin().select_strategy(Model(id='acme/m', provider='acme'), s) is not None;"
        "assert 'aiohttp' not in sys.modules"
    )
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await child.wait() == 0


def test_the_key_is_not_shown() -> None:
    """No object of the plugin shows a key or a proxy."""
    assert KEY not in repr(request_to(Upstream(plays=[])))
    assert "secret" not in repr(Options(proxy="http://user:secret@proxy:1"))
