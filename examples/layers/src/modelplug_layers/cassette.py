"""Cassette: calls are recorded into a JSON file, and replayed from it without a network.

    MODELPLUG_CASSETTE_PATH=tests/cassettes/greeting.json   # asleep while it is not set
    MODELPLUG_CASSETTE_MODE=record                          # or replay, which it is unless set

Or `settings={"cassette": {"path": ..., "mode": "record"}}`. What is asked again is recorded
anew, the rest of the file stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from attrs import asdict
from modelplug import (
    CallFailed,
    Chunk,
    ConfigError,
    Embeddings,
    Hooks,
    Layer,
    Model,
    Reply,
    Request,
    Settings,
    Strategy,
    errors,
    hookimpl,
)
from modelplug.calls import Failure

__all__ = ["Cassette", "Cassettes", "NotRecorded"]

A = TypeVar("A", Reply, Embeddings)
Entry = dict[str, Any]

_SHOWN = 80

MASK = "[redacted]"
"""What stands in place of a secret."""


class NotRecorded(ConfigError):
    """The cassette has no answer for this request. It is no CallFailed: nothing tries again, or another model."""


class Cassettes(Hooks):
    """Puts a cassette round every strategy, where the settings name one. Models share it."""

    def __init__(self) -> None:
        self._cassettes: dict[tuple[str, str], Cassette] = {}

    @hookimpl(wrapper=True)
    def select_strategy(self, model: Model, settings: Settings) -> Generator[None, Strategy | None, Strategy | None]:
        """The selected strategy with a cassette in front: `retry` is behind it, and what it gave up on is recorded."""
        inner = yield
        table = settings.table("cassette")
        path, mode = table.get("path"), str(table.get("mode", "replay"))
        if inner is None or path is None:
            return inner
        if mode not in ("record", "replay"):
            raise ConfigError("cassette, mode", "is neither record nor replay", "Write one of them, or nothing.")
        key = (str(path), mode)
        if key not in self._cassettes:
            self._cassettes[key] = Cassette(Path(str(path)), new=mode == "record")
        return (Recording if mode == "record" else Replaying)(inner, self._cassettes[key])


class Cassette:
    """The calls in a file, sorted by what was asked. A `new` one need not be there yet.

    Raises ConfigError for a file that is none. Equal requests are answered in the order in which they were recorded.
    """

    def __init__(self, path: Path, *, new: bool = False) -> None:
        self.path = path
        self.entries = [] if new and not path.exists() else _read(path)
        self._left = list(self.entries)
        self._renewed: list[Entry] = []

    def record(self, request: Request, **answer: Any) -> None:
        """Write one call to the file, without the secrets and the address of its credentials.

        The first of its kind takes the place of those that were recorded earlier. The file is read again: each test
        may have a board, and with it a cassette, of its own.
        """
        asked, scrubbed = _asked(request), _scrubbed(answer, request)
        if _said(scrubbed) != request.credentials.masked(_said(scrubbed)):
            raise ConfigError(self.path.name, "would hold a secret in pieces", "Ask for something else.")
        entries = _read(self.path) if self.path.exists() else []
        if asked not in self._renewed:
            self._renewed.append(asked)
            entries = [entry for entry in entries if _differing(entry, asked)]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f"{self.path.name}.new")
        beside.write_text(_written(sorted([*entries, {**asked, **scrubbed}], key=_sorted_by)), "utf-8")
        beside.replace(self.path)

    def take(self, request: Request) -> Entry:
        """The answer to this request, which is not given again. Raises NotRecorded."""
        asked = _asked(request)
        for place, entry in enumerate(self._left):
            if not _differing(entry, asked):
                return self._left.pop(place)
        raise NotRecorded(
            self.path.name,
            f"has no answer for {_named(asked)}: {self._why(asked)}",
            "Record it again with MODELPLUG_CASSETTE_MODE=record, or mend the request.",
        )

    def _why(self, asked: Entry) -> str:
        if had := sum(not _differing(entry, asked) for entry in self.entries):
            return f"the {had} that it had have been given"
        if not self.entries:
            return "it is empty"
        near = min(self.entries, key=lambda entry: len(_differing(entry, asked)))
        return f"the nearest of {len(self.entries)} differs in {', '.join(_differing(near, asked))}"


class Recording(Layer):
    """Writes down what the inner strategy answers, and how it fails. What the host leaves or cancels is not written."""

    def __init__(self, inner: Strategy, cassette: Cassette) -> None:
        super().__init__(inner)
        self.cassette = cassette

    async def complete(self, request: Request) -> Reply:
        return await self._recorded(request, super().complete)

    async def embed(self, request: Request) -> Embeddings:
        return await self._recorded(request, super().embed)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        inner = super().stream(request)
        chunks: list[Any] = []
        try:
            async for chunk in inner:
                chunks.append(json.loads(json.dumps(chunk.data)))  # as it is now: whoever gets it may change it
                yield chunk
        except CallFailed as error:
            self.cassette.record(request, chunks=chunks, error=_failure(error))
            raise
        else:
            self.cassette.record(request, chunks=chunks)
        finally:
            await inner.aclose()

    async def _recorded(self, request: Request, carry: Callable[[Request], Awaitable[A]]) -> A:
        try:
            answer = await carry(request)
        except CallFailed as error:
            self.cassette.record(request, error=_failure(error))
            raise
        self.cassette.record(request, answer=answer.data)
        return answer


class Replaying(Layer):
    """Answers from the cassette; the inner strategy is never asked."""

    def __init__(self, inner: Strategy, cassette: Cassette) -> None:
        super().__init__(inner)
        self.cassette = cassette

    async def complete(self, request: Request) -> Reply:
        return Reply(self._answer(request))

    async def embed(self, request: Request) -> Embeddings:
        return Embeddings(self._answer(request))

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        entry = self.cassette.take(request)
        for chunk in entry.get("chunks", ()):
            yield Chunk(chunk)
        if "error" in entry:
            raise _error(entry["error"])

    def _answer(self, request: Request) -> dict[str, Any]:
        entry = self.cassette.take(request)
        if "error" in entry:
            raise _error(entry["error"])
        answer: dict[str, Any] = json.loads(json.dumps(entry["answer"]))
        return answer


def _asked(request: Request) -> Entry:
    """What tells one request from another. Headers are left out: they may hold anything.

    A word of which any part is masked is masked whole, so that a question reads the same under another key.
    """
    body = _masked(_scrubbed(request.body(), request), _whole_words)
    body.pop("model")
    return {"model": request.model.id, "operation": request.operation, **body}


def _scrubbed(value: Any, request: Request) -> Any:
    """The value as JSON has it, with every text in it masked."""
    return _masked(json.loads(json.dumps(value, default=str)), request.credentials.masked)


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [_masked(item, mask) for item in value]
    if isinstance(value, dict):
        return {mask(name): _masked(item, mask) for name, item in value.items()}
    return value


def _whole_words(text: str) -> str:
    if MASK not in text:
        return text
    return "".join(MASK if MASK in word else word for word in re.split(r"(\s+)", text))


def _said(answer: Mapping[str, Any]) -> str:
    """The text, reasoning and arguments of chunks put together: a secret may come in pieces."""
    deltas = [choice.get("delta") or {} for chunk in answer.get("chunks", ()) for choice in chunk.get("choices") or ()]
    calls = [call.get("function") or {} for delta in deltas for call in delta.get("tool_calls") or ()]
    texts = ("".join(delta.get(name) or "" for delta in deltas) for name in ("content", "reasoning_content"))
    return "\n".join((*texts, "".join(call.get("arguments") or "" for call in calls)))


def _failure(error: CallFailed) -> dict[str, Any]:
    return {name: value for name, value in asdict(Failure.of(error)).items() if value is not None}


def _error(failure: Mapping[str, Any]) -> CallFailed:
    told = dict(failure)
    cls = getattr(errors, str(told.pop("type", "")), CallFailed)
    return (cls if isinstance(cls, type) and issubclass(cls, CallFailed) else CallFailed)(told.pop("message"), **told)


def _named(asked: Entry) -> str:
    what = asked["messages"][-1].get("content") if asked.get("messages") else asked.get("input")
    text = what if isinstance(what, str) else json.dumps(what, ensure_ascii=False)
    how = "stream" if asked.get("stream") else asked["operation"]
    return f"{asked['model']} ({how}) {text[:_SHOWN]!r}"


def _sorted_by(entry: Entry) -> str:
    """So that calls that are under way together make one file, whichever ends first. Equal ones keep their order."""
    return json.dumps(_question(entry), sort_keys=True)


def _question(entry: Entry) -> Entry:
    return {name: value for name, value in entry.items() if name not in ("answer", "chunks", "error")}


def _differing(entry: Entry, asked: Entry) -> list[str]:
    ours = _question(entry)
    return sorted(name for name in ours.keys() | asked.keys() if ours.get(name) != asked.get(name))


def _read(path: Path) -> list[Entry]:
    try:
        entries: list[Entry] = json.loads(path.read_text("utf-8"))["calls"]
        if all(isinstance(entry, dict) for entry in entries):
            return entries
        problem = "is no cassette"
    except FileNotFoundError:
        problem = "is not there"
    except (OSError, ValueError, KeyError, TypeError):
        problem = "is no cassette"
    raise ConfigError(path.name, problem, "Record it with MODELPLUG_CASSETTE_MODE=record.")


def _written(entries: list[Entry]) -> str:
    """JSON for people: a line for each field, and for each message and chunk."""
    calls = (",\n".join(f"    {_json(name)}: {_lines(value)}" for name, value in entry.items()) for entry in entries)
    return '{"calls": [\n' + ",\n".join(f"  {{\n{call}\n  }}" for call in calls) + "\n]}\n"


def _lines(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"      {_json(item)}" for item in value) + "\n    ]"
    return _json(value)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a character: a stream may be cut within one
        return json.dumps(value)
    return text
