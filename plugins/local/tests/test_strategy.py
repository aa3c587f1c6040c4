"""Calls to the real model through a board."""

import asyncio
import fcntl
import json
import os
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from modelplug import BadRequest, CallFailed, ContextTooLong, Model, Settings, Switchboard, Unavailable, Unreachable
from modelplug_local import Local
from modelplug_local._strategy import LocalStrategy

pytestmark = pytest.mark.model

HELLO = [{"role": "user", "content": "Say hello in one sentence."}]
STORY = [{"role": "user", "content": "Write a long story."}]


def local_of(board: Switchboard) -> LocalStrategy:
    """The strategy that the board uses."""
    strategy = board.plugin("local").select_strategy(model=board.resolve("local"), settings=board.settings)
    assert isinstance(strategy, LocalStrategy)
    return strategy


async def pid_of(board: Switchboard) -> int:
    """The process of the server that carries the board's calls."""
    await board.embed("local", "Hello")
    return (await local_of(board).server()).pid


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("name", ["local", "smollm2", "local/smollm2-135m"])
async def test_a_real_answer_streams(board: Switchboard, name: str) -> None:
    """Text arrives in several chunks, and the record has tokens, cost and the strategy's name."""
    async with board.stream(name, HELLO, max_tokens=8) as chunks:
        pieces = [chunk.text async for chunk in chunks if chunk.text]
    reply = chunks.reply
    assert len(pieces) > 1
    assert reply.text == "".join(pieces)
    call = reply.call
    assert call is not None
    assert (call.model_id, call.provider, call.strategy) == ("local/smollm2-135m", "local", "local")
    assert call.usage.source == "reported"
    assert call.cost == Decimal(0)


