"""Calls as a host makes them: whole answers, streams, embeddings."""

from typing import Any

import pytest
from modelplug import BadReply
from modelplug.reading import Assembly
from modelplug_http.strategy import Http
from modelplug_testkit.upstream import Pause
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

from plugins.http.tests.loopback import KEY, StartUpstream, request_to


async def test_a_whole_answer_is_read(http: Http, upstream: StartUpstream) -> None:
    """A completion gives text, finish reason, usage and the model that answered."""
    server = await upstream(answer(completion("hello there")))
    reply = await http.complete(request_to(server))
    assert (reply.text, reply.finish_reason, reply.model) == ("hello there", "stop", "m-2")
    assert reply.usage.total_tokens == 5


async def test_what_is_sent(http: Http, upstream: StartUpstream) -> None:
    """Method, path, key and body are on the wire as they should be, and `stream` is always said."""
    server = await upstream(answer(completion()))
    await http.complete(request_to(server, params={"temperature": 0.5, "extra_headers": {"X-Trace": "7"}}))
    (sent,) = server.received
    assert (sent.method, sent.path) == ("POST", "/v1/chat/completions")
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.headers["x-trace"] == "7"
    assert sent.json == {
        "model": "m-1",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.5,
        "stream": False,
    }


async def test_a_stream_is_read(http: Http, upstream: StartUpstream) -> None:
    """A stream gives its chunks in order, usage last."""
    server = await upstream(stream(HELLO, FINISH, USAGE, DONE))
    chunks = [chunk async for chunk in http.stream(request_to(server, stream=True))]
    assert "".join(chunk.text for chunk in chunks) == "hello"
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["stop"]
    assert chunks[-1].usage is not None
    assert server.received[0].json["stream"] is True


def _said(index: int, delta: dict[str, str], finish: str | None = None) -> bytes:
    event = chunk()
    return part(frame({**event, "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}))


IN_TURN = [
    _said(0, {"content": "a"}),
    _said(0, {}, "stop"),
    Pause(0.4),
    _said(1, {"content": "b"}),
    _said(1, {}, "stop"),
]
THINKING = [
    _said(0, {"reasoning_content": "hm"}),
    _said(1, {"content": "b"}),
    _said(1, {}, "stop"),
    Pause(0.4),
    _said(0, {"content": "a"}),
    _said(0, {}, "stop"),
]


@pytest.mark.parametrize("frames", [IN_TURN, THINKING], ids=["one after the other", "one thinks longer"])
@pytest.mark.parametrize("params", [{"n": 2}, {"extra_body": {"n": 2}}], ids=["n", "extra_body"])
async def test_all_choices_of_a_stream_are_waited_for(
    frames: list[Any], params: dict[str, Any], http: Http, upstream: StartUpstream
) -> None:
    """Not only until one of them has its finish reason, and the grace behind it has passed."""
    server = await upstream([STREAM_HEAD, *frames, part(DONE), LAST])
    assembly = Assembly()
    async for each in http.stream(request_to(server, stream=True, params=params)):
        assembly.add(each)
    assert [choice.message.content for choice in assembly.end().choices] == ["a", "b"]


async def test_embeddings_that_are_too_few_are_no_answer(http: Http, upstream: StartUpstream) -> None:
    """A vector less than inputs would give each text behind it another's."""
    rows = [{"object": "embedding", "index": 0, "embedding": [1.0]}]
    server = await upstream(answer({"object": "list", "data": rows}))
    for two in (["a", "b"], [[1, 2], [3]]):
        with pytest.raises(BadReply, match="1 embeddings for 2 inputs"):
            await http.embed(request_to(server, operation="embeddings", input=two))
    for one in ("a", ["a"], [1, 2, 3], [[1, 2]]):
        assert (await http.embed(request_to(server, operation="embeddings", input=one))).vectors == [[1.0]]


async def test_embeddings_are_read(http: Http, upstream: StartUpstream) -> None:
    """Vectors come in the order of the inputs."""
    rows = [{"object": "embedding", "index": i, "embedding": [float(i), 0.5]} for i in (1, 0)]
    server = await upstream(answer({"object": "list", "data": rows, "model": "m-2", "usage": {"prompt_tokens": 2}}))
    embeddings = await http.embed(request_to(server, operation="embeddings", input=["a", "b"]))
    assert embeddings.vectors == [[0.0, 0.5], [1.0, 0.5]]
    assert server.received[0].path == "/v1/embeddings"


async def test_one_connection_serves_call_after_call(http: Http, upstream: StartUpstream) -> None:
    """Connections are used again, after streams too."""
    server = await upstream(answer(completion()), stream(HELLO, FINISH, DONE), answer(completion()), stream(FINISH))
    for streamed in (False, True, False):
        if streamed:
            assert [chunk async for chunk in http.stream(request_to(server, stream=True))]
        else:
            await http.complete(request_to(server))
    assert server.connections == 1
