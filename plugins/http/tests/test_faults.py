"""What goes wrong below the answer, as far as the wire goes. The numbers are those of the list of faults."""

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from modelplug import BadReply, BadRequest, CallFailed, Credentials, StreamCut, TimedOut, Unreachable
from modelplug_http.options import Options
from modelplug_http.strategy import Http
from modelplug_http.wire import Wire
from modelplug_testkit.upstream import Close, Hold, Pause, Play, Reset, Upstream, drip
from modelplug_testkit.wire import DONE, FINISH, HELLO, STREAM_HEAD, answer, chunk, completion, frame, part, stream

from plugins.http.tests.loopback import KEY, StartUpstream, request_to

HEAD = b"HTTP/1.1 200 OK\r\n"
PROMISED = HEAD + b"content-length: 1000\r\n\r\n"
ZIPPED = HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n"

WHOLE: dict[str, tuple[Play, type[CallFailed], str]] = {
    "4 closed before the head": ([Close], Unreachable, "reset"),
    "4 reset before the head": ([Reset], Unreachable, "reset"),
    "4 closed within the head": ([b"HTTP/1.1 200 OK\r\ncontent-", Close], Unreachable, "reset"),
    "5 short body": ([PROMISED + b'{"id":', Close], StreamCut, "cut"),
    "5 reset in the body": ([PROMISED + b'{"id":', Reset], StreamCut, "cut"),
    "7 short parts": ([STREAM_HEAD + part(b'{"id":'), Close], StreamCut, "cut"),
    "8 silence before the head": ([Hold], TimedOut, "timeout"),
    "8 dripping head": ([b"HTTP/1.1 200 OK\r\n", *drip(b"x: 1\r\n", 0.1, 30)], TimedOut, "timeout"),
    "9 dripping body": ([PROMISED, *drip(b" ", 0.1, 30)], TimedOut, "timeout"),
    "10 silence in the body": ([PROMISED + b'{"id":', Hold], TimedOut, "stall"),
    "12 no gzip": ([ZIPPED % 5 + b"hello"], BadReply, "decode"),
    "12 half a gzip": ([ZIPPED % 20 + gzip.compress(b'{"a":1}' * 100)[:20]], BadReply, "decode"),
    "12 unknown encoding": ([HEAD + b"content-encoding: wat\r\ncontent-length: 4\r\n\r\nabcd"], BadReply, "decode"),
    "14 bad part": ([STREAM_HEAD + b"zz\r\n", Hold], BadReply, "protocol"),
    "14 not HTTP": ([b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Hold], BadReply, "protocol"),
    "14 two lengths": ([HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}", Hold], BadReply, "protocol"),
    "14 long header": ([HEAD + b"x: " + b"a" * 100_000 + b"\r\n\r\n", Hold], BadReply, "protocol"),
    "14 many headers": ([HEAD + b"x: a\r\n" * 10_000 + b"\r\n", Hold], BadReply, "protocol"),
    "14 negative length": ([HEAD + b"content-length: -1\r\n\r\n{}", Hold], BadReply, "protocol"),
    "14 switching protocols": ([b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"], BadReply, "protocol"),
}


@pytest.mark.parametrize("play", [play for play, _, _ in WHOLE.values()], ids=WHOLE)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
async def test_a_fault_has_its_error(
    play: Play, streamed: bool, http: Http, upstream: StartUpstream, request: pytest.FixtureRequest
) -> None:
    """Each fault is the error that fits, within the deadline, and the socket is closed."""
    _, error, kind = WHOLE[request.node.callspec.id.split("-", 1)[1]]
    server = await upstream(play)
    asked = request_to(server, stream=streamed, deadline=time.monotonic() + 1)
    with pytest.raises(error) as caught:
        if streamed:
            _ = [chunk async for chunk in http.stream(asked)]
        else:
            await http.complete(asked)
    assert not kind or caught.value.kind == kind or (streamed and kind == "timeout" and caught.value.kind == "stall")
    assert KEY not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    if isinstance(play, list) and {Close, Reset, Hold} & {play[-1]}:
        await asyncio.wait_for(server.closed.wait(), 1)


async def test_1_refused(http: Http) -> None:
    """Nobody listens: Unreachable, kind connect."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = Upstream(plays=[], port=unused.getsockname()[1])
        with pytest.raises(Unreachable) as caught:
            await http.complete(request_to(nobody))
    assert (caught.value.kind, caught.value.retryable) == ("connect", True)


async def test_2_no_such_host(http: Http) -> None:
    """A name that is none: Unreachable, kind dns."""
    credentials = Credentials(api_key=KEY, api_base="http://no-such-host.invalid/v1")
    with pytest.raises(Unreachable) as caught:
        await http.complete(request_to(Upstream(plays=[]), credentials=credentials))
    assert caught.value.kind == "dns"
    assert "no-such-host" not in str(caught.value)


async def test_3_no_encryption(http: Http) -> None:
    """A server that does not encrypt: Unreachable, kind tls, not retried."""

    async def speak_plainly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no TLS here\r\n\r\n")
        writer.close()

    plain = await asyncio.start_server(speak_plainly, "127.0.0.1", 0)
    credentials = Credentials(api_key=KEY, api_base=f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}/v1")
    with pytest.raises(Unreachable) as caught:
        await http.complete(request_to(Upstream(plays=[]), credentials=credentials))
    plain.close()
    assert (caught.value.kind, caught.value.retryable) == ("tls", False)


async def test_3_a_certificate_that_nobody_vouches_for(http: Http, tmp_path: Path) -> None:
    """A self-signed certificate: Unreachable, kind tls, and the message names the certificate."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    if shutil.which(make[0]) is None:
        pytest.skip("openssl is not installed")
    made = await asyncio.create_subprocess_exec(
        *make, "-keyout", key, "-out", certificate, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert await made.wait() == 0
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    credentials = Credentials(api_key=KEY, api_base=f"https://localhost:{server.sockets[0].getsockname()[1]}/v1")
    with pytest.raises(Unreachable, match="certificate") as caught:
        await http.complete(request_to(Upstream(plays=[]), credentials=credentials))
    server.close()
    assert (caught.value.kind, caught.value.retryable) == ("tls", False)


async def test_6_what_arrived_before_a_reset_is_kept(http: Http, upstream: StartUpstream) -> None:
    """A slow reader still gets all that had arrived before the connection broke."""
    server = await upstream([STREAM_HEAD, part(HELLO), Pause(0.05), part(frame(chunk({"content": "!"}))), Reset])
    text = ""
    with pytest.raises(StreamCut):
        async for piece in http.stream(request_to(server, stream=True)):
            text += piece.text
            await asyncio.sleep(0.1)
    assert text == "hello!"


BOMB = gzip.compress(b" " * (64 * 1024 * 1024))
NESTED_BOMB = gzip.compress(b'{"a":"' + b"x" * (64 * 1024 * 1024))
TOO_LARGE: dict[str, Play] = {
    "13 gzip bomb": [ZIPPED % len(BOMB) + BOMB],
    "13 gzip bomb of JSON": [ZIPPED % len(NESTED_BOMB) + NESTED_BOMB],
    "13 20 MB": answer(b'{"a":"' + b"x" * 20_000_000 + b'"}'),
}


@pytest.mark.parametrize("play", TOO_LARGE.values(), ids=TOO_LARGE)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
async def test_13_too_large(play: Play, streamed: bool, http: Http, upstream: StartUpstream) -> None:
    """What is too large is refused before all of it is there, and the loop goes on meanwhile."""
    server = await upstream(play)
    lag = 0.0

    async def watch() -> None:
        nonlocal lag
        while True:
            before = time.thread_time()  # what other processes take meanwhile is not our doing
            await asyncio.sleep(0.001)
            lag = max(lag, time.thread_time() - before)

    watcher = asyncio.ensure_future(watch())
    await asyncio.sleep(0.01)
    with pytest.raises(BadReply) as caught:
        if streamed:
            _ = [chunk async for chunk in http.stream(request_to(server, stream=True))]
        else:
            await http.complete(request_to(server))
    watcher.cancel()
    assert caught.value.kind == "too_large"
    assert lag < 0.1  # 25 ms


async def test_40_a_line_of_5_mb_is_refused(http: Http, upstream: StartUpstream) -> None:
    """A long event is refused as soon as it is over the limit."""
    server = await upstream([STREAM_HEAD, *[part(b"data: " + b"x" * 1_000_000)] * 5, Hold])
    with pytest.raises(BadReply) as caught:
        _ = [chunk async for chunk in http.stream(request_to(server, stream=True))]
    assert caught.value.kind == "too_large"


async def test_40_a_line_of_3_mb_passes(http: Http, upstream: StartUpstream) -> None:
    """A long event is read while it is within the limit."""
    text = "x" * 3_000_000
    server = await upstream(stream(frame(chunk({"content": text})), FINISH, DONE))
    assert "".join([piece.text async for piece in http.stream(request_to(server, stream=True))]) == text


async def test_limits_are_settings(upstream: StartUpstream) -> None:
    """A limit is what the options say."""
    server = await upstream(answer(completion("x" * 1_000)))
    wire = Wire(Options(answer_limit=500))
    with pytest.raises(BadReply):
        await wire.post(server.base, {}, {})
    await wire.aclose()


@pytest.mark.parametrize("status", [307, 308])
async def test_25_a_redirect_on_the_same_server_is_followed(status: int, http: Http, upstream: StartUpstream) -> None:
    """Method, body and key are kept."""
    server = await upstream(
        answer(b"", status=status, headers=[("location", "/v2/chat?x=1")]), answer(completion("hello"))
    )
    reply = await http.complete(request_to(server))
    first, second = server.received
    assert reply.text == "hello"
    assert (second.method, second.path, second.body) == ("POST", "/v2/chat?x=1", first.body)
    assert second.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_25_a_redirect_elsewhere_is_refused(status: int, http: Http, upstream: StartUpstream) -> None:
    """No byte goes to another server, and the message names no place."""
    other = await upstream(answer(completion()))
    server = await upstream(answer(b"", status=status, headers=[("location", f"{other.base}/login")]))
    with pytest.raises(Unreachable) as caught:
        await http.complete(request_to(server))
    assert (caught.value.kind, caught.value.retryable, other.connections) == ("redirect", False, 0)
    assert "login" not in str(caught.value)


@pytest.mark.parametrize("place", ["http://[::1", "http://a:b@127.0.0.1/v1", "file:///etc/passwd", "//other.test/v1"])
async def test_25_a_redirect_to_no_place_is_refused(place: str, http: Http, upstream: StartUpstream) -> None:
    """It is the provider's redirect, and not a request that cannot be written."""
    server = await upstream(answer(b"", status=307, headers=[("location", place)]))
    with pytest.raises(Unreachable) as caught:
        await http.complete(request_to(server))
    assert (caught.value.kind, len(server.received)) == ("redirect", 1)


async def test_25_redirects_end(http: Http, upstream: StartUpstream) -> None:
    """A server that redirects in circles is asked a few times only."""
    server = await upstream(answer(b"", status=307, headers=[("location", "/again")]))
    with pytest.raises(Unreachable) as caught:
        await http.complete(request_to(server))
    assert caught.value.kind == "redirect"
    assert len(server.received) <= 5


async def test_no_proxy_from_the_environment(
    http: Http, upstream: StartUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that the environment names gets nothing, unless the setting says so."""
    proxy = await upstream(answer(completion("from the proxy")))
    server = await upstream(answer(completion("direct")))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert (await http.complete(request_to(server))).text == "direct"
    wire = Wire(Options(proxy="environment"))
    assert (await Http(wire, Options(proxy="environment")).complete(request_to(server))).text == "from the proxy"
    named = Options(proxy=f"http://127.0.0.1:{proxy.port}")
    assert (await Http(wire, named).complete(request_to(server))).text == "from the proxy"
    await wire.aclose()


async def test_a_header_that_breaks_the_line_is_refused(http: Http, upstream: StartUpstream) -> None:
    """A line break in a header never reaches the wire."""
    server = await upstream(answer(completion()))
    with pytest.raises(BadRequest):
        await http.complete(request_to(server, params={"extra_headers": {"x-a": "b\r\nx-c: d"}}))
    assert server.received == []


async def test_credentials_are_not_the_callers_to_change(http: Http, upstream: StartUpstream) -> None:
    """A header of the call does not replace the key or a header of the credentials."""
    server = await upstream(answer(completion()))
    credentials = Credentials(api_key=KEY, api_base=server.base, headers={"X-Tenant": "one"})
    extra = {"AUTHORIZATION": "Bearer other", "x-tenant": "two"}
    await http.complete(request_to(server, credentials=credentials, params={"extra_headers": extra}))
    sent = server.received[0].headers
    assert (sent["authorization"], sent["x-tenant"]) == (f"Bearer {KEY}", "one")


async def test_a_dead_connection_is_not_used(http: Http, upstream: StartUpstream) -> None:
    """A connection that the server closed while it was idle is replaced."""
    server = await upstream([answer(completion()), Close], answer(completion()))
    await http.complete(request_to(server))
    await asyncio.sleep(0.05)
    await http.complete(request_to(server))
    assert server.connections == 2


async def test_events_after_a_whole_answer_do_no_harm(http: Http, upstream: StartUpstream) -> None:
    """Bytes behind an answer are not taken for the next one."""
    server = await upstream([answer(completion("one")) + answer(completion("stray"))], answer(completion("two")))
    assert (await http.complete(request_to(server))).text == "one"
    assert (await http.complete(request_to(server))).text == "two"
