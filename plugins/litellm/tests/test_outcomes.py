"""What is reported is what came over the wire, whichever way the call went."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from modelplug import CallFailed, Switchboard

from plugins.litellm.tests.provider_on_loopback import ANTHROPIC_EVENTS, Upstream, anthropic_events, chunk

MESSAGES = [{"role": "user", "content": "Say hello."}]
BoardFor = Callable[..., Switchboard]

strategies = pytest.mark.parametrize("strategy", ["direct", "router"])
OPENAI, ANTHROPIC, GEMINI = "openai/gpt-4o-mini", "anthropic/claude-haiku-4-5-20251001", "gemini/gemini-3.5-flash"


def board_of(board_for: BoardFor, name: str, strategy: str) -> Switchboard:
    """A board for the provider of this model."""
    provider = name.partition("/")[0]
    path = {"openai": "/v1", "gemini": "/v1beta"}.get(provider, "")
    return board_for(provider, path=path, strategy=strategy)


async def streamed(board: Switchboard, name: str, **params: Any) -> tuple[list[str], Any]:
    """The pieces of a stream, and what became of it: the Reply or the error."""
    pieces: list[str] = []
    try:
        async with board.stream(name, MESSAGES, **params) as chunks:
            async for piece in chunks:
                pieces.append(piece.text)
    except CallFailed as error:
        return pieces, error
    return pieces, chunks.reply


@strategies
@pytest.mark.parametrize("name", [OPENAI, ANTHROPIC])
async def test_an_answer_has_its_text_usage_and_end(
    board_for: BoardFor, upstream: Upstream, name: str, strategy: str
) -> None:
    """Whole and streamed say the same; LiteLLM's own path too."""
    board = board_of(board_for, name, strategy)
    whole = await board.complete(name, MESSAGES)
    _, reply = await streamed(board, name)
    answers: list[Any] = [whole, reply]
    for answer in answers:
        assert (answer.text, answer.finish_reason) == ("hello", "stop")
        assert (answer.usage.source, answer.usage.prompt_tokens, answer.usage.completion_tokens) == ("reported", 9, 3)
        assert answer.call.strategy == strategy
        assert answer.call.cost is not None
    assert len(upstream.requests) == 2


@strategies
async def test_a_stream_that_was_cut_is_no_success(board_for: BoardFor, upstream: Upstream, strategy: str) -> None:
    """OpenAI's wire: without a finish reason it is StreamCut, and what arrived is kept. LiteLLM says `stop`."""
    board = board_of(board_for, OPENAI, strategy)
    upstream.say([chunk({"content": "hel"}), "data: [DONE]\n\n"])
    pieces, error = await streamed(board, OPENAI)
    assert pieces == ["hel"]
    assert (error.kind, error.partial, error.retryable) == ("cut", "hel", False)


@strategies
async def test_a_cut_stream_of_anthropic_is_no_success(board_for: BoardFor, upstream: Upstream, strategy: str) -> None:
    """LiteLLM's own path: the finish reason that it invents is not passed on."""
    board = board_of(board_for, ANTHROPIC, strategy)
    upstream.say(anthropic_events(ANTHROPIC_EVENTS[:3]))
    pieces, error = await streamed(board, ANTHROPIC)
    assert "".join(pieces) == "hello"
    assert (error.kind, error.partial) == ("cut", "hello")


async def test_a_cut_stream_of_gemini_is_no_success(board_for: BoardFor, upstream: Upstream) -> None:
    """A third dialect, where LiteLLM also makes up the usage."""
    board = board_of(board_for, GEMINI, "router")
    upstream.say([{"candidates": [{"content": {"role": "model", "parts": [{"text": "hel"}]}}]}])
    pieces, error = await streamed(board, GEMINI)
    assert "".join(pieces) == "hel"
    assert error.kind == "cut"
    assert upstream.requests[-1]["path"] == "/v1beta/models/gemini-3.5-flash:streamGenerateContent?alt=sse"


