"""Calls as a host makes them: whole answers, streams, embeddings."""

from modelplug_http.strategy import Http
from modelplug_testkit.wire import DONE, FINISH, HELLO, USAGE, answer, completion, stream

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
