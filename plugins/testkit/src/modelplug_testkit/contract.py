"""What every plugin keeps, whatever its upstream does: the hook contract, credentials, cancellation, event loops."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from time import perf_counter

from attrs import frozen
from modelplug import Call, Chunks, Credentials, Model, ModelplugError, RateLimited, Switchboard, UnknownModel
from modelplug.testing import FakePlugin, FakeStrategy, Listener, chunks_of

from modelplug_testkit.run import MESSAGES, Verdict
from modelplug_testkit.seen import shown_of
from modelplug_testkit.subject import KEY, Subject
from modelplug_testkit.upstream import Hold, Received, Script, Upstream
from modelplug_testkit.wire import DONE, FINISH, HELLO, STREAM_HEAD, USAGE, answer, completion, part, stream

Problems = list[str]
SOON = 1.0
"""Seconds within which a socket is closed."""


@frozen(kw_only=True)
class Point:
    """One point of the contract. `check` answers what is wrong.

    `claim` is what a plugin must claim to need it; "a model" is claimed by each that brings one.
    """

    id: str
    what: str
    check: Callable[[Subject], Awaitable[Problems]]
    claim: str | None = None


async def check(subject: Subject, points: Iterable[Point] | None = None) -> dict[str, Verdict]:
    """The verdict on each point, by its id."""
    found: dict[str, Verdict] = {}
    for point in POINTS if points is None else points:
        if wanted(point, subject):
            try:
                wrong = await asyncio.wait_for(point.check(subject), 30)
            except Exception as error:  # the border to foreign code: it is what the point finds
                wrong = [f"{type(error).__name__}: {error}"[:300]]
            found[point.id] = Verdict(
                id=point.id,
                what=point.what,
                expected="it holds",
                seen="; ".join(wrong) or "it holds",
                problems=tuple(wrong),
            )
    return found


def wanted(point: Point, subject: Subject) -> bool:
    """Whether a plugin must keep this point."""
    return point.claim is None or point.claim in subject.claims or (point.claim == "a model" and bool(subject.model))


def well(received: Received) -> Script:
    """A well-behaved answer in the way that was asked for."""
    if received.json.get("stream"):
        return stream(HELLO, FINISH, USAGE, DONE)
    return [answer(completion("hello"))]


def held(received: Received) -> Script:
    """The beginning of an answer, and then silence."""
    return [STREAM_HEAD, part(HELLO), Hold] if received.json.get("stream") else [Hold]


LOAD = """
import sys
seen = []
noisy = ("socket.connect", "socket.getaddrinfo", "socket.bind", "_thread.start", "subprocess.Popen", "os.fork")
sys.addaudithook(lambda event, arguments: seen.append(event) if event.startswith(noisy) else None)
from modelplug import Settings, Switchboard
{load}
heavy = {{"litellm", "openai", "httpx", "aiohttp", "requests", "niquests", "pydantic"}} & set(sys.modules)
said = [f"the plugin {{p.name}} was not loaded: {{p.reason}}" for p in board.plugins if p.state == "failed"]
said += [f"loading does {{event}}" for event in sorted(set(seen))] + [f"loading imports {{name}}" for name in heavy]
print("\\n".join(said))
"""


async def loads_quietly(subject: Subject) -> Problems:
    """In a process of its own."""
    if subject.plugins:
        lines = ["board = Switchboard(settings=Settings(environment={}))"]
        for plugin in subject.plugins:
            kind = plugin if isinstance(plugin, type) else type(plugin)
            lines.append(f"from {kind.__module__} import {kind.__qualname__} as plugin; board.add(plugin)")
    else:
        lines = ["board = Switchboard.load(settings=Settings(environment={}))"]
    run = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        LOAD.format(load="\n".join(lines)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await run.communicate()
    return [*out.decode().split("\n"), *err.decode().strip().split("\n")[-1:]] if out.strip() or err.strip() else []


async def models_are_valid(subject: Subject) -> Problems:
    """All models of the provider under test."""
    board = subject.board()
    own = _own(board, subject)
    wrong = [f"the name {name!r} is shared by {', '.join(owners)}" for name, owners in board.catalog.clashes.items()]
    for model in own:
        wrong += [f"{model.id} has no provider"] if not model.provider else []
        wrong += [f"{model.id} has unknown capabilities" for word in model.capabilities if not word.isidentifier()]
        wrong += [f"the alias {a!r} is not {model.id}" for a in model.aliases if board.resolve(a) is not model]
        wire, _ = board.route(model)
        wrong += [f"the wire name of {model.id} is {wire!r}"] if not wire or wire != wire.strip() else []
    await board.aclose()
    return wrong


async def hooks_are_quick(subject: Subject) -> Problems:
    """Asking for all models again, and for the strategy of each."""
    board = subject.board()
    started = perf_counter()
    board.refresh()
    for model in _own(board, subject):
        board.route(model)
    seconds = perf_counter() - started
    await board.aclose()
    return [f"asking the hooks took {seconds:.1f} s"] if seconds > 2 else []


async def names_reach_the_wire(subject: Subject) -> Problems:
    """By id and by each alias the same request; key and base are the settings', whatever the environment says."""
    wrong: Problems = []
    async with Upstream(plays=[well]) as server, Upstream(plays=[well]) as decoy:
        board = subject.board(base=server.base)
        model = board.resolve(subject.model)
        wire, _ = board.route(model)
        with _environment(_bait(model.provider, decoy.base)):
            for name in (model.id, *model.aliases):
                await board.complete(name, MESSAGES)
                sent = server.received[-1]
                if sent.json.get("model") != wire:
                    wrong.append(f"{name!r} sends {sent.json.get('model')!r}, not {wire!r}")
                if KEY not in sent.headers.get("authorization", "") + sent.headers.get("x-api-key", ""):
                    wrong.append(f"{name!r} is not sent with the key of the settings")
        if decoy.received or decoy.connections:
            wrong.append("a base in the environment got a request")
        await board.aclose()
    return wrong


