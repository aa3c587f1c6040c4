"""Code that exists runs unchanged: the same program on the real client and on a face, with the same outcome."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import openai
import pytest
from modelplug import BadRequest, Chunk, Credentials, Reply, Request, Settings, Switchboard, Unavailable, UnknownModel
from modelplug.testing import FakePlugin, FakeStrategy, Listener, reply_of
from modelplug_faces import OpenAIFace, acompletion_on, completion_on, openai_client, sync_openai_client
from modelplug_faces.faces import INSTEAD
from modelplug_http import HttpPlugin
from modelplug_testkit.upstream import Received, Script, Upstream
from modelplug_testkit.wire import DONE, FINISH, HELLO, LAST, STREAM_HEAD, USAGE, answer, completion, part, stream
from modelplug_v98store import V98Store

MODEL = "gpt-4o-mini-v98"
KEY = "sk-board-0123456789"
MESSAGES: list[dict[str, Any]] = [{"role": "user", "content": "hi"}]
VECTORS = {"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
           "usage": {"prompt_tokens": 1, "total_tokens": 1}}  # fmt: skip


def play(received: Received) -> Script:
    if received.path.endswith("/embeddings"):
        return [answer(VECTORS)]
    if received.json.get("stream"):
        return stream(HELLO, FINISH, USAGE, DONE)
    return [answer(completion("hello"))]


@pytest.fixture
async def server() -> AsyncIterator[Upstream]:
    async with Upstream(plays=[play]) as server:
        yield server


def board_on(server: Upstream) -> Switchboard:
    own = {"api_base": server.base, "api_key": KEY, "strategy": "http"}
    board = Switchboard(settings=Settings(argument={"providers": {"v98store": own}}, environment={}))
    board.add(HttpPlugin)
    board.add(V98Store)
    return board


async def program(client: Any, model: str) -> list[Any]:
    """What a user of OpenAI's client writes."""
    said: list[Any] = []
    reply = await client.chat.completions.create(model=model, messages=MESSAGES, temperature=0.5)
    said.append(
        (reply.choices[0].message.content, reply.choices[0].finish_reason, reply.usage.prompt_tokens, reply.model)
    )
    text, usage = "", None
    chunks = await client.chat.completions.create(
        model=model, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    async for chunk in chunks:
        usage = getattr(chunk, "usage", None) or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
    said.append((text, usage and usage.total_tokens))
    async with await client.chat.completions.create(model=model, messages=MESSAGES, stream=True) as left:
        async for chunk in left:
            said.append(chunk.choices[0].delta.content)
            break
    vectors = await client.embeddings.create(model=model, input="a", encoding_format="float")
    said.append(vectors.data[0].embedding)
    question = {"role": "user", "content": "and?"}
    reply = await client.chat.completions.create(
        model=model, messages=[*MESSAGES, reply.choices[0].message, question], tools=openai.NOT_GIVEN, stop=openai.omit
    )
    said.append(reply.choices[0].message.model_dump(exclude_unset=True))
    await client.close()
    return said


def sync_program(client: Any, model: str) -> list[Any]:
    """The same without async."""
    reply = client.chat.completions.create(model=model, messages=MESSAGES, temperature=0.5)
    chunks = client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
    text = "".join([chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices])
    with client.chat.completions.create(model=model, messages=MESSAGES, stream=True) as left:
        next(left)
    vectors = client.embeddings.create(model=model, input="a", encoding_format="float")
    return [reply.choices[0].message.content, reply.usage.prompt_tokens, text, vectors.data[0].embedding]


async def test_one_program_three_clients(server: Upstream) -> None:
    """OpenAI's client, the face, and OpenAI's client on the board see the same; the wire does too."""
    board = board_on(server)
    async with openai.AsyncOpenAI(api_key=KEY, base_url=server.base) as real:
        expected = await program(real, "gpt-4o-mini")
    bodies = [received.json for received in server.received]
    for client in (OpenAIFace(board), openai_client(board)):
        server.received.clear()
        assert await program(client, MODEL) == expected
        assert [received.json["model"] for received in server.received] == ["gpt-4o-mini"] * 5
        assert server.received[-1].json["messages"] == bodies[-1]["messages"]
        assert {"tools", "stop"}.isdisjoint(server.received[-1].json)
        assert server.received[0].json["temperature"] == bodies[0]["temperature"]
        assert {received.headers["authorization"] for received in server.received} == {f"Bearer {KEY}"}
    await board.aclose()


async def test_the_same_without_async(server: Upstream) -> None:
    """OpenAI's client for code that is not async sees the same; what is left is recorded, a failure is OpenAI's."""

    def programs() -> None:
        board = board_on(server)
        listener = Listener.on(board)
        with openai.OpenAI(api_key=KEY, base_url=server.base) as real:
            expected = sync_program(real, "gpt-4o-mini")
        client = sync_openai_client(board)
        assert sync_program(client, MODEL) == expected
        assert [call.outcome for call in listener.finished] == ["ok", "ok", "abandoned", "ok"]
        with pytest.raises(openai.NotFoundError, match="nothing"):
            client.chat.completions.create(model="nothing", messages=[])
        assert [model.id for model in client.models.list()] == [model.id for model in board.models]
        server.plays = [[STREAM_HEAD, part(HELLO), LAST]]
        with pytest.raises(openai.APIError, match="without a finish reason"):
            list(client.chat.completions.create(model=MODEL, messages=[], stream=True))
        board.sync.close()

    await asyncio.to_thread(programs)


async def test_a_synchronous_client_in_an_event_loop_says_what_to_do() -> None:
    """And not "Connection error."."""
    board, _ = fake(FakeStrategy())
    with pytest.raises(openai.BadRequestError, match="await the board itself"):
        sync_openai_client(board).chat.completions.create(model="one", messages=[])


async def test_what_the_small_face_lacks_it_says() -> None:
    """With what has it."""
    client: Any = OpenAIFace(fake(FakeStrategy())[0])
    for lacking in ("responses", "with_options", "models"):
        with pytest.raises(AttributeError, match=rf"{lacking}.*openai_client\(board\)"):
            getattr(client, lacking)
    with pytest.raises(AttributeError, match=r"parse.*openai_client\(board\)"):
        _ = client.chat.completions.parse


@pytest.mark.parametrize("parameter", sorted(INSTEAD))
async def test_parameters_of_litellms_own_never_go_to_a_provider(parameter: str) -> None:
    """Each is refused with what a board has in its place, with async and without, before anything is asked."""
    strategy = FakeStrategy()
    board, _ = fake(strategy)
    acompletion, completion = acompletion_on(board), completion_on(board)
    for streamed in (False, True):
        options: dict[str, Any] = {"stream": streamed, parameter: 1}
        with pytest.raises(BadRequest, match=f"'{parameter}'.*{re.escape(INSTEAD[parameter])}"):
            await acompletion("one", MESSAGES, **options)
        with pytest.raises(BadRequest, match=f"'{parameter}'.*{re.escape(INSTEAD[parameter])}"):
            completion("one", MESSAGES, **options)
    assert strategy.requests == []


async def test_litellm_without_async(server: Upstream) -> None:
    """`completion(model, messages)` answers, streams, and records a stream that was left."""

    def program() -> None:
        board = board_on(server)
        listener, completion = Listener.on(board), completion_on(board)
        reply: Any = completion(model=MODEL, messages=MESSAGES)
        assert (reply.choices[0].message.content, reply["usage"]["total_tokens"]) == ("hello", 5)
        chunks: Any = completion(model=MODEL, messages=[*MESSAGES, reply.choices[0].message], stream=True)
        assert "".join([chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]) == "hello"
        for _ in completion(model=MODEL, messages=MESSAGES, stream=True):
            break
        assert [call.outcome for call in listener.finished] == ["ok", "ok", "abandoned"]
        board.sync.close()

    await asyncio.to_thread(program)


async def test_the_shape_of_litellm(server: Upstream) -> None:
    """`await acompletion(model, messages)`, and the same with `stream=True`, whose chunks are put together."""
    board = board_on(server)
    acompletion: Any = acompletion_on(board)
    reply = await acompletion(model=MODEL, messages=MESSAGES, max_tokens=5)
    assert (reply.choices[0].message.content, reply["usage"]["total_tokens"]) == ("hello", 5)
    text = ""
    chunks = await acompletion(model=MODEL, messages=MESSAGES, stream=True)
    async for chunk in chunks:
        text += chunk.choices[0].delta.content or "" if chunk.choices else ""
    assert text == chunks.reply.choices[0].message.content == "hello"
    await board.aclose()


def fake(strategy: FakeStrategy, **settings: Any) -> tuple[Switchboard, Listener]:
    board = Switchboard(settings=Settings(argument=settings, environment={}))
    board.add(FakePlugin(strategy=strategy))
    return board, Listener.on(board)


async def test_a_stream_that_is_left_is_recorded() -> None:
    """Through either face the provider is hung up on, and there is one record."""
    for make in (OpenAIFace, openai_client):
        strategy = FakeStrategy()
        board, listener = fake(strategy)
        client: Any = make(board)
        async with await client.chat.completions.create(model="one", messages=MESSAGES, stream=True) as chunks:
            async for _ in chunks:
                break
        assert [call.outcome for call in listener.finished] == ["abandoned"]
        assert strategy.closed_streams == 1


async def test_errors_are_those_of_the_client() -> None:
    """OpenAI's client raises its own types, tries nothing again, and shows the board's words."""
    board, listener = fake(FakeStrategy(error=Unavailable("overloaded", status=503, request_id="req-1")))
    client: Any = openai_client(board)
    with pytest.raises(openai.InternalServerError, match="overloaded") as caught:
        await client.chat.completions.create(model="one", messages=MESSAGES)
    assert caught.value.request_id == "req-1"
    with pytest.raises(openai.APIError, match="overloaded"):
        async for _ in await client.chat.completions.create(model="one", messages=MESSAGES, stream=True):
            pass
    with pytest.raises(openai.NotFoundError, match="nothing"):
        await client.chat.completions.create(model="nothing", messages=MESSAGES)
    with pytest.raises(UnknownModel):
        await OpenAIFace(board).chat.completions.create(model="nothing", messages=MESSAGES)
    assert len(listener.finished) == 4


async def test_what_a_request_carries_chooses_no_key(server: Upstream) -> None:
    """A key or a base in a request is refused; the client's own made-up key goes nowhere."""
    board = board_on(server)
    client: Any = openai_client(board, api_key="sk-somebody-else")
    body = {"api_base": "http://evil.invalid", "api_key": "sk-evil"}
    with pytest.raises(openai.BadRequestError):
        await client.chat.completions.create(model=MODEL, messages=MESSAGES, extra_body=body)
    await client.chat.completions.create(
        model=MODEL,
        messages=MESSAGES,
        extra_headers={"authorization": "Bearer sk-evil"},
    )
    assert [received.headers["authorization"] for received in server.received] == [f"Bearer {KEY}"]
    assert [model.id async for model in await client.models.list()] == [model.id for model in board.models]
    await board.aclose()


async def test_a_request_may_name_a_tenant_and_no_credentials() -> None:
    """Through `extra_body`: whose key is used is looked up by the board."""
    strategy = FakeStrategy()
    keys = {"blue": Credentials(api_key="sk-blue")}
    board = Switchboard(settings=Settings(environment={}), credentials_for=lambda provider, tenant: keys.get(tenant))
    board.add(FakePlugin(strategy=strategy))
    client: Any = openai_client(board)
    await client.chat.completions.create(model="one", messages=MESSAGES, extra_body={"tenant": "blue"})
    assert (strategy.requests[0].tenant, strategy.requests[0].credentials) == ("blue", keys["blue"])
    with pytest.raises(openai.BadRequestError, match="no credentials"):
        await client.chat.completions.create(model="one", messages=MESSAGES, extra_body={"credentials": {}})


async def test_the_clients_timeout_is_the_calls() -> None:
    """`with_options(timeout=)` bounds the call; where nobody gave one, the board's settings do."""

    class Silent(FakeStrategy):
        async def complete(self, request: Request) -> Reply:
            self.requests.append(request)
            await asyncio.sleep(5)
            return reply_of()

    strategy = Silent()
    board, listener = fake(strategy)
    client: Any = openai_client(board)
    with pytest.raises(openai.InternalServerError, match="deadline"):
        await client.with_options(timeout=0.05).chat.completions.create(model="one", messages=MESSAGES)
    assert [call.error and call.error.kind for call in listener.finished] == ["timeout"]
    board, _ = fake(strategy, timeout=0.05)
    with pytest.raises(openai.InternalServerError, match="deadline"):
        await openai_client(board).chat.completions.create(model="one", messages=[])


async def test_cancelling_hangs_up() -> None:
    """A task that is cancelled within a stream of OpenAI's client ends the call."""

    class Slow(FakeStrategy):
        async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
            try:
                for chunk in self.chunks:
                    yield chunk
                    await asyncio.sleep(5)
            finally:
                self.closed_streams += 1

    strategy = Slow()
    board, listener = fake(strategy)
    client: Any = openai_client(board)

    async def read() -> None:
        async for _ in await client.chat.completions.create(model="one", messages=MESSAGES, stream=True):
            pass

    task = asyncio.create_task(read())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert strategy.closed_streams == 1
    assert [call.outcome for call in listener.finished] == ["cancelled"]
