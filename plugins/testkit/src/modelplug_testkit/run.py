"""Runs the rows against a plugin: each case on an upstream of its own, many at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from time import perf_counter
from typing import Any

from attrs import evolve, frozen
from modelplug import Credentials, Embeddings, ModelplugError, Reply, Switchboard
from modelplug.testing import Listener

from modelplug_testkit.rows import ROWS, Case, Row, Way
from modelplug_testkit.seen import Seen, problems, shown_of
from modelplug_testkit.subject import KEY, Subject
from modelplug_testkit.upstream import Upstream

MESSAGES: Sequence[Mapping[str, Any]] = [{"role": "user", "content": "Say hello."}]
AT_ONCE = 8
"""Cases that run at the same time: they wait more than they work."""


@frozen(kw_only=True)
class Trial:
    """One case in one way."""

    row: Row
    case: Case
    way: Way

    @property
    def id(self) -> str:
        """A name such as `CQ-05-end of body-stream`."""
        return "-".join(part for part in (self.row.id, self.case.name, self.way) if part)


@frozen(kw_only=True)
class Verdict:
    """What came of one trial, or of one point of the contract: `problems` is empty where it holds.

    `unmet` says why the strategy cannot meet the row, where the table says so.
    """

    id: str
    what: str
    expected: str
    seen: str
    problems: tuple[str, ...] = ()
    unmet: str | None = None

    @property
    def passed(self) -> bool:
        """Whether it holds, or need not hold."""
        return not self.problems or self.unmet is not None


def trials(rows: Iterable[Row] = ROWS, *, claims: Iterable[str]) -> Iterator[Trial]:
    """All cases that fit what the plugin claims."""
    claims = set(claims)
    for row in rows:
        for case in row.cases:
            for way in case.ways:
                needed = {"whole": "chat", "stream": "stream", "embed": "embeddings"}[way]
                if needed in claims and (case.claim is None or case.claim in claims):
                    yield Trial(row=row, case=case, way=way)


async def run(subject: Subject, rows: Iterable[Row] = ROWS) -> dict[str, Verdict]:
    """The verdict on each trial, by its id."""
    wanted = list(trials(rows, claims=subject.claims))
    verdicts: dict[str, Verdict] = {}
    places = asyncio.Semaphore(AT_ONCE)
    async with _boards(subject, {trial.case.tries for trial in wanted} | {1}) as boards:

        async def one(trial: Trial) -> None:
            async with places:
                verdicts[trial.id] = await _tried(trial, subject, *boards[trial.case.tries])

        if wanted:  # what is imported before a first call, and at it, is not on any other row's clock
            with suppress(ModelplugError):  # the rows tell of it
                await asyncio.wrap_future(boards[1][0].warm(subject.model))
            await one(wanted[0])
        await asyncio.gather(*(one(trial) for trial in wanted[1:] if not trial.case.alone))
        for trial in wanted[1:]:
            if trial.case.alone:
                await one(trial)
    return {trial.id: verdicts[trial.id] for trial in wanted}


@asynccontextmanager
async def _boards(subject: Subject, tries: set[int]) -> AsyncIterator[dict[int, tuple[Switchboard, Listener]]]:
    boards = {number: subject.listened(tries=number) for number in tries}
    try:
        yield boards
    finally:
        for board, _ in boards.values():
            await board.aclose()


async def _tried(trial: Trial, subject: Subject, board: Switchboard, listener: Listener) -> Verdict:
    async with Upstream(plays=list(trial.case.plays)) as server:
        base = f"http://127.0.0.1:{server.port}/{token_hex(4)}/v1"
        seen = await play(trial, subject, board, base)
    await asyncio.to_thread(board.flush)
    ids = {request.id for request in listener.started if request.credentials.api_base == base}
    calls = tuple(call for call in listener.finished if call.id in ids)
    seen = evolve(seen, calls=calls, requests=len(server.received), shown=f"{seen.shown}\n{calls!r}")
    strategy = calls[0].strategy if calls else ""
    wrong = list(problems(trial.case, trial.way, seen, (KEY, base.removeprefix("http://"))))
    return Verdict(
        id=trial.id,
        what=trial.row.what,
        expected=str(trial.case.expect)[:300],
        seen=str(seen),
        problems=tuple(wrong),
        unmet=trial.row.unless.get(strategy),
    )


async def play(trial: Trial, subject: Subject, board: Switchboard, base: str) -> Seen:
    """Makes the call and says what the host saw of it."""
    name = (subject.embedding_model or subject.model) if trial.way == "embed" else subject.model
    options: dict[str, Any] = {
        "credentials": Credentials(api_key=KEY, api_base=base),
        "timeout": trial.case.timeout,
        **trial.case.params,
    }
    started = perf_counter()
    try:
        answer, text = await _answered(board, trial.way, name, options)
    except Exception as error:  # whatever it is, it is judged
        return Seen(error=error, seconds=perf_counter() - started, shown=shown_of(error))
    return Seen(answer=answer, text=text, seconds=perf_counter() - started)


async def _answered(board: Switchboard, way: Way, name: str, options: dict[str, Any]) -> tuple[Reply | Embeddings, str]:
    """An answer and its text; of a stream, the text of its chunks."""
    if way == "embed":
        vectors = await board.embed(name, ["a", "b"], **options)
        return vectors, str(vectors.vectors)
    if way == "whole":
        reply = await board.complete(name, MESSAGES, **options)
        return reply, reply.text
    pieces: list[str] = []
    async with board.stream(name, MESSAGES, **options) as chunks:
        async for chunk in chunks:
            pieces.append(chunk.text)
    return chunks.reply, "".join(pieces)
