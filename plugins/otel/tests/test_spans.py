"""The span of a call: its name, parent, times and attributes, whatever happens to the call."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator

import pytest
from modelplug import (
    CallFailed,
    Chunk,
    ConfigError,
    Credentials,
    Model,
    RateLimited,
    Reply,
    Request,
    Settings,
    StreamCut,
    Switchboard,
    Unavailable,
    UnknownModel,
)
from modelplug.retry import Retry
from modelplug.testing import FakePlugin, FakeStrategy, chunks_of
from modelplug_otel import Otel
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from plugins.otel.tests.collected import QUESTION, collected

KEY = "sk-verysecret0123456789abcdef"


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


class Looking(FakeStrategy):
    """Notes the span that is current while the provider is asked."""

    def __init__(self, text: str = "hello there", **more: object) -> None:
        super().__init__(text)
        self.seen: list[trace.Span] = []

    async def complete(self, request: Request) -> Reply:
        self.seen.append(trace.get_current_span())
        return await super().complete(request)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self.seen.append(trace.get_current_span())
        async for chunk in super().stream(request):
            yield chunk


async def test_a_call_is_a_client_span_in_the_words_of_the_conventions() -> None:
    """Name, kind, request, answer and usage are said as the GenAI conventions ask, and nothing of the content."""
    at = collected()
    await at.board.complete("one", QUESTION, temperature=0.5, max_tokens=9, n=1, seed=7)
    span = at.spans["chat one"]
    said = attributes(span)
    own = {name: said.pop(name) for name in list(said) if name.startswith("modelplug.")}
    assert span.kind is SpanKind.CLIENT and span.status.status_code is StatusCode.UNSET
    assert said == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "fake",
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.model": "one",
        "gen_ai.request.seed": 7,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.id": "1",
        "gen_ai.response.model": "one",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 2,
    }
    assert own["modelplug.outcome"] == "ok" and own["modelplug.model"] == "fake/one" and own["modelplug.call.id"]
    assert "answer" not in span.to_json() and "hello" not in span.to_json()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_span_is_the_callers_child_and_the_wires_parent(stream: bool) -> None:
    """It stands below the span that is current at the call, and is itself current while the provider is asked."""
    strategy = Looking()
    at = collected(strategy)
    with at.tracer.start_as_current_span("host") as host:
        if stream:
            async with at.board.stream("one", QUESTION) as chunks:
                async for _ in chunks:
                    assert trace.get_current_span() is host
        else:
            await at.board.complete("one", QUESTION)
        assert trace.get_current_span() is host
    span = at.spans["chat one"]
    assert span.parent is not None and span.parent.span_id == host.get_span_context().span_id
    assert strategy.seen[0].get_span_context() == span.context


def test_a_call_without_async_is_the_callers_child_too() -> None:
    """The synchronous board carries its calls elsewhere, and the parent stays the caller's."""
    at = collected()
    with at.board.sync as sync, at.tracer.start_as_current_span("host") as host:
        sync.complete("one", QUESTION)
        with sync.stream("one", QUESTION) as chunks:
            assert len(list(chunks)) == 4
    at.board.flush()
    parents = [span.parent for span in at.exporter.get_finished_spans() if span.name == "chat one"]
    assert [parent.span_id for parent in parents if parent] == [host.get_span_context().span_id] * 2


async def test_calls_at_once_keep_their_own_parents() -> None:
    """Each of many calls in as many tasks is the child of its own task's span."""
    at = collected()

    async def one(number: int) -> None:
        with at.tracer.start_as_current_span(f"host {number}"):
            await at.board.complete("one", QUESTION, seed=number)

    await asyncio.gather(*map(one, range(20)))
    at.board.flush()
    spans = at.exporter.get_finished_spans()
    hosts = {span.context.span_id: span.name for span in spans if span.context and span.name.startswith("host")}
    asked = [span for span in spans if span.name == "chat one"]
    assert len(asked) == 20
    assert all(span.parent and hosts[span.parent.span_id] == f"host {attributes(span)['gen_ai.request.seed']}"
               for span in asked)  # fmt: skip


