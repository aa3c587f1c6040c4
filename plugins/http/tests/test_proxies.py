"""Calls through a proxy, in the clear and encrypted."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from modelplug import CallFailed, Credentials, Unreachable
from modelplug_http.options import Options
from modelplug_http.strategy import Http
from modelplug_http.wire import Wire
from modelplug_testkit.upstream import Upstream
from modelplug_testkit.wire import DONE, FINISH, HELLO, answer, completion, stream

from plugins.http.tests.loopback import KEY, StartUpstream, request_to
from plugins.http.tests.proxy import Proxy

USER, PASSWORD = "alice", "hunter2@home"


async def said_through(proxy: str, server: Upstream, base: str | None = None) -> list[str]:
    """The answer of the server through a proxy, whole and streamed."""
    http = Http(Wire(), Options(proxy=proxy, connect_timeout=5, first_byte_timeout=5))
    credentials = Credentials(api_key=KEY, api_base=base or server.base)
    try:
        whole = await http.complete(request_to(server, credentials=credentials))
        chunks = [chunk async for chunk in http.stream(request_to(server, credentials=credentials, stream=True))]
        return [whole.text, "".join(chunk.text for chunk in chunks)]
    finally:
        await http.aclose()


async def test_a_proxy_with_a_password(upstream: StartUpstream) -> None:
    """The name and password of the address, percent signs decoded, go to the proxy and not on to the provider."""
    server = await upstream(answer(completion("hello")), stream(HELLO, FINISH, DONE))
    async with Proxy(user=f"{USER}:{PASSWORD}") as proxy:
        said = await said_through(f"http://{USER}:hunter2%40home@127.0.0.1:{proxy.port}", server)
    assert said == ["hello", "hello"]
    assert {asked for asked, _ in proxy.asked} == {f"POST {server.base}/chat/completions"}
    assert "proxy-authorization" not in server.received[0].headers


ENCRYPTED = """
import asyncio, sys
from modelplug import Credentials
from modelplug_testkit.upstream import Upstream
from plugins.http.tests.test_proxies import said_through

print(asyncio.run(said_through(sys.argv[1], Upstream(plays=[]), sys.argv[2])))
"""


async def test_an_encrypted_call_is_tunnelled(upstream: StartUpstream, tmp_path: Path) -> None:
    """The proxy sees the provider's host and port, and not the key; SSL_CERT_FILE says who vouches for the provider."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    if shutil.which(make[0]) is None:
        pytest.skip("openssl is not installed")
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    made = await asyncio.create_subprocess_exec(*make, *names, stderr=subprocess.DEVNULL)
    assert await made.wait() == 0
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = Upstream(plays=[answer(completion("hello")), stream(HELLO, FINISH, DONE)])
    listening = await asyncio.start_server(server._serve, "127.0.0.1", 0, ssl=context)
    place = f"localhost:{listening.sockets[0].getsockname()[1]}"
    async with Proxy() as proxy:
        arguments = f"http://127.0.0.1:{proxy.port}", f"https://{place}/v1"
        caller = await asyncio.create_subprocess_exec(  # a process: the certificates are read once in each
            *(sys.executable, "-W", "error", "-c", ENCRYPTED, *arguments),
            env={**os.environ, "SSL_CERT_FILE": str(certificate)},
            stdout=subprocess.PIPE,
        )
        said, _ = await caller.communicate()
    listening.close()
    assert said.decode().strip() == "['hello', 'hello']"
    assert {asked for asked, _ in proxy.asked} == {f"CONNECT {place}"}
    assert KEY not in str(proxy.asked)
    assert [received.headers["authorization"] for received in server.received] == [f"Bearer {KEY}"] * 2


@pytest.mark.parametrize(
    ("status", "scheme", "told", "retryable"),
    [
        (407, "http", "user name and a password", False),
        (407, "https", "user name and a password", False),
        (403, "https", "the proxy made no connection to the provider (status 403)", False),
        (502, "https", "the proxy made no connection to the provider (status 502)", True),
    ],
)
async def test_what_a_proxy_refuses(
    status: int, scheme: str, told: str, retryable: bool, upstream: StartUpstream
) -> None:
    """Unreachable, with the proxy's status and nothing of its page; tried again only where that may help."""
    server = await upstream(answer(completion()))
    base = server.base.replace("http:", f"{scheme}:")
    async with Proxy(user=f"{USER}:{PASSWORD}" if status == 407 else None, status=status) as proxy:
        with pytest.raises(Unreachable) as caught:
            await said_through(f"http://{USER}:wrong-word@127.0.0.1:{proxy.port}", server, base)
    error = caught.value
    assert told in error.message
    assert (error.kind, error.status, error.retryable) == ("connect", status, retryable)
    assert not any(word in error.message for word in (USER, "hunter2", "wrong-word", "squid"))


@pytest.mark.parametrize(("host", "kind"), [("127.0.0.1:9", "connect"), ("no-such-host.invalid:3128", "dns")])
async def test_a_proxy_that_is_not_there(host: str, kind: str, upstream: StartUpstream) -> None:
    """The error says that it is the proxy, and not the provider, that cannot be reached."""
    server = await upstream(answer(completion()))
    with pytest.raises(CallFailed, match="proxy") as caught:
        await said_through(f"http://{USER}:hunter2@{host}", server)
    assert caught.value.kind == kind
    assert "provider" not in caught.value.message and "hunter2" not in caught.value.message
