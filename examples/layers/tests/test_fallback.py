"""The fallback over a board: who is asked, in which order, and when nobody else is."""

from __future__ import annotations

import pytest
from modelplug import (
    AuthFailed,
    BadRequest,
    CallFailed,
    ConfigError,
    ContextTooLong,
    Credentials,
    Model,
    RateLimited,
    Settings,
    StreamCut,
    Switchboard,
    Unavailable,
    UnknownModel,
)
from modelplug.testing import FakePlugin, FakeStrategy, Listener, chunks_of
from modelplug_layers.fallback import Fallback

HELLO = [{"role": "user", "content": "hello"}]


def two(first: FakeStrategy, second: FakeStrategy) -> Switchboard:
    board = Switchboard(
        settings=Settings(environment={"RED_API_KEY": "sk-red", "BLUE_API_KEY": "sk-blue"}),
        credentials_for=lambda provider, tenant: Credentials(api_key=f"{tenant}-{provider}"),
    )
    for provider, strategy in (("red", first), ("blue", second)):
        board.add(FakePlugin(Model(id=f"{provider}/m", provider=provider), strategy=strategy), name=provider)
    return board


async def streamed(fallback: Fallback) -> str:
    async with fallback.stream(HELLO) as chunks:
        return "".join([chunk.text async for chunk in chunks])


@pytest.mark.parametrize("error", [Unavailable("down"), RateLimited("slow"), AuthFailed("no"), ContextTooLong("long")])
async def test_the_next_model_answers(error: CallFailed) -> None:
    """Each try is a call with a record and a key of its own provider."""
    second = FakeStrategy("from blue")
    board = two(FakeStrategy(chunks=[], error=error), second)
    listener, fallback = Listener.on(board), Fallback(board, "red/m", "blue/m")
    reply = await fallback.complete(HELLO)
    assert (reply.text, reply.call and reply.call.model_id) == ("from blue", "blue/m")
    assert await streamed(fallback) == "from blue"
    assert [(call.model_id, call.outcome) for call in listener.finished] == [
        ("red/m", "failed"),
        ("blue/m", "ok"),
    ] * 2
    assert {str(r.credentials.api_key and r.credentials.api_key.reveal()) for r in second.requests} == {"sk-blue"}


async def test_a_tenant_stays_the_tenant() -> None:
    """The arguments of the call go to each model, and each provider has the tenant's key for it."""
    second = FakeStrategy()
    board = two(FakeStrategy(error=Unavailable("down")), second)
    await Fallback(board, "red/m", "blue/m").complete(HELLO, tenant="acme", temperature=0)
    (request,) = second.requests
    assert request.credentials.api_key is not None and request.credentials.api_key.reveal() == "acme-blue"
    assert (request.tenant, request.params) == ("acme", {"temperature": 0})


async def test_after_the_first_words_nobody_else_is_asked() -> None:
    """The host has begun to show the answer: what arrived stays, and the error is told."""
    second = FakeStrategy()
    board = two(FakeStrategy(chunks=chunks_of("half of", finish_reason=None)), second)
    heard = []
    with pytest.raises(StreamCut):
        async with Fallback(board, "red/m", "blue/m").stream(HELLO) as chunks:
            async for chunk in chunks:
                heard.append(chunk.text)
    assert "".join(heard) == "half of"
    assert second.requests == []


async def test_a_role_alone_is_no_answer() -> None:
    """A server that sends the role and fails has said nothing yet."""
    (opening, *_) = chunks_of("")
    opening.data["choices"][0]["delta"] = {"role": "assistant"}
    board = two(FakeStrategy(chunks=[opening], error=Unavailable("down")), FakeStrategy("from blue"))
    assert await streamed(Fallback(board, "red/m", "blue/m")) == "from blue"


async def test_the_end_of_a_stream_is_that_of_the_model_that_answered() -> None:
    """Reply and record are as those of the board; a stream that is left is recorded as left."""
    board = two(FakeStrategy(chunks=[], error=Unavailable("down")), FakeStrategy("from blue"))
    fallback, listener = Fallback(board, "red/m", "blue/m"), Listener.on(board)
    async with fallback.stream(HELLO) as chunks:
        assert [chunk async for chunk in chunks]
    assert (chunks.reply.text, chunks.call and chunks.call.model_id) == ("from blue", "blue/m")
    async with fallback.stream(HELLO) as chunks:
        async for _ in chunks:
            break
    assert [call.outcome for call in listener.finished] == ["failed", "ok", "failed", "abandoned"]


async def test_a_request_that_is_wrong_is_wrong_for_all() -> None:
    """It is told at once, whole and streamed."""
    second = FakeStrategy()
    board = two(FakeStrategy(chunks=[], error=BadRequest("no such role", status=400)), second)
    fallback = Fallback(board, "red/m", "blue/m")
    with pytest.raises(BadRequest):
        await fallback.complete(HELLO)
    with pytest.raises(BadRequest):
        await streamed(fallback)
    assert second.requests == []


async def test_when_all_fail_the_last_says_why() -> None:
    """Both were asked once each way."""
    board = two(FakeStrategy(chunks=[], error=Unavailable("red")), FakeStrategy(chunks=[], error=RateLimited("blue")))
    fallback, listener = Fallback(board, "red/m", "blue/m"), Listener.on(board)
    with pytest.raises(RateLimited, match="blue"):
        await fallback.complete(HELLO)
    with pytest.raises(RateLimited, match="blue"):
        await streamed(fallback)
    assert len(listener.finished) == 4


async def test_a_name_that_is_none_is_told_by_the_first_call() -> None:
    """Though the first model would have answered: whole and streamed, with what may have been meant."""
    board = two(FakeStrategy(), FakeStrategy())
    fallback = Fallback(board, "red/m", "bleu/m")
    with pytest.raises(UnknownModel, match="blue/m"):
        await fallback.complete(HELLO)
    with pytest.raises(UnknownModel, match="blue/m"):
        await streamed(fallback)


def test_no_model_is_refused() -> None:
    """At once, and not at the first call."""
    with pytest.raises(ConfigError, match="names no model"):
        Fallback(Switchboard(settings=Settings(environment={})))
