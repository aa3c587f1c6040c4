"""The metrics of calls: their names, buckets, attributes and counts."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest
from modelplug import Chunk, Reply, Request, Unavailable, UnknownModel
from modelplug.testing import FakeStrategy, reply_of
from opentelemetry.sdk.metrics.export import HistogramDataPoint

from plugins.otel.tests.collected import QUESTION, Collected, collected

DURATION = "gen_ai.client.operation.duration"
FIRST = "gen_ai.client.operation.time_to_first_chunk"
GAP = "gen_ai.client.operation.time_per_output_chunk"
TOKENS = "gen_ai.client.token.usage"
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
POWERS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
SHARED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "fake",
    "gen_ai.request.model": "one",
    "gen_ai.response.model": "fake",
}


async def streamed(at: Collected) -> None:
    async with at.board.stream("one", QUESTION) as chunks:
        async for _ in chunks:
            pass


def said(point: HistogramDataPoint) -> dict[str, object]:
    return dict(point.attributes or {})


async def test_buckets_are_those_that_the_conventions_advise() -> None:
    """Seconds are doubled from 10 ms to 82 s, tokens taken by four from 1 to 67 million."""
    at = collected()
    await streamed(at)
    for metric in (DURATION, FIRST, GAP):
        assert [tuple(point.explicit_bounds) for point in at.points(metric)] == [pytest.approx(SECONDS)]
    assert [tuple(point.explicit_bounds) for point in at.points(TOKENS)] == [POWERS, POWERS]


async def test_a_stream_is_counted_in_all_four() -> None:
    """One duration, one first chunk, a gap for each further chunk, input and output tokens."""
    at = collected()
    await streamed(at)
    assert [(point.count, said(point)) for point in at.points(DURATION)] == [(1, {**SHARED, "modelplug.outcome": "ok"})]
    assert [(point.count, said(point)) for point in at.points(FIRST)] == [(1, SHARED)]
    assert [(point.count, said(point)) for point in at.points(GAP)] == [(3, SHARED)]
    tokens = {said(point)["gen_ai.token.type"]: point.sum for point in at.points(TOKENS)}
    assert tokens == {"input": 3, "output": 2}


async def test_chunks_that_come_together_are_each_counted() -> None:
    """A strategy that gives bursts is asked for them, and each chunk has its gap: none, between those of one burst."""

    class Bursting(FakeStrategy):
        async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
            for chunk in self.chunks[:0]:
                yield chunk

        async def bursts(self, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
            yield self.chunks[:1]
            await asyncio.sleep(0.03)
            yield self.chunks[1:]

    at = collected(Bursting())
    await streamed(at)
    (point,) = at.points(GAP)
    assert point.count == 3 and point.bucket_counts[0] == 2 and point.sum == pytest.approx(0.03, abs=0.02)


async def test_a_whole_answer_has_no_chunks() -> None:
    """Calls that are not streamed are not counted among the times of chunks."""
    at = collected()
    await at.board.complete("one", QUESTION)
    assert at.points(FIRST) == at.points(GAP) == [] and len(at.points(DURATION)) == 1


async def test_outcomes_add_up() -> None:
    """Calls that succeed, fail, and are left early are told apart, and their sum is the number of calls."""
    strategy = FakeStrategy()
    at = collected(strategy)
    for _ in range(3):
        await at.board.complete("one", QUESTION)
    async with at.board.stream("one", QUESTION) as chunks:
        await anext(chunks)
    strategy.error = Unavailable("busy", status=503)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await at.board.complete("one", QUESTION)
    with pytest.raises(UnknownModel):
        await at.board.complete("nobody", QUESTION)
    counts = {(said(p)["modelplug.outcome"], said(p).get("error.type")): p.count for p in at.points(DURATION)}
    assert counts == {("ok", None): 3, ("abandoned", None): 1, ("failed", "upstream"): 2, ("failed", "not_found"): 1}


async def test_names_that_a_server_makes_up_add_no_series_for_ever() -> None:
    """Beyond a thousand names of models in answers, the rest is `other`."""

    class Inventive(FakeStrategy):
        async def complete(self, request: Request) -> Reply:
            return reply_of(model=f"made-up-{request.params['seed']}")

    at = collected(Inventive())
    for number in range(1_200):
        await at.board.complete("one", QUESTION, seed=number)
    points = at.points(DURATION)
    assert len(points) == 1_001
    assert [p.count for p in points if said(p)["gen_ai.response.model"] == "other"] == [200]
