"""The two roads of a POST: over aiohttp's connector, and over its session."""

from typing import Any

import aiohttp
import pytest
from modelplug_http import posting
from modelplug_http.posting import Posting, Response
from modelplug_testkit.upstream import Hold, Upstream
from modelplug_testkit.wire import answer, completion

from plugins.http.tests.loopback import StartUpstream

HEADERS = {"accept": "application/json", "accept-encoding": "gzip", "content-type": "application/json", "x-id": "ä 1"}
HEADERS |= {"user-agent": "modelplug"}


async def posted(server: Upstream, *, proxied: bool, path: str = "/chat", **headers: str) -> tuple[Response, bytes]:
    session = aiohttp.ClientSession()
    road = Posting(session, proxied=proxied)
    try:
        response = await road.post(f"http://127.0.0.1:{server.port}{path}", {**HEADERS, **headers}, b'{"a": 1}', 5.0)
        return response, await response.content.read()
    finally:
        await session.close()


def test_the_installed_client_is_one_that_was_read() -> None:
    """The road below the session is the one that all other tests take."""
    assert aiohttp.__version__.startswith(posting.READ_FOR)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/a%20b/%C3%A9?x=1&y=a%2Fb", "/x:y/é"])
async def test_both_roads_send_and_bring_the_same(upstream: StartUpstream, path: str) -> None:
    """Method, path, headers and body of the request are the same by either road, and so is the answer."""
    server = await upstream(answer(completion("hello")))
    below = await posted(server, proxied=False, path=path)
    above = await posted(server, proxied=True, path=path)
    one, other = server.received
    assert (one.method, one.path, one.headers, one.body) == (other.method, other.path, other.headers, other.body)
    assert below[1] == above[1]
    assert (below[0].status, dict(below[0].headers)) == (above[0].status, dict(above[0].headers))


async def test_a_host_that_is_given_is_the_host_that_is_sent(upstream: StartUpstream) -> None:
    """A header `host` takes the place of the address's own; a length never does."""
    server = await upstream(answer(completion("hello")))
    wrong_length = {"content-length": "3"}
    await posted(server, proxied=False, host="gateway.example", **wrong_length)
    assert server.received[0].headers["host"] == "gateway.example"
    assert server.received[0].body == b'{"a": 1}'


@pytest.mark.parametrize("value", ["1\r\nx-more: 2", "1\nx-more: 2", "1\rx", "1\0"])
async def test_a_header_never_begins_another_line(upstream: StartUpstream, value: str) -> None:
    """A value with a line break is refused before anything is sent."""
    server = await upstream(answer(completion("hello")))
    with pytest.raises(ValueError, match="line break"):
        await posted(server, proxied=False, **{"x-one": value})
    assert server.received == []


async def test_answers_that_announce_one_are_passed_over(upstream: StartUpstream) -> None:
    """Statuses below 200 before the answer are not the answer."""
    server = await upstream([b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nx: 1\r\n\r\n", _ok()])
    response, body = await posted(server, proxied=False)
    assert (response.status, body) == (200, b"{}")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "http://[/x", "mailto:x", "http:///x"])
async def test_what_is_no_address_is_refused(url: str) -> None:
    """A URL that cannot be called is an error of the address."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises((aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
            await Posting(session, proxied=False).post(url, {}, b"", 1.0)


async def test_closing_tells_who_waits_for_the_body(upstream: StartUpstream) -> None:
    """A response that is closed ends the reading of its body with an error, and its connection."""
    server = await upstream([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", Hold])
    async with aiohttp.ClientSession() as session:
        response = await Posting(session, proxied=False).post(f"http://127.0.0.1:{server.port}/", {}, b"", 5.0)
        assert await response.content.readany() == b"ab"
        response.close()
        with pytest.raises(ConnectionAbortedError):
            await response.content.readany()
        assert response.connection is None
        await server.closed.wait()


async def test_many_addresses_are_not_kept(upstream: StartUpstream) -> None:
    """What is remembered of addresses is bounded."""
    server = await upstream(answer(completion("hello")))
    async with aiohttp.ClientSession() as session:
        road: Any = Posting(session, proxied=False)
        for number in range(200):
            response = await road.post(f"http://127.0.0.1:{server.port}/{number}", {}, b"", 5.0)
            await response.content.read()
        assert len(road._addresses) <= 64
    assert server.connections == 1


def _ok() -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