async def secrets_are_kept(subject: Subject) -> Problems:
    """An upstream that repeats all it is sent; every logger listened to at DEBUG."""

    def echo(received: Received) -> Script:
        said = f"bad {received.headers} at http://{received.headers.get('host')}{received.path}"
        return [answer({"error": {"message": said, "code": KEY}}, status=500, headers=[("x-request-id", KEY)])]

    texts: list[str] = []
    async with Upstream(plays=[echo]) as server:
        board, listener = subject.listened(base=server.base)
        with _ears(texts):
            for streamed in (False, True):
                if streamed and "stream" not in subject.claims:
                    continue
                try:
                    await _text(board, subject.model, streamed)
                except ModelplugError as error:
                    texts.append(shown_of(error))
        texts += [repr(call) for call in listener.finished] + [repr(request) for request in listener.started]
        await board.aclose()
        texts.append(repr(board.plugins))
        return [f"the key is shown: ...{_around(text, KEY)}..." for text in texts if KEY in text][:3]


async def cancelling_closes(subject: Subject) -> Problems:
    """A call cancelled while it waits, and within a stream."""
    wrong: Problems = []
    for streamed in (False, True):
        if streamed and "stream" not in subject.claims:
            continue
        async with Upstream(plays=[held]) as server:
            board, listener = subject.listened(base=server.base, tries=3)
            call = asyncio.ensure_future(_text(board, subject.model, streamed))
            await _requested(server)
            call.cancel()
            with suppress(asyncio.CancelledError):
                await call
            if not call.cancelled():
                wrong.append("the cancellation did not come through")
            wrong += await _ended(server, board, listener, "cancelled")
    return wrong


async def leaving_closes(subject: Subject) -> Problems:
    """A stream left after its first chunk."""
    async with Upstream(plays=[held]) as server:
        board, listener = subject.listened(base=server.base, tries=3)
        async with board.stream(subject.model, MESSAGES) as chunks:
            async for _ in chunks:
                break
        return await _ended(server, board, listener, "abandoned")


