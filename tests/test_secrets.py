"""Nothing secret leaves, whatever goes wrong: keys, headers' values and bases, through the whole board."""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from modelplug import (
    CallFailed,
    Chunk,
    ConfigError,
    Credentials,
    Hooks,
    Layer,
    Model,
    ModelplugError,
    Reply,
    Request,
    Settings,
    Strategy,
    Switchboard,
    Unavailable,
    hookimpl,
)
from modelplug.retry import Retry
from modelplug.testing import Listener
from modelplug_http import HttpPlugin
from modelplug_litellm import LiteLLMPlugin, _importing
from modelplug_metrics import Metrics
from modelplug_otel import Otel
from modelplug_testkit.upstream import Close, Play, Received, Reset, Script, Upstream
from modelplug_testkit.wire import DONE, FINISH, HELLO, STREAM_HEAD, answer, chunk, completion, frame, part, stream
from modelplug_v98store import V98Store
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

MODEL = "v98store/gpt-4o-mini"
SOON = [("retry-after-ms", "1")]
HEADER = "x-tenant-pass"


class Lure:
    """What an upstream echoes: the secrets of the request that it got."""

    def __init__(self, received: Received) -> None:
        self.key = received.headers["authorization"].removeprefix("Bearer ")
        self.header = received.headers[HEADER]
        self.path = received.path
        self.base = f"http://{received.headers['host']}{received.path.removesuffix('/chat/completions')}"

    @property
    def all(self) -> str:
        """Everything, as a careless server or proxy writes it into a text."""
        whole = {"authorization": f"Bearer {self.key}", HEADER: self.header, "url": self.base}
        return f"bad call {whole}; key={self.key} {self.key[: len(self.key) // 2 + 4]}*** {self.key[3:]} {self.base}/x"


def said(lure: Lure, status: int, **more: Any) -> bytes:
    """An error in OpenAI's shape that says everything."""
    error = {"message": lure.all, "type": lure.key, "code": lure.key, "param": lure.header, **more}
    return answer({"error": error}, status=status, headers=[*SOON, ("x-request-id", lure.key)])


def redirect(lure: Lure, status: int, target: str) -> bytes:
    return answer(b"moved " + lure.all.encode(), status=status, headers=[("location", f"{target}?key={lure.key}")])


def streamed(lure: Lure, *frames: bytes) -> Script:
    return stream(HELLO, *frames)


FAULTS: dict[str, Callable[[Lure], bytes | Script]] = {
    **{
        f"status {status}": partial(said, status=status)
        for status in (400, 401, 402, 403, 404, 413, 422, 429, 500, 503)
    },
    "unsupported parameter": lambda lure: said(lure, 400, message=f"Unsupported parameter: '{lure.header}'"),
    "a page": lambda lure: answer(f"<html><p title='{lure.key}'>{lure.all}".encode(), status=502, headers=SOON),
    "a text": lambda lure: answer(lure.all.encode(), status=500, headers=SOON),
    "a text for an answer": lambda lure: answer(lure.all.encode()),
    "a page for an answer": lambda lure: answer(f"<html>{lure.all}".encode()),
    "a JSON text for an answer": lambda lure: answer(lure.all),
    "an error for an answer": lambda lure: answer({"error": {"message": lure.all, "code": lure.key}}),
    "an error of another dialect": lambda lure: answer({"code": 50508, "message": lure.all, "data": None}),
    "a redirect elsewhere": lambda lure: redirect(lure, 307, "http://127.0.0.2:9/v1"),
    "a redirect that changes the method": lambda lure: redirect(lure, 302, lure.base),
    "a redirect in a circle": lambda lure: redirect(lure, 307, f"{lure.base}/chat/completions"),
    "an error event": lambda lure: streamed(lure, frame({"error": {"message": lure.all, "code": 502}})),
    "a named error event": lambda lure: streamed(lure, b"event: error\n" + frame({"message": lure.all})),
    "a finish by fault": lambda lure: streamed(lure, frame(chunk(finish="error", error={"message": lure.all}))),
    "junk in a stream": lambda lure: streamed(lure, frame(lure.all.encode())),
    "names that are secrets": lambda lure: answer(
        completion(id=lure.key, model=lure.key, system_fingerprint=lure.base)
    ),
    "names in a stream": lambda lure: stream(
        frame(chunk({"content": "hi"}, id=lure.key, model=lure.key)), frame(chunk(finish=lure.key)), DONE
    ),
    "a broken head": lambda lure: [f"HTTP/1.1 2x0 {lure.all}\r\n{lure.key}\r\n\r\n".encode(), Close],
    "a bad header": lambda lure: [f"HTTP/1.1 200 OK\r\n{lure.key} {lure.all}\r\nx: y\r\n\r\n".encode(), Close],
    "a bad part": lambda lure: [STREAM_HEAD + part(HELLO) + lure.all.encode() + b"\r\n", Close],
    "a reset": lambda lure: [STREAM_HEAD + part(HELLO), Reset],
    "a cut": lambda lure: [STREAM_HEAD + part(HELLO), Close],
    "an empty answer": lambda lure: answer(b"", headers=[("x-request-id", lure.key)]),
    "success at the second try": lambda lure: stream(HELLO, FINISH, DONE),
}
"""What an upstream does that has the lure, by name."""