async def test_usage_that_nobody_reported_is_absent(board_for: BoardFor, upstream: Upstream) -> None:
    """LiteLLM counts by itself where the provider does not; that is no report."""
    board = board_of(board_for, GEMINI, "router")
    parts = {"role": "model", "parts": [{"text": "hello"}]}
    upstream.say([{"candidates": [{"content": parts, "finishReason": "STOP"}]}])
    _, reply = await streamed(board, GEMINI)
    assert (reply.text, reply.usage.source, reply.call.cost) == ("hello", "absent", None)


@strategies
@pytest.mark.parametrize("name", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable"),
    [
        (401, {"error": {"message": "bad key sk-own-0123456789", "type": "authentication_error"}}, "auth", False),
        (404, {"error": {"message": "no such model", "code": "model_not_found"}}, "not_found", False),
        (429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}, "quota", False),
        (429, {"error": {"message": "slow down, try again in 1.5s"}}, "rate_limit", True),
        (503, {"error": {"message": "overloaded"}}, "upstream", True),
        (529, {"error": {"type": "overloaded_error", "message": "Overloaded"}}, "upstream", True),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_errors_are_read_from_the_wire(
    board_for: BoardFor,
    upstream: Upstream,
    name: str,
    strategy: str,
    status: int,
    body: Any,
    kind: str,
    retryable: bool,
    stream: bool,
) -> None:
    """One request, the kind and status of the answer, and no key in what is said."""
    board = board_of(board_for, name, strategy)
    upstream.say(body, status=status)
    if stream:
        _, error = await streamed(board, name)
    else:
        with pytest.raises(CallFailed) as caught:
            await board.complete(name, MESSAGES)
        error = caught.value
    assert (error.kind, error.status, error.retryable) == (kind, status, retryable)
    assert "sk-own" not in repr((error, error.__cause__, error.__context__))
    assert upstream.base.removeprefix("http://") not in str(error)
    assert len(upstream.requests) == 1


@strategies
@pytest.mark.parametrize("name", [OPENAI, ANTHROPIC])
async def test_nobody_there_is_unreachable(board_for: BoardFor, upstream: Upstream, name: str, strategy: str) -> None:
    """A refused connection is `connect`, not an internal error of the provider."""
    board = board_for(name.partition("/")[0], api_base="http://127.0.0.1:9", strategy=strategy)
    with pytest.raises(CallFailed) as caught:
        await board.complete(name, MESSAGES)
    assert (caught.value.kind, caught.value.retryable) == ("connect", True)


@strategies
@pytest.mark.parametrize("name", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize("status", [302, 307])
async def test_redirects_are_not_followed_elsewhere(
    board_for: BoardFor, upstream: Upstream, name: str, strategy: str, status: int
) -> None:
    """A prompt and a key go to one place."""
    board = board_of(board_for, name, strategy)
    upstream.answers.append((status, "text/html\r\nlocation: http://127.0.0.1:9/elsewhere", b""))
    with pytest.raises(CallFailed):
        await board.complete(name, MESSAGES)
    assert len(upstream.requests) == 1


@strategies
@pytest.mark.parametrize("name", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize("answer", [[], None, "text", {"choices": None}, {"choices": []}, {}])
async def test_what_is_no_answer_is_a_bad_reply(
    board_for: BoardFor, upstream: Upstream, name: str, strategy: str, answer: Any
) -> None:
    """Success with nothing useful in it is a failure, whichever depth of LiteLLM stumbles over it."""
    board = board_of(board_for, name, strategy)
    upstream.answers.append((200, "application/json", b"[]") if answer == [] else (200, "application/json", b"null"))
    if answer not in ([], None):
        upstream.answers.clear()
        upstream.say(answer)
    with pytest.raises(CallFailed) as caught:
        await board.complete(name, MESSAGES)
    assert caught.value.kind in ("decode", "protocol", "empty", "stream_error")


@strategies
@pytest.mark.parametrize("name", [OPENAI, ANTHROPIC])
async def test_leaving_a_stream_closes_its_connection(
    board_for: BoardFor, upstream: Upstream, name: str, strategy: str
) -> None:
    """After the block the provider sees the connection end, within a second."""
    board = board_of(board_for, name, strategy)
    upstream.hold = True
    async with board.stream(name, MESSAGES) as chunks:
        await anext(chunks)
        assert not upstream.alone.is_set()
    assert chunks.call is not None
    assert chunks.call.outcome == "abandoned"
    async with asyncio.timeout(1):
        await upstream.alone.wait()


@pytest.mark.parametrize("path", ["", "/v1"])
async def test_ollama_is_called_in_openais_dialect(board_for: BoardFor, upstream: Upstream, path: str) -> None:
    """With its base as its users write it; in its own dialect LiteLLM would stop the event loop."""
    board = board_for("ollama", path=path, strategy="router")
    name = next(model.id for model in board.models if model.provider == "ollama")
    _, reply = await streamed(board, name)
    assert reply.text == "hello"
    assert upstream.requests[-1]["path"] == "/v1/chat/completions"


async def test_an_address_goes_out_as_litellm_wrote_it(board_for: BoardFor, upstream: Upstream) -> None:
    """An escape that is part of a signature is not undone on the way."""
    board = board_for("anthropic", path="/model/a%3Ab", strategy="direct")
    await board.complete(ANTHROPIC, MESSAGES)
    assert upstream.requests[-1]["path"] == "/model/a%3Ab/v1/messages"


@pytest.mark.parametrize("name", ["fallbacks", "mock_response", "model_list", "client", "ssl_verify", "logger_fn"])
async def test_no_parameter_steers_litellm(board_for: BoardFor, upstream: Upstream, name: str) -> None:
    """Where LiteLLM carries the call, its options are no parameters of a call."""
    board = board_of(board_for, ANTHROPIC, "direct")
    params: dict[str, Any] = {name: "x"}
    with pytest.raises(CallFailed) as caught:
        await board.complete(ANTHROPIC, MESSAGES, **params)
    assert caught.value.kind in ("parameter", "client")
    assert upstream.requests == []


async def test_a_file_at_an_address_is_not_fetched_here(board_for: BoardFor, upstream: Upstream) -> None:
    """LiteLLM would fetch it, from inside the host's network."""
    board = board_of(board_for, OPENAI, "direct")
    content = [{"type": "file", "file": {"file_id": upstream.base + "/secret.pdf"}}]
    with pytest.raises(CallFailed) as caught:
        await board.complete(OPENAI, [{"role": "user", "content": content}])
    assert caught.value.kind == "client"
    assert upstream.requests == []


async def test_what_litellm_knows_to_be_refused_is_not_sent(board_for: BoardFor, upstream: Upstream) -> None:
    """A reasoning model takes no temperature: LiteLLM knows, and says which parameter it is."""
    board = board_of(board_for, OPENAI, "direct")
    with pytest.raises(CallFailed) as caught:
        await board.complete("openai/gpt-5-mini", MESSAGES, temperature=0.3)
    assert caught.value.kind == "parameter"
    assert upstream.requests == []


@strategies
@pytest.mark.parametrize("name", [OPENAI, ANTHROPIC])
def test_one_board_serves_several_event_loops(name: str, strategy: str) -> None:
    """asyncio.run, one after another: each loop has connections of its own, and closes them."""
    from modelplug_litellm import LiteLLMPlugin

    board = Switchboard(settings={})
    board.add(LiteLLMPlugin)

    async def once() -> str:
        from modelplug import Credentials

        async with Upstream() as upstream:
            base = upstream.base + ("/v1" if name == OPENAI else "")
            reply = await board.complete(name, MESSAGES, credentials=Credentials(api_key="k", api_base=base))
            return reply.text

    assert [asyncio.run(once()) for _ in range(3)] == ["hello"] * 3
