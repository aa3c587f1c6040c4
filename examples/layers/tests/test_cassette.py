"""The cassette: recorded over real HTTP, replayed with nobody there, loud on a miss, without secrets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelplug import ConfigError, Hooks, Model, RateLimited, Reply, Request, Settings, Switchboard, hookimpl
from modelplug.testing import FakePlugin, FakeStrategy, Listener, chunks_of
from modelplug_http import HttpPlugin
from modelplug_layers.cassette import Cassette, Cassettes, NotRecorded

HELLO = [{"role": "user", "content": "hello"}]
KEY = "sk-a-key-that-nobody-may-read-4711"
MODEL = Model(id="acme/m", provider="acme", aliases=("m",), capabilities=frozenset({"chat", "embeddings"}))


class Acme(Hooks):
    @hookimpl
    def provide_models(self, settings: Settings) -> Iterable[Model]:
        return [MODEL]


class Answers(BaseHTTPRequestHandler):
    """Says the same to all, and the key to whoever sends it."""

    heard: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked.get("user") == "nobody":
            self.send(429, {"error": {"message": f"{KEY} is too quick", "code": "slow"}}, "application/json")
        elif "input" in asked:
            self.send(200, {"object": "list", "data": [{"index": 0, "embedding": [0.5, 1.0]}]}, "application/json")
        elif asked["stream"]:
            frames = [json.dumps(chunk.data) for chunk in chunks_of("one two three")] + ["[DONE]"]
            self.send(200, "".join(f"data: {frame}\n\n" for frame in frames), "text/event-stream")
        else:
            message = {"role": "assistant", "content": f"you are {self.headers['Authorization']}"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self.send(200, {"id": "1", "model": "m", "choices": [choice]}, "application/json")

    def send(self, status: int, body: Any, kind: str) -> None:
        raw = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def upstream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def board_for(path: Path, *, mode: str | None = None, base: str = "http://127.0.0.1:9/v1", key: str) -> Switchboard:
    settings: dict[str, Any] = {
        "cassette": {"path": str(path), "mode": mode},
        "providers": {"acme": {"api_base": base, "api_key": key, "strategy": "http"}},
    }
    board = Switchboard(settings=Settings(argument=settings, environment={}))
    board.add(Acme)
    board.add(HttpPlugin)
    board.add(Cassettes)
    return board


async def heard(board: Switchboard) -> tuple[Reply, list[Any], list[list[float]], RateLimited]:
    """Everything that a strategy can do, once."""
    async with board:
        reply = await board.complete("m", [{"role": "user", "content": f"my key is {KEY}"}], temperature=0)
        async with board.stream("m", HELLO) as chunks:
            pieces = [chunk.data async for chunk in chunks]
        vectors = (await board.embed("m", "hello")).vectors
        with pytest.raises(RateLimited) as caught:
            await board.complete("m", HELLO, user="nobody")
        return reply, pieces, vectors, caught.value


async def test_what_was_recorded_is_replayed_without_a_network(tmp_path: Path) -> None:
    """An answer, a stream in its chunks, vectors and a failure come again, with another key and no server."""
    path = tmp_path / "cassettes" / "all.json"
    with upstream() as base:
        _, chunks, vectors, error = await heard(board_for(path, mode="record", base=base, key=KEY))
    reply, again, vectors_again, error_again = await heard(board_for(path, key="sk-another"))
    assert reply.text == "you are Bearer [redacted]"
    assert again == chunks and len(again) == 5
    assert vectors_again == vectors == [[0.5, 1.0]]
    assert (error_again.message, error_again.status, error_again.code) == (error.message, 429, "slow")


async def test_no_secret_and_no_address_is_written(tmp_path: Path) -> None:
    """Not the key, where it was asked, answered or part of an error, and not where the calls went."""
    path = tmp_path / "all.json"
    with upstream() as base:
        await heard(board_for(path, mode="record", base=base, key=KEY))
    text = path.read_text("utf-8")
    assert "[redacted]" in text
    assert KEY not in text and KEY[3:20] not in text and base not in text and base.split("/")[2] not in text


async def test_a_question_with_something_like_a_key_is_found_under_any_key(tmp_path: Path) -> None:
    """The part of a word that is the key, and the whole word that looks like one, are the same question."""
    path = tmp_path / "words.json"
    asked = [{"role": "user", "content": "is sk-pebble123456 one?"}]
    with upstream() as base:
        async with board_for(path, mode="record", base=base, key="sk-pebble") as board:
            await board.complete("m", asked)
    async with board_for(path, key="replay") as board:
        assert (await board.complete("m", asked)).text


async def test_a_secret_that_comes_in_pieces_is_not_recorded(tmp_path: Path) -> None:
    """No chunk holds it alone; the recording says so, and nothing is written."""
    path = tmp_path / "pieces.json"
    board = Switchboard(settings=Settings(argument={"cassette": {"path": str(path), "mode": "record"}}, environment={}))
    pieces = [chunk for part in ("sk-", "a1b2c3", "d4e5f6") for chunk in chunks_of(part, finish_reason=None)]
    board.add(FakePlugin(strategy=FakeStrategy(chunks=[*pieces, *chunks_of("", finish_reason="stop")])))
    board.add(Cassettes)
    with pytest.raises(ConfigError, match="in pieces"):
        async with board.stream("one", HELLO) as chunks:
            async for _ in chunks:
                pass
    assert not path.exists()


async def test_a_miss_says_what_was_asked_and_what_differs(tmp_path: Path) -> None:
    """It is no failure of a call: no layer tries again."""
    path = tmp_path / "all.json"
    with upstream() as base:
        await heard(board_for(path, mode="record", base=base, key=KEY))
    board = board_for(path, key="sk-another")
    listener = Listener.on(board)
    with pytest.raises(NotRecorded, match=r"all\.json: has no answer for acme/m \(stream\) 'hello'.*differs in temp"):
        async with board.stream("m", HELLO, temperature=1) as chunks:
            async for _ in chunks:
                pass
    async with board.stream("m", HELLO) as chunks:
        assert [chunk async for chunk in chunks]
    with pytest.raises(NotRecorded, match="the 1 that it had have been given"):
        async with board.stream("m", HELLO) as chunks:
            async for _ in chunks:
                pass
    assert [call.outcome for call in listener.finished] == ["failed", "ok", "failed"]


async def test_the_file_is_for_people(tmp_path: Path) -> None:
    """JSON with a line for each message and chunk."""
    path = tmp_path / "readable.json"
    with upstream() as base:
        board = board_for(path, mode="record", base=base, key=KEY)
        async with board, board.stream("m", HELLO) as chunks:
            assert [chunk async for chunk in chunks]
    text = path.read_text("utf-8")
    (call,) = json.loads(text)["calls"]
    assert call["messages"] == HELLO and call["stream"] is True
    assert text.splitlines()[5] == '      {"role": "user", "content": "hello"}'
    assert sum("one " in line for line in text.splitlines()) == 1


async def test_what_is_asked_again_is_recorded_anew_and_the_rest_stays(tmp_path: Path) -> None:
    """Two boards, as two tests have them, write into one file; within one board equal requests are kept in order."""
    path = tmp_path / "two.json"
    with upstream() as base:
        for texts in (["a", "b", "b"], ["b", "b", "c"]):
            async with board_for(path, mode="record", base=base, key=KEY) as board:
                for text in texts:
                    await board.complete("m", [{"role": "user", "content": text}])
    calls = json.loads(path.read_text("utf-8"))["calls"]
    assert [call["messages"][0]["content"] for call in calls] == ["a", "b", "b", "c"]
    async with board_for(path, key=KEY) as board:
        for text in ("b", "c", "a", "b"):
            assert (await board.complete("m", [{"role": "user", "content": text}])).text


async def test_calls_at_once_make_one_file(tmp_path: Path) -> None:
    """Whichever ends first: what is recorded again differs in its answers alone."""
    texts = []
    for order in ("abc", "cab"):
        path = tmp_path / f"{order}.json"
        with upstream() as base:
            async with board_for(path, mode="record", base=base, key=KEY) as board:
                for name in order:
                    await board.complete("m", [{"role": "user", "content": name}])
        texts.append(path.read_text("utf-8"))
    assert texts[0] == texts[1]


async def test_a_file_that_is_no_cassette_is_not_overwritten(tmp_path: Path) -> None:
    """It is refused before the call is made."""
    path = tmp_path / "precious.json"
    path.write_text('{"mine": 1}', "utf-8")
    with pytest.raises(ConfigError, match="is no cassette"):
        await board_for(path, mode="record", key=KEY).complete("m", HELLO)
    assert path.read_text("utf-8") == '{"mine": 1}'


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (None, None, "is not there"),
        ("{}", None, "is no cassette"),
        ("[", None, "is no cassette"),
        ('{"calls": [1]}', None, "is no cassette"),
        ("{}", "play", "mode"),
    ],
)
async def test_what_is_no_cassette_is_told(content: str | None, mode: str | None, said: str, tmp_path: Path) -> None:
    """The error names the file, without its folder, or the setting."""
    path = tmp_path / "tape.json"
    if content is not None:
        path.write_text(content, "utf-8")
    with pytest.raises(ConfigError, match=said) as caught:
        await board_for(path, mode=mode, key=KEY).complete("m", HELLO)
    assert str(tmp_path) not in str(caught.value)


TEXT = st.text(st.characters(exclude_categories=(), exclude_characters="*"))  # three stars are read as somebody's mask
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=50, deadline=None, database=None)
@given(answer=JSON, chunks=st.lists(st.dictionaries(TEXT, JSON, max_size=2), max_size=3))
def test_what_is_written_can_be_read(tmp_path_factory: pytest.TempPathFactory, answer: Any, chunks: Any) -> None:
    """Whatever it is, half characters included."""
    request = Request(id="1", requested="m", model=MODEL, wire_name="m", messages=HELLO)
    cassette = Cassette(tmp_path_factory.mktemp("law") / "any.json", new=True)
    cassette.record(request, answer=answer, chunks=[{"any": chunk} for chunk in chunks])
    (entry,) = Cassette(cassette.path).entries
    assert (entry["answer"], entry["chunks"]) == (answer, [{"any": chunk} for chunk in chunks])


async def test_it_sleeps_without_a_path() -> None:
    """Installed and not asked for, it is no layer."""
    board = Switchboard(settings=Settings(environment={}))
    board.add(FakePlugin())
    board.add(Cassettes)
    assert (await board.complete("one", HELLO)).text == "hello there"