async def test_a_span_lasts_as_long_as_its_call() -> None:
    """Start and end are those of the call, though listeners are told later."""

    class Slow(FakeStrategy):
        async def complete(self, request: Request) -> Reply:
            await asyncio.sleep(0.1)
            return await super().complete(request)

    at = collected(Slow())
    await at.board.complete("one", QUESTION)  # the first call imports and routes before its span
    before = time.time_ns()
    reply = await at.board.complete("one", QUESTION)
    after = time.time_ns()
    await asyncio.sleep(0.1)
    span = at.spans["chat one"]
    assert span.start_time and span.end_time and reply.call
    assert before <= span.start_time <= span.end_time <= after + 1_000_000
    assert (span.end_time - span.start_time) / 1e9 == pytest.approx(reply.call.seconds, abs=0.01)


async def test_a_failure_is_an_error_with_its_kind() -> None:
    """The status is an error, `error.type` the kind, the description the message without secrets."""
    at = collected(FakeStrategy(error=RateLimited(f"slow down, {KEY}", status=429, request_id="up-1")))
    with pytest.raises(RateLimited):
        await at.board.complete("one", QUESTION, credentials=Credentials(api_key=KEY))
    span = at.spans["chat one"]
    assert span.status.status_code is StatusCode.ERROR and attributes(span)["error.type"] == "rate_limit"
    assert attributes(span)["modelplug.request.id"] == "up-1"
    assert (
        "slow down" in (span.status.description or "")
        and KEY not in span.to_json()
        and "0123456789" not in span.to_json()
    )


async def test_each_try_of_several_is_a_child_span() -> None:
    """A call that was tried again has one child span for each try, one after another within it."""

    class Once(FakeStrategy):
        async def complete(self, request: Request) -> Reply:
            if not request.attempts:
                raise Unavailable("busy", status=503, retry_after=0.05)
            return await super().complete(request)

    at = collected(Once())
    at.board.add(Retry())
    await at.board.complete("one", QUESTION)
    spans = at.spans
    call, first, second = spans["chat one"], spans["attempt 1"], spans["attempt 2"]
    assert call.status.status_code is StatusCode.UNSET and attributes(call)["modelplug.attempts"] == 2
    assert [span.parent.span_id for span in (first, second) if span.parent] == [call.context.span_id] * 2
    assert first.status.status_code is StatusCode.ERROR and second.status.status_code is StatusCode.UNSET
    assert attributes(first)["error.type"] == "upstream" and attributes(first)["http.response.status_code"] == 503
    assert call.start_time and first.start_time and first.end_time and second.start_time and call.end_time
    assert call.start_time <= first.start_time <= first.end_time
    assert second.start_time - first.end_time >= 45_000_000
    assert second.end_time == pytest.approx(call.end_time, abs=1_000_000)


async def test_a_name_that_is_no_model_has_its_span_below_the_callers() -> None:
    """A call that reaches no strategy has a span all the same; the name that was asked for is not in it."""
    at = collected()
    with at.tracer.start_as_current_span("host") as host, pytest.raises(UnknownModel):
        await at.board.complete("my-secret-name", QUESTION)
    span = at.spans["chat other"]
    assert span.parent is not None and span.parent.span_id == host.get_span_context().span_id
    assert attributes(span)["error.type"] == "not_found"
    assert "my-secret-name" not in json.dumps(attributes(span))


async def test_a_model_without_its_key_has_a_span() -> None:
    """A call that its settings forbid is an error of kind `config`."""
    at = collected(plugin=FakePlugin(Model(id="fake/one", provider="fake", aliases=("one",))))
    with pytest.raises(ConfigError):
        await at.board.complete("one", QUESTION)
    assert attributes(at.spans["chat one"])["error.type"] == "config"


