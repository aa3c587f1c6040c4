"""The playground: a real call, its chunks and its record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from modelplug import Chunk, Request, Unavailable
from modelplug.testing import FakeStrategy, Listener, chunks_of
from modelplug_status import status_app
from modelplug_status.events import EventStream, event
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Message, Receive, Scope, Send

from plugins.status.tests.conftest import Serve, board_with, served

ASKED = {"model": "one", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.2}


class Endless(FakeStrategy):
    """A stream that never ends."""

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self.requests.append(request)
        try:
            while True:
                yield chunks_of()[0]
                await asyncio.sleep(0.01)
        finally:
            self.closed_streams += 1


def events(text: str) -> list[tuple[str, Any]]:
    """The events of a stream."""
    blocks = [block.split("\n") for block in text.strip().split("\n\n")]
    return [(first.removeprefix("event: "), json.loads(second.removeprefix("data: "))) for first, second in blocks]


async def test_an_answer_is_streamed_with_its_record(serve: Serve) -> None:
    """The chunks, and then the Call: how it went from the name to the wire."""
    strategy = FakeStrategy("hello there")
    client = await serve(board_with(strategy), playground=True)
    answer = await client.post("/api/llm/playground", json=ASKED)
    *chunks, (last, call) = events(answer.text)
    assert "".join(chunk["text"] for _, chunk in chunks) == "hello there"
    assert last == "call"
    assert (call["requested"], call["model_id"], call["strategy"], call["outcome"]) == ("one", "fake/one", "fake", "ok")
    assert (call["usage"]["prompt_tokens"], call["cost_usd"]) == (3, 23 / 1_000_000)
    assert strategy.requests[0].params["temperature"] == 0.2


async def test_a_failure_is_told_with_what_to_do(serve: Serve) -> None:
    """What had arrived is streamed, and the error has its kind, its words and its record."""
    board = board_with(FakeStrategy("hel lo", error=Unavailable("overloaded", status=503)))
    client = await serve(board, playground=True)
    *_, (last, error) = events((await client.post("/api/llm/playground", json=ASKED)).text)
    assert (last, error["kind"], error["type"], error["call"]["outcome"]) == (
        "error",
        "upstream",
        "Unavailable",
        "failed",
    )
    assert error["next_step"]
    *_, (last, error) = events((await client.post("/api/llm/playground", json={**ASKED, "model": "onne"})).text)
    assert (last, error["type"]) == ("error", "UnknownModel")
    assert "one" in error["message"]


class Silent(FakeStrategy):
    """A stream that thinks for ever before its first chunk."""

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self.requests.append(request)
        try:
            await asyncio.sleep(3600)
            yield chunks_of()[0]
        finally:
            self.closed_streams += 1


class Guarding(BaseHTTPMiddleware):
    """A host's own authentication, as many hosts have it: it stands between the server and the app."""

    async def dispatch(self, request: HttpRequest, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)


@pytest.mark.parametrize("middleware", [(), (Middleware(Guarding),)], ids=["alone", "behind a middleware"])
async def test_a_silent_call_ends_when_the_client_leaves(middleware: Sequence[Middleware]) -> None:
    """Though there is nothing to send: it is cancelled where it waits, also in a host."""
    strategy = Silent()
    board = board_with(strategy)
    listener = Listener.on(board)
    host = Starlette(routes=[Mount("/", status_app(board, playground=True))], middleware=middleware)
    async with served(host) as client:
        async with client.stream("POST", "/api/llm/playground", json=ASKED) as answer:
            assert answer.status_code == 200
            while not strategy.requests:  # noqa: ASYNC110  # a fake sets no event
                await asyncio.sleep(0.01)
        async with asyncio.timeout(2):
            while not listener.finished:  # noqa: ASYNC110  # told by a thread
                await asyncio.sleep(0.01)
    assert strategy.closed_streams == 1
    assert [call.outcome for call in listener.finished] == ["cancelled"]


async def test_a_server_that_cannot_send_ends_the_call() -> None:
    """On ASGI 2.4 that is how a server tells that nobody reads: no error of the app's."""
    closed = []

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield event("chunk", {})
        finally:
            closed.append(True)

    async def never() -> Message:
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise OSError

    async with asyncio.timeout(2):
        await EventStream(endless())({"type": "http", "method": "GET"}, never, send)
    assert closed == [True]


async def test_a_slow_answer_is_kept_open() -> None:
    """Comments go out while there is nothing to say, and nothing after the end."""

    async def slowly() -> AsyncGenerator[bytes, None]:
        await asyncio.sleep(0.25)
        yield event("call", {})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await EventStream(slowly(), pulse=0.1)(scope, receive, send)

    async with served(app) as client:
        assert (await client.get("/")).text == ":\n\n:\n\nevent: call\ndata: {}\n\n"


async def test_the_call_ends_when_the_client_leaves(serve: Serve) -> None:
    """Within a second: the strategy's stream is closed, and there is one record."""
    strategy = Endless()
    board = board_with(strategy)
    listener = Listener.on(board)
    client = await serve(board, playground=True)
    async with client.stream("POST", "/api/llm/playground", json=ASKED) as answer:
        async for _ in answer.aiter_lines():
            break
    async with asyncio.timeout(2):
        while not strategy.closed_streams:  # noqa: ASYNC110  # a fake sets no event
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert [call.outcome for call in listener.finished] in (["cancelled"], ["abandoned"])


@pytest.mark.parametrize(
    ("sent", "parameter"),
    [
        ({}, "model"),
        ({**ASKED, "model": 7}, "model"),
        ({**ASKED, "messages": []}, "messages"),
        ({**ASKED, "messages": ["hi"]}, "messages"),
        ({**ASKED, "api_base": "http://evil.test"}, "api_base"),
        ({**ASKED, "api_key": "sk-evil"}, "api_key"),
        ({**ASKED, "extra_headers": {"authorization": "x"}}, "extra_headers"),
        ({**ASKED, "temperature": "hot"}, "temperature"),
        ({**ASKED, "max_tokens": True}, "max_tokens"),
        ({**ASKED, "stop": [7]}, "stop"),
        ({**ASKED, "messages": [{"role": "user", "content": None}]}, "messages"),
        ({**ASKED, "model": "x" * 301}, "model"),
        ([], "body"),
    ],
)
async def test_what_may_not_be_said_is_refused(serve: Serve, sent: Any, parameter: str) -> None:
    """Nothing is called, and the message names the field and not its value."""
    strategy = FakeStrategy()
    client = await serve(board_with(strategy), playground=True)
    answer = await client.post("/api/llm/playground", json=sent)
    assert (answer.status_code, answer.json()["error"]["parameter"]) == (422, parameter)
    assert "evil" not in answer.text
    assert strategy.requests == []


async def test_only_json_of_a_bounded_size_is_read(serve: Serve) -> None:
    """A form of another page cannot send JSON; a flood is cut off."""
    client = await serve(board_with(), playground=True)
    body = json.dumps(ASKED)
    plain = await client.post("/api/llm/playground", content=body, headers={"content-type": "text/plain"})
    assert plain.status_code == 415
    flood = json.dumps({**ASKED, "messages": [{"role": "user", "content": "x" * 2_000_000}]})
    answer = await client.post("/api/llm/playground", content=flood, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    for broken in (b"[" * 100_000, b'{"model": "\\ud800"}', b'{"seed": NaN}', b'{"seed": 1e999}', b"\xff"):
        answer = await client.post("/api/llm/playground", content=broken, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["error"]["parameter"]) == (422, "body")