# Letter by letter: a text as a whole Hypothesis also takes from our own sources, and these words stand in any log.
LETTERS = st.sampled_from([chr(code) for code in range(33, 127) if chr(code) not in "\"'`\\"])
SECRETS = (
    st.lists(LETTERS, min_size=12, max_size=50)
    .map("".join)
    .filter(lambda text: len(set(text)) > 6 and "redacted" not in text)
)
SEGMENTS = (
    st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789"), min_size=16, max_size=32)
    .map("".join)
    .filter(lambda text: len(set(text)) > 6)
)


class Ears:
    """All that leaves: log records of every logger, listeners' records, metrics, spans, and what the host is given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def hear(self, error: BaseException) -> None:
        """Everything that an exception shows, and those that it holds."""
        held: BaseException | None = error
        while held is not None:
            inside = {name: value for name, value in vars(held).items() if name != "partial"}
            self.texts += [str(held), repr(held), repr(held.args), repr(inside)]
            held = held.__cause__ or held.__context__
        self.texts.append("".join(traceback.format_exception(error)))


@contextmanager
def listening() -> Generator[Ears]:
    """Ears at every logger, at the level DEBUG."""
    ears = Ears()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            ears.texts += [record.getMessage(), repr(record.args), self.format(record)]

    handler = Handler(logging.DEBUG)
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.Logger.manager.loggerDict)]
    before = [(each, each.level, each.propagate) for each in loggers]
    for each in loggers:
        if each.name.partition(".")[0] != "hypothesis":
            each.setLevel(logging.DEBUG)
            each.addHandler(handler)
    try:
        yield ears
    finally:
        for each, level, propagate in before:
            each.setLevel(level)
            each.propagate = propagate
            each.removeHandler(handler)


def left(texts: list[str], secret: str) -> set[str]:
    """The runs of eight characters of a secret that are in any of the texts."""
    runs = {secret[i : i + 8] for i in range(len(secret) - 7)}
    return {run for run in runs for text in texts if run in text}


class Leaky(Layer):
    """A plugin's layer that says everything in what it raises."""

    def __init__(self, inner: Strategy, error: Callable[[str], BaseException]) -> None:
        super().__init__(inner)
        self.error = error

    async def complete(self, request: Request) -> Reply:
        raise self._noted(request)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        if request.stream:
            raise self._noted(request)
        yield Chunk({})

    def _noted(self, request: Request) -> BaseException:
        key = request.credentials.api_key
        assert key is not None
        secrets = f"{key.reveal()} {dict(request.credentials.headers)} {request.credentials.api_base}"
        error = self.error(secrets)
        error.add_note(secrets)
        error.__cause__ = RuntimeError(secrets)
        return error


class LeakyPlugin(Hooks):
    """Puts a Leaky layer round each strategy."""

    def __init__(self, error: Callable[[str], BaseException]) -> None:
        self.error = error

    @hookimpl(wrapper=True)
    def select_strategy(self, model: Model, settings: Settings) -> Generator[None, Strategy | None, Strategy | None]:
        inner = yield
        return None if inner is None else Leaky(inner, self.error)


class Traced(Otel):
    """Keeps what an SDK would send away."""

    def __init__(self) -> None:
        self.spans, self.metrics, tracers = InMemorySpanExporter(), InMemoryMetricReader(), TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        super().__init__(tracer_provider=tracers, meter_provider=MeterProvider([self.metrics]))

    @property
    def told(self) -> list[str]:
        spans, metrics = self.spans.get_finished_spans(), self.metrics.get_metrics_data()
        assert spans and metrics
        return [*(span.to_json() for span in spans), metrics.to_json()]


def board_with(strategy: str, *plugins: Any, **settings: Any) -> tuple[Switchboard, Metrics, Listener]:
    """A board as a host has it, metrics and retry included."""
    provider = {"strategy": strategy, **settings}
    board = Switchboard(settings=Settings(argument={"providers": {"v98store": provider}}, environment={}))
    metrics = Metrics()
    for plugin in (*plugins, Retry(), HttpPlugin, LiteLLMPlugin, V98Store):
        board.add(plugin)
    board.add(metrics, name="metrics")
    board.add(Traced(), name="otel")
    return board, metrics, Listener.on(board)


async def told(board: Switchboard, stream: bool, ears: Ears, **options: Any) -> None:
    """Makes a call, and hears what the host is told."""
    messages = [{"role": "user", "content": "hi"}]
    try:
        if stream:
            async with board.stream(MODEL, messages, **options) as chunks:
                async for _ in chunks:
                    pass
        else:
            await board.complete(MODEL, messages, **options)
    except ModelplugError as error:
        ears.hear(error)