async def test_a_cut_stream_is_an_error() -> None:
    """A stream without a finish reason ends in a span that says so."""
    at = collected(FakeStrategy(chunks=chunks_of(finish_reason=None)))
    with pytest.raises(StreamCut):
        async with at.board.stream("one", QUESTION) as chunks:
            async for _ in chunks:
                pass
    span = at.spans["chat one"]
    assert attributes(span)["error.type"] == "cut" and attributes(span)["gen_ai.request.stream"] is True


async def test_a_stream_that_was_left_is_no_error() -> None:
    """Its span ends when the host leaves, with the outcome `abandoned` and no error, and the provider is hung up on."""
    strategy = FakeStrategy()
    at = collected(strategy)
    async with at.board.stream("one", QUESTION) as chunks:
        await anext(chunks)
    span = at.spans["chat one"]
    assert attributes(span)["modelplug.outcome"] == "abandoned" and span.status.status_code is StatusCode.UNSET
    assert strategy.closed_streams == 1


async def test_a_cancelled_call_is_an_error_of_its_own_type() -> None:
    """The host's cancellation is `cancelled`, and reaches the provider."""

    class Forever(FakeStrategy):
        async def complete(self, request: Request) -> Reply:
            await asyncio.sleep(30)
            raise AssertionError

    at = collected(Forever())
    task = asyncio.create_task(at.board.complete("one", QUESTION))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert attributes(at.spans["chat one"])["error.type"] == "cancelled"


async def test_embeddings_are_an_operation_of_their_own() -> None:
    """Their span says so and counts the input."""
    at = collected()
    await at.board.embed("one", ["a", "b"])
    assert attributes(at.spans["embeddings one"])["gen_ai.usage.input_tokens"] == 3


@pytest.mark.parametrize("stream", [False, True])
async def test_content_is_recorded_where_a_setting_asks_for_it(stream: bool) -> None:
    """With `content` question and answer are in the span, in the shape of the conventions, and a key in them is not."""
    at = collected(settings={"otel": {"content": True}})
    question = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"Is my key {KEY} right?"}]
    given = Credentials(api_key=KEY)
    if stream:
        async with at.board.stream("one", question, credentials=given) as chunks:
            async for _ in chunks:
                pass
    else:
        await at.board.complete("one", question, credentials=given)
    said = attributes(at.spans["chat one"])
    asked = json.loads(str(said["gen_ai.input.messages"]))
    assert asked[0] == {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]}
    assert asked[1]["parts"][0]["content"] == "Is my key [redacted] right?"
    assert json.loads(str(said["gen_ai.output.messages"])) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "hello there"}], "finish_reason": "stop"}
    ]


async def test_a_tracer_that_raises_harms_no_call(caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong in a host's telemetry is a warning, and the call is answered."""

    class Broken(trace.TracerProvider):
        def get_tracer(self, *args: object, **more: object) -> trace.Tracer:
            class Raising(trace.NoOpTracer):
                def start_span(self, *args: object, **more: object) -> trace.Span:
                    raise RuntimeError("no exporter")

            return Raising()

    board = Switchboard(settings=Settings(environment={}))
    board.add(FakePlugin())
    board.add(Otel(tracer_provider=Broken()))
    reply = await board.complete("one", QUESTION)
    board.flush()
    assert reply.text == "hello there" and "no span" in caplog.text


async def test_without_an_sdk_the_layer_is_not_in_the_way() -> None:
    """Where nobody collects spans, the host gets the provider's own stream, and no span is kept."""
    strategy = Looking()
    board = Switchboard(settings=Settings(environment={}))
    board.add(FakePlugin(strategy=strategy))
    board.add(Otel())
    await board.complete("one", QUESTION)
    assert not strategy.seen[0].get_span_context().is_valid
    board.flush()


async def test_a_call_failed_of_a_strategy_keeps_its_type() -> None:
    """The layer changes nothing of what a strategy raises."""
    at = collected(FakeStrategy(error=CallFailed("odd", kind="odd")))
    with pytest.raises(CallFailed, match="odd"):
        await at.board.complete("one", QUESTION)