async def loops_one_after_another(subject: Subject) -> Problems:
    """Three times asyncio.run with one board, in a thread of their own."""
    board = subject.board()

    async def once() -> str:
        async with Upstream(plays=[well]) as server:
            credentials = Credentials(api_key=KEY, api_base=server.base)
            reply = await board.complete(subject.model, MESSAGES, credentials=credentials)
            return reply.text

    def thrice() -> list[str]:
        return [asyncio.run(once()) for _ in range(3)]

    said = await asyncio.to_thread(thrice)
    await board.aclose()
    return [] if said == ["hello"] * 3 else [f"they answered {said}"]


async def tenants_never_mix(subject: Subject) -> Problems:
    """50 calls of two tenants at once, one of whom changes its key on the way."""
    async with Upstream(plays=[_whose]) as server:
        board = subject.board()

        async def one(number: int) -> bool:
            key = f"sk-tenant-{'even' if number % 2 == 0 else f'odd-{number // 20}'}"
            credentials = Credentials(api_key=key, api_base=server.base)
            if number % 3 == 0 and "stream" in subject.claims:
                async with board.stream(subject.model, MESSAGES, credentials=credentials) as chunks:
                    return "".join([chunk.text async for chunk in chunks]) == key
            return (await board.complete(subject.model, MESSAGES, credentials=credentials)).text == key

        mixed = (await asyncio.gather(*(one(number) for number in range(50)))).count(False)
        await board.aclose()
    return [f"{mixed} of 50 calls were answered for another key"] if mixed else []


async def names_are_checked(subject: Subject) -> Problems:
    """F-59: what is no model's name never reaches a URL."""
    wrong: Problems = []
    async with Upstream(plays=[well]) as server:
        board, listener = subject.listened(base=server.base)
        names = ["../../admin/keys", "a\r\nx-evil: 1", "\0", "x" * 10_000, ""]
        for name in names:
            try:
                await board.complete(name, MESSAGES)
                wrong.append(f"{name[:20]!r} was called")
            except UnknownModel:
                pass
        if server.received:
            wrong.append("a request was sent")
        if len(listener.finished) != len(names):
            wrong.append(f"{len(listener.finished)} records of {len(names)} calls")
        await board.aclose()
    return wrong


async def listens(subject: Subject) -> Problems:
    """Tells it of calls that end in each way. What it raises is in the log, under its name."""
    strategy = FakeStrategy()
    fake = Model(id="the-kit/one", provider="the-kit", requires=())
    board = subject.board()
    board.add(FakePlugin(fake, strategy=strategy), name="the-kit-provides")
    texts: list[str] = []
    with _ears(texts, "modelplug", logging.WARNING):
        await board.complete(fake.id, MESSAGES)
        await board.embed(fake.id, ["a", "b"])
        async with board.stream(fake.id, MESSAGES) as chunks:
            async for _ in chunks:
                break
        strategy.chunks = chunks_of(finish_reason=None)
        for error in (None, RateLimited("slow down", status=429, retry_after=9), asyncio.CancelledError()):
            strategy.error = error
            with suppress(ModelplugError, asyncio.CancelledError):
                async with board.stream(fake.id, MESSAGES) as chunks:
                    async for _ in chunks:
                        pass
        started = perf_counter()
        await asyncio.to_thread(board.flush)
    seconds = perf_counter() - started
    await board.aclose()
    return [*texts, *([f"listeners were busy for {seconds:.1f} s after six calls"] if seconds > 2 else [])]


