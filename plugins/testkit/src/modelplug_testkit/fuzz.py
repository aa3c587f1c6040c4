"""A fuzzer: whatever bytes an upstream sends, there is no false success, no hang, no leak, no untyped error.

`python -m modelplug_testkit.fuzz --inputs 100000` prints what it found, one line each. The readers get most of the
inputs, for volume; every tenth goes over a socket, through the strategy http. Needs the plugin http.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field
from modelplug import CallFailed, Credentials, Hooks, Model, Settings, Switchboard, hookimpl
from modelplug.reading import Assembly, ChunkReader, read_reply

from modelplug_testkit.rows import ROWS
from modelplug_testkit.run import MESSAGES
from modelplug_testkit.seen import shown_of
from modelplug_testkit.subject import KEY
from modelplug_testkit.upstream import Close, Received, Script, Upstream
from modelplug_testkit.wire import DONE, FINISH, HELLO, LAST, STREAM_HEAD, USAGE, completion, part

BY_SOCKET = 10
"""Every so many inputs goes over a socket."""
AT_ONCE = 20
LONGEST = 3.0
"""Seconds that one input may take."""

_WORDS = (
    b"\n", b"\r", b"\r\n", b"\n\n", b"data: ", b"data:", b"event: error\n", b": x\n\n", b"retry: 1\n\n", b"[DONE]",
    b"null", b"true", b"NaN", b"1e999", b"-1", b'""', b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\u0000", b"\\ud800",
    b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\x00", b'{"error":"x"}', b'{"error":{"code":429}}', b'"choices":[]',
    b'"choices":null', b'"delta":null', b'"message":{}', b'"finish_reason":null', b'"finish_reason":"error"',
    b'"finish_reason":"length"', b'"tool_calls":[{}]', b'"index":-1', b'"content":[1]', b"<html>", b"0" * 50,
    KEY.encode(),
)  # fmt: skip


class FuzzedModel(Hooks):
    """One model."""

    @hookimpl
    def provide_models(self, settings: Settings) -> list[Model]:
        """The model that is called."""
        return [Model(id="fuzz/m", provider="fuzz")]


@define(kw_only=True)
class Findings:
    """What became of the inputs: how many ended how, and those that should not have ended so."""

    ends: Counter[str] = field(factory=Counter)
    wrong: list[str] = field(factory=list)

    def note(self, body: bytes, end: str, problem: str | None) -> None:
        """One input, its end, and what is wrong with it."""
        self.ends[end] += 1
        if problem is not None:
            self.wrong.append(f"{problem}: {body[:300]!r}")


def seeds() -> list[bytes]:
    """Good bodies, and the bodies of the rows that are plain bytes."""
    found = [HELLO + FINISH + USAGE + DONE, json.dumps(completion("hello")).encode()]
    for row in ROWS:
        for case in row.cases:
            for play in case.plays:
                if isinstance(play, bytes) and len(play) < 3_000 and not case.alone:
                    found.append(play.partition(b"\r\n\r\n")[2])
                elif isinstance(play, list):
                    body = b"".join(_payload(step) for step in play if isinstance(step, bytes))
                    if len(body) < 3_000:
                        found.append(body)
    return [body for body in found if body]


def _payload(step: bytes) -> bytes:
    """What a part of a chunked body holds; nothing of a head."""
    size, _, rest = step.partition(b"\r\n")
    return rest.removesuffix(b"\r\n") if rest and not step.startswith(b"HTTP") and len(size) < 7 else b""


def inputs(count: int, seed: int) -> Iterator[bytes]:
    """So many bodies: random bytes, or good ones damaged in some places. The same seed gives the same."""
    dice = random.Random(seed)  # noqa: S311  # no secret depends on it
    good = seeds()
    for _ in range(count):
        yield dice.randbytes(dice.randrange(200)) if dice.random() < 0.05 else damaged(dice, good)


def damaged(dice: random.Random, good: list[bytes]) -> bytes:
    """A good body with pieces taken out, doubled, moved, cut, or replaced."""
    body = dice.choice(good)
    for _ in range(dice.randrange(5)):
        start = dice.randrange(len(body) + 1)
        end = min(len(body), start + dice.choice((0, 1, 2, 8, 50, 1_000)))
        piece = body[start:end]
        body = dice.choice(
            (
                body[:start] + dice.choice(_WORDS) + body[end:],
                body[:start] + dice.randbytes(dice.randrange(9)) + body[end:],
                body[:start] + piece + piece + body[end:],
                body[:start] + body[end:],
                body[:start],
                body[end:] + piece,
                body + dice.choice(good),
            )
        )
    return body[:20_000]


def may_succeed(body: bytes, streamed: bool) -> bool:
    """Whether a success may be made of these bytes: with a finish reason, or a whole answer with something in it."""
    if b"finish" in body:
        return True
    whole = not streamed or body.lstrip().startswith((b"{", b"["))
    return whole and any(word in body for word in (b"content", b"text", b"tool", b"function", b"reasoning", b"refusal"))


def judged(body: bytes, streamed: bool, error: BaseException | None, text: str) -> tuple[str, str | None]:
    """How it ended, and what is wrong with that."""
    if error is None:
        return "answered", None if may_succeed(body, streamed) else f"a success without a reason for it ({text[:40]!r})"
    if not isinstance(error, CallFailed):
        return type(error).__name__, f"an untyped error, {type(error).__name__}: {error}"
    name = f"{type(error).__name__} ({error.kind})"
    if KEY.encode() not in body and KEY in shown_of(error):
        return name, "the key is shown"
    return name, "a message without end" if len(str(error)) > 2_100 else None


def read_directly(body: bytes, streamed: bool, findings: Findings) -> None:
    """Through the readers alone, as strategies use them."""
    error, text, started = None, "", time.perf_counter()
    try:
        values = list(_values(body))
        if len(values) == 1 and not streamed:
            text = read_reply(values[0]).text
        else:
            reader, assembly = ChunkReader(), Assembly()
            for value in values:
                chunk = reader.read(value)
                if chunk is not None:
                    assembly.add(chunk)
            reader.end()
            text = assembly.reply().text
    except Exception as raised:  # whatever it is, it is judged
        error = raised
    end, problem = judged(body, streamed, error, text)
    if time.perf_counter() - started > 1:
        problem = problem or "reading took more than a second"
    findings.note(body, end, problem)


def _values(body: bytes) -> Iterator[Any]:
    """The JSON texts in a body, NaN and all; what is none is left out."""
    for line in [body] if body.lstrip().startswith((b"{", b"[")) else body.splitlines():
        try:
            value = json.loads(line.removeprefix(b"data:"))
        except (ValueError, RecursionError):
            continue
        yield value


async def over_a_socket(bodies: list[bytes], seed: int, findings: Findings) -> None:
    """Through a board and the strategy http, from an upstream that sends them whole, cut, or in place of HTTP."""
    dice = random.Random(seed)  # noqa: S311  # as above
    table = {"strategy": "http", "first_byte_timeout": 1, "idle_timeout": 0.5, "grace": 0.02}
    settings = Settings(argument={"providers": {"fuzz": table}}, environment={})
    board = Switchboard.load(only={"http"}, settings=settings)
    board.add(FuzzedModel)
    places = asyncio.Semaphore(AT_ONCE)
    waiting: dict[str, Script] = {}

    def play(received: Received) -> Script:
        return waiting.pop(received.path.split("/")[1])

    async def one(number: int, body: bytes, server: Upstream) -> None:
        streamed, ending = dice.random() < 0.5, dice.random()
        raw = ending < 0.1
        waiting[str(number)] = [body, Close] if raw else [STREAM_HEAD, part(body) if body else b"", LAST]
        if 0.1 <= ending < 0.3:
            waiting[str(number)] = [STREAM_HEAD + (part(body) if body else b""), Close]
        base = f"http://127.0.0.1:{server.port}/{number}/v1"
        options: dict[str, Any] = {"credentials": Credentials(api_key=KEY, api_base=base), "timeout": 2.0}
        error, text, started = None, "", time.perf_counter()
        async with places:
            started = time.perf_counter()
            try:
                if streamed:
                    async with board.stream("fuzz/m", MESSAGES, **options) as chunks:
                        text = "".join([chunk.text async for chunk in chunks])
                else:
                    text = (await board.complete("fuzz/m", MESSAGES, **options)).text
            except Exception as raised:  # whatever it is, it is judged
                error = raised
        end, problem = judged(body, streamed, error, text)
        if time.perf_counter() - started > LONGEST:
            problem = problem or f"it took more than {LONGEST:.0f} s"
        findings.note(body, f"socket: {end}", problem)

    async with Upstream(plays=[play]) as server:
        await asyncio.gather(*(one(number, body, server) for number, body in enumerate(bodies)))
        await board.aclose()
        await asyncio.sleep(0.2)
        if server.open:
            findings.wrong.append(f"{server.open} sockets are still open")


def fuzz(count: int, seed: int, say: Callable[[str], object] = lambda _: None) -> Findings:
    """Fuzz with so many inputs, a thousand at a time."""
    findings = Findings()
    bodies = list(inputs(count, seed))
    for start in range(0, count, 10_000):
        batch = bodies[start : start + 10_000]
        for number, body in enumerate(batch):
            if number % BY_SOCKET:
                read_directly(body, bool(number % 2), findings)
        asyncio.run(over_a_socket(batch[::BY_SOCKET], seed + start, findings))
        say(f"{start + len(batch)} inputs, {len(findings.wrong)} findings")
    return findings


def main() -> int:
    """The command; status 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    started = time.perf_counter()
    findings = fuzz(given.inputs, given.seed, lambda line: print(line, file=sys.stderr))  # noqa: T201  # a program
    lines = [f"{number:8} {end}" for end, number in findings.ends.most_common()]
    lines += [f"seed {given.seed}, {given.inputs} inputs, {time.perf_counter() - started:.0f} s"]
    lines += [*findings.wrong[:50], f"{len(findings.wrong)} findings"]
    print("\n".join(lines))  # noqa: T201
    return 1 if findings.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