def heard(ears: Ears, board: Switchboard, metrics: Metrics, listener: Listener) -> list[str]:
    """All texts, the records of the calls and the figures among them."""
    board.flush()
    snapshot = metrics.snapshot()
    records = [repr(event) for event in (*listener.started, *listener.finished)]
    assert listener.finished
    return [*ears.texts, *records, *board.plugin("otel").told, repr(snapshot), repr(snapshot.failures)]


@pytest.fixture(scope="module", autouse=True)
def _litellm_is_imported() -> None:
    _importing.load()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    server = Upstream(plays=[b""])
    await server.start()
    yield server
    await server.stop()


@pytest.mark.parametrize("strategy", ["http", "direct", "router"])
@pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class:UserWarning")
@settings(
    max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(key=SECRETS, header=SECRETS, segment=SEGMENTS)
async def test_no_fault_leaks(
    strategy: str, capsys: pytest.CaptureFixture[str], key: str, header: str, segment: str
) -> None:
    """Law: no eight characters of a key, of a header's value or of the base leave, whatever the upstream does."""
    server = Upstream(plays=[])
    await server.start()
    base = f"http://127.0.0.1:{server.port}/{segment}"
    credentials = Credentials(api_key=key, api_base=base, headers={HEADER: header})
    board, metrics, listener = board_with(strategy)
    with listening() as ears:
        for fault in FAULTS.values():
            for streams in (False, True):
                play: Play = lambda received, fault=fault: fault(Lure(received))  # noqa: E731
                server.plays, server.received = [lambda received: said(Lure(received), 500), play], []
                await told(board, streams, ears, credentials=credentials, timeout=5)
    texts = [*heard(ears, board, metrics, listener), *capsys.readouterr()]
    await board.aclose()
    await server.stop()
    for secret in (key, header, segment):
        assert left(texts, secret) == set()
    assert not [text for text in texts if f"127.0.0.1:{server.port}" in text]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError,
        SystemExit,
        Unavailable,
        lambda text: CallFailed(text, code=text, request_id=text, kind="failed"),
        lambda text: ConfigError("a setting", text, text),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_plugin_raises_leaks_nothing(error: Callable[[str], BaseException], stream: bool) -> None:
    """Text, notes, causes and fields of a plugin's exception leave without the secrets in them."""
    key, header, segment = "Zq8vTn4xWm2LpR7y", "pass-Kd93jfLwPq0x", "t3nantsegm3ntabcdef"
    base = f"http://llm.internal.example:8443/{segment}"
    own = {"api_key": key, "api_base": base}
    board, metrics, listener = board_with("http", LeakyPlugin(error), **own)
    with listening() as ears:
        credentials = Credentials(api_key=key, api_base=base, headers={HEADER: header})
        await told(board, stream, ears, credentials=credentials, timeout=0.3)
    texts = heard(ears, board, metrics, listener)
    for secret in (key, header, segment, "llm.internal.example"):
        assert left(texts, secret) == set()


async def test_a_hook_that_raises_the_key_leaks_nothing() -> None:
    """A provider's own key is known to the boundary before the call has got any credentials."""
    key = "Zq8vTn4xWm2LpR7y"

    class Raising(Hooks):
        @hookimpl
        def provide_models(self, settings: Settings) -> list[Model]:
            return [Model(id="acme/one", provider="acme")]

        @hookimpl
        def wire_name(self, model: Model) -> str | None:
            raise RuntimeError(f"cannot name it with {key}")

    argument = {"providers": {"acme": {"strategy": "http", "api_key": key, "api_base": "http://127.0.0.1:9/v1"}}}
    board = Switchboard(settings=Settings(argument=argument, environment={}))
    board.add(HttpPlugin)
    board.add(Raising)
    with listening() as ears, pytest.raises(ModelplugError) as caught:
        await board.complete("acme/one", [{"role": "user", "content": "hi"}])
    ears.hear(caught.value)
    assert left(ears.texts, key) == set()


@pytest.mark.parametrize("strategy", ["http", "direct"])
async def test_no_connection_leaks_nothing(strategy: str) -> None:
    """Refused, unresolved and unencrypted: neither key nor place is named."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        bases = (f"http://127.0.0.1:{port}/tenantsegment42", "http://no-such-host.invalid/tenantsegment42")
        for base in bases:
            board, metrics, listener = board_with(strategy)
            with listening() as ears:
                credentials = Credentials(api_key="Zq8vTn4xWm2LpR7y", api_base=base)
                await told(board, False, ears, credentials=credentials, timeout=0.3)
            texts = heard(ears, board, metrics, listener)
            await board.aclose()
            for secret in ("Zq8vTn4xWm2LpR7y", "tenantsegment42", "no-such-host", f"127.0.0.1:{port}"):
                assert left(texts, secret) == set()