POINTS = (
    Point(id="quiet", what="loads without network, thread or heavy import", check=loads_quietly),
    Point(id="models", what="its models are valid: ids, aliases, wire names", check=models_are_valid,
          claim="a model"),
    Point(id="quick", what="its hooks are quick", check=hooks_are_quick, claim="a model"),
    Point(id="listens", what="what it is told of any call, it takes, and soon", check=listens),
    Point(id="names", what="id and aliases send one request, with key and base of the settings alone",
          check=names_reach_the_wire, claim="chat"),
    Point(id="secrets", what="the key is in no error, record or log line", check=secrets_are_kept, claim="chat"),
    Point(id="F-43", what="cancelling closes the socket within a second", check=cancelling_closes, claim="chat"),
    Point(id="F-44", what="leaving a stream closes the socket within a second", check=leaving_closes, claim="stream"),
    Point(id="F-47", what="several event loops, one after another", check=loops_one_after_another, claim="chat"),
    Point(id="tenants", what="50 calls of two tenants do not mix", check=tenants_never_mix, claim="chat"),
    Point(id="F-59", what="names that are none reach no URL", check=names_are_checked, claim="a model"),
)  # fmt: skip


def _own(board: Switchboard, subject: Subject) -> list[Model]:
    provider = board.resolve(subject.model).provider
    return [model for model in board.models if model.provider == provider]


def _whose(received: Received) -> Script:
    """Answers with the key that it was sent."""
    key = received.headers.get("authorization", "").removeprefix("Bearer ")
    if received.json.get("stream"):
        return stream(HELLO.split(b"\n\n")[0].replace(b'"hel"', f'"{key}"'.encode()) + b"\n\n", FINISH, DONE)
    return [answer(completion(key))]


@contextmanager
def _environment(variables: Mapping[str, str]) -> Generator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _bait(provider: str, base: str) -> dict[str, str]:
    """Keys and bases of the environment, which nothing may take."""
    owners = {"OPENAI", "LITELLM", provider.upper().replace("-", "_")}
    return {f"{owner}_API_KEY": "sk-bait" for owner in owners} | {
        f"{owner}_{name}": base for owner in owners for name in ("API_BASE", "BASE_URL")
    }


@contextmanager
def _ears(texts: list[str], name: str = "", level: int = logging.DEBUG) -> Generator[None]:
    """Listens to every logger, or to one with all below it."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(f"{record.getMessage()} {record.args!r}")

    ear = Ear(level)
    loggers = [logging.getLogger(name)]
    if not name:
        loggers += map(logging.getLogger, list(logging.Logger.manager.loggerDict))
    before = [(logger, logger.level, logger.handlers) for logger in loggers]
    for logger in loggers:
        logger.setLevel(level)
        logger.handlers = [ear]  # alone: others would print it all
    try:
        yield
    finally:
        for logger, earlier, handlers in before:
            logger.setLevel(earlier)
            logger.handlers = handlers


async def _text(board: Switchboard, name: str, streamed: bool) -> str:
    if not streamed:
        return (await board.complete(name, MESSAGES)).text
    chunks: Chunks
    async with board.stream(name, MESSAGES) as chunks:
        return "".join([chunk.text async for chunk in chunks])


async def _requested(server: Upstream) -> None:
    async with asyncio.timeout(15):
        while not server.received:  # noqa: ASYNC110  # what arrives over a socket sets no event of ours
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)


async def _ended(server: Upstream, board: Switchboard, listener: Listener, outcome: str) -> Problems:
    wrong: Problems = []
    try:
        await asyncio.wait_for(server.closed.wait(), SOON)
    except TimeoutError:
        wrong.append(f"the socket was still open {SOON:.0f} s after the call was {outcome}")
    await asyncio.to_thread(board.flush)
    calls: list[Call] = listener.finished
    if [call.outcome for call in calls] != [outcome]:
        wrong.append(f"the records say {[call.outcome for call in calls]}, not {[outcome]}")
    if len(server.received) != 1:
        wrong.append(f"{len(server.received)} requests were sent")
    await board.aclose()
    return wrong


def _around(text: str, secret: str) -> str:
    place = text.find(secret)
    return text[max(0, place - 40) : place]