async def test_texts_become_vectors(board: Switchboard) -> None:
    """Embeddings have one direction each, of length 1, and texts of one meaning lie closer."""
    texts = ["a cat sat on the mat", "a kitten was sitting on a rug", "stock markets fell in Tokyo"]
    cat, kitten, stocks = (await board.embed("local", texts)).vectors

    def likeness(one: list[float], other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert likeness(cat, cat) == pytest.approx(1.0, abs=1e-4)
    assert likeness(cat, kitten) > likeness(cat, stocks)


async def test_what_does_not_fit_the_context_is_said_so(board: Switchboard) -> None:
    """A prompt that is too long is ContextTooLong, a text to embed that is too long a BadRequest."""
    with pytest.raises(ContextTooLong):
        await board.complete("local", [{"role": "user", "content": "hello " * 3000}])
    with pytest.raises(BadRequest) as caught:
        await board.embed("local", "hello " * 3000)
    assert not caught.value.retryable


async def test_calls_of_one_moment_share_one_server(board: Switchboard) -> None:
    """Four first calls at once start one process."""
    assert len(set(await asyncio.gather(*(pid_of(board) for _ in range(4))))) == 1


async def test_a_crash_is_told_and_mended(board: Switchboard) -> None:
    """The call during which the process dies fails with what had arrived; the next call has a new process."""
    first = await pid_of(board)
    with pytest.raises(Unavailable, match="SIGKILL") as caught:
        async with board.stream("local", STORY, max_tokens=500) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    os.kill(first, signal.SIGKILL)
    assert caught.value.partial
    assert (await board.complete("local", HELLO, max_tokens=4)).text
    assert await pid_of(board) != first


async def test_a_crash_between_calls_is_not_noticed(board: Switchboard) -> None:
    """A call after the process died starts it again."""
    await pid_of(board)
    server = await local_of(board).server()
    os.kill(server.pid, signal.SIGKILL)
    assert await asyncio.to_thread(server.wait, 5)
    assert (await board.complete("local", HELLO, max_tokens=4)).text


async def test_closing_the_board_ends_the_process(board: Switchboard) -> None:
    """No process outlives its board; a later call starts one again."""
    first = await pid_of(board)
    await board.aclose()
    assert not is_running(first)
    assert (await board.complete("local", HELLO, max_tokens=4)).text
    assert await pid_of(board) != first


async def test_leaving_a_stream_frees_the_model(board: Switchboard) -> None:
    """After two streams were left, the two places for calls are free again."""
    for _ in range(2):
        async with board.stream("local", STORY) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    break
    async with asyncio.timeout(5):
        assert (await board.complete("local", HELLO, max_tokens=4)).text


@pytest.mark.usefixtures("model_file")
def test_one_board_serves_several_event_loops() -> None:
    """Two `asyncio.run` use one process."""
    board = Switchboard(settings={})
    board.add(Local)

    async def call() -> int:
        await board.complete("local", HELLO, max_tokens=4)
        return await pid_of(board)

    first = asyncio.run(call())
    assert asyncio.run(call()) == first
    asyncio.run(board.aclose())
    assert not is_running(first)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.usefixtures("model_file")
def test_a_fork_has_a_server_of_its_own() -> None:
    """A forked process starts its own server, and closing its board leaves the parent's alone."""
    board = Switchboard(settings={})
    board.add(Local)
    first = asyncio.run(pid_of(board))
    child = os.fork()
    if child == 0:

        async def call() -> int:
            own = await pid_of(board)
            await board.aclose()
            return own

        os._exit(0 if asyncio.run(call()) not in (0, first) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert is_running(first)
    asyncio.run(board.aclose())


def test_the_model_is_free_and_needs_no_key() -> None:
    """What the catalog says is what the model can do."""
    board = Switchboard(settings={})
    board.add(Local)
    model = board.resolve("local")
    assert board.ready(model)
    assert (model.prices.input, model.prices.output) == (Decimal(0), Decimal(0))
    assert model.context_window == 2048
    assert "tools" not in model.capabilities


@pytest.mark.parametrize("layer", ["argument", "environment"])
def test_a_setting_names_another_model(layer: str) -> None:
    """`model_path` gives a model of that file's name, by the same alias."""
    path = "/models/Qwen2.5-0.5B.Q4.gguf"
    given: dict[str, Any] = {"argument": {"providers": {"local": {"model_path": path}}}, "environment": {}}
    if layer == "environment":
        given = {"environment": {"LOCAL_MODEL_PATH": path, "LOCAL_CONTEXT_WINDOW": "512"}}
    board = Switchboard(settings=Settings(**given))
    board.add(Local)
    model = board.resolve("local")
    assert model.id == "local/qwen2.5-0.5b.q4"
    assert model.context_window == (512 if layer == "environment" else 2048)


def test_another_strategy_may_carry_the_provider() -> None:
    """With another `strategy` set, this plugin declines."""
    settings = Settings(environment={"LOCAL_STRATEGY": "http"})
    model = Model(id="local/x", provider="local")
    assert Local().select_strategy(model=model, settings=settings) is None


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for models, without any, on a machine without network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for variable in ("UV_NO_INDEX", "UV_OFFLINE", "PIP_NO_INDEX"):
        monkeypatch.setenv(variable, "1")
    folder = tmp_path / "modelplug" / "models"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.usefixtures("empty_cache")
async def test_a_first_call_without_network_says_what_to_do() -> None:
    """The call fails with the setting that does without a fetch, and is not worth a retry."""
    async with Switchboard(settings={}) as board:
        board.add(Local)
        with pytest.raises(Unreachable, match="LOCAL_MODEL_PATH") as caught:
            await board.complete("local", HELLO)
    assert not caught.value.retryable


async def test_closing_the_board_ends_a_fetch(empty_cache: Path) -> None:
    """Whoever waits for the model is told, and closing takes no longer than a moment."""
    board = Switchboard(settings={})
    board.add(Local)
    with (empty_cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a fetch of another process that never ends
        call = asyncio.ensure_future(board.complete("local", HELLO))
        await asyncio.sleep(0.3)
        async with asyncio.timeout(2):
            await board.aclose()
        with pytest.raises(CallFailed, match="closed"):
            await call


async def test_an_answer_keeps_to_a_schema(board: Switchboard) -> None:
    """With a JSON schema as response format the answer is JSON of that schema."""
    schema = {"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]}
    form = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": schema}}
    question = [{"role": "user", "content": "Is 5 more than 3?"}]
    reply = await board.complete("local", question, response_format=form, temperature=0, max_tokens=60)
    assert list(json.loads(reply.text)) == ["yes"]
