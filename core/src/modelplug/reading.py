"""Lenient reading of what OpenAI-compatible servers really send: decoded JSON in, canonical answers or errors out.

Nothing here reads a socket. The numbers CQ-.. are those of the list of quirks in the documentation.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from typing import Any

from modelplug._assembly import Assembly
from modelplug._messages import (
    FINISHED_BY_FAULT,
    body_of,
    finish_word,
    is_empty,
    is_plain,
    judged_by_content,
    parts_of,
    tool_items,
)
from modelplug._tool_calls import ToolCalls
from modelplug._verdict import empty_reply, failure_of_end
from modelplug.answers import NO_USAGE, Chunk, Embeddings, JsonObject, Reply, Usage
from modelplug.errors import BadReply, CallFailed
from modelplug.failures import failure_in_answer, safe_text

_CALLING = frozenset({"tool_calls", "content"})

__all__ = ["Assembly", "ChunkReader", "read_embeddings", "read_reply"]

_UNUSUAL = frozenset({"error", "type", "x_groq"})
_MORE_THAN_DELTA = frozenset({"message", "text", "usage", "error"})
_PLAIN_ENDS = frozenset({"stop", "length", "content_filter"})


class ChunkReader:
    """Reads the events of one stream, each a decoded JSON value, and judges its end."""

    __slots__ = ("_by_message", "_choices", "_pieces", "_said_something", "_usage", "_wanted", "finished")

    def __init__(self, choices: object = 1) -> None:
        """`choices` is how many were asked for, the parameter `n` as it was given."""
        self.finished = False
        """Whether every choice has its finish reason: a stream that ends from here on is not cut."""
        self._wanted = choices if type(choices) is int else 1
        self._choices: dict[int, _Choice] = {}
        self._pieces: list[str] = []
        self._said_something = False
        self._by_message = False
        self._usage: Usage = NO_USAGE

    @property
    def text(self) -> str:
        """The text of the first choice so far."""
        return "".join(self._pieces)

    def read(self, event: Any) -> Chunk | None:
        """The canonical chunk of a decoded event; None for a heartbeat and whatever else carries nothing.

        Raises the kind of CallFailed that an error in the event stands for, with the text so far as `partial`.
        """
        try:  # nearly all events: one piece of text or reasoning, already canonical
            (choice,) = event["choices"]
            if (
                choice["finish_reason"] is None
                and choice["index"] == 0
                and event.get("usage") is None
                and "error" not in event
            ):
                delta = choice["delta"]
                content = delta.get("content")
                if type(content) is str and (len(delta) == 1 or is_plain(delta)):
                    if content:
                        self._pieces.append(content)
                    elif not self._said_something:
                        self._said_something = bool(delta.get("reasoning_content"))
                    return Chunk(event)
                if content is None and delta and is_plain(delta):
                    self._said_something = self._said_something or bool(delta.get("reasoning_content"))
                    return Chunk(event)
                if content is None and self._goes_on_calling(delta):
                    return Chunk(event)
            elif self._ends_plainly(event, choice):
                return Chunk(event)
        except (AttributeError, KeyError, TypeError, ValueError):
            pass
        return self._read_unusual(event)

    def _ends_plainly(self, event: JsonObject, choice: JsonObject) -> bool:
        """Whether this is OpenAI's own end of a choice without tool calls, canonical as it stands; then takes it in."""
        if (
            choice["finish_reason"] not in _PLAIN_ENDS
            or choice["delta"] != {}
            or choice["index"] != 0
            or event["usage"] is not None
            or not _is_canonical(event)
            or not _MORE_THAN_DELTA.isdisjoint(choice)
        ):
            return False
        ending = self._choice(0)
        if ending.calls:
            return False
        ending.finish = choice["finish_reason"]
        self.finished = self._all_finished()
        return True

    def take(self, chunks: Iterable[Chunk]) -> None:
        """Take chunks of a Form, which need no reading, as read."""
        self._pieces += [chunk._said for chunk in chunks if chunk._said]

    def end(self) -> None:
        """Judge the end of the stream.

        Raises StreamCut when a finish reason is missing, EmptyReply when nothing was in it, ContentRefused when a
        filter left nothing of it.
        """
        finishes = [choice.finish for choice in self._choices.values()]
        something = bool(self._pieces) or self._said_something
        failure = failure_of_end(finishes, something=something, usage=self._usage, partial=self.text)
        if failure is not None:
            raise failure

    def _read_unusual(self, event: Any) -> Chunk | None:
        if type(event) is not dict or not event.get("choices") or "error" in event or event.get("object") == "error":
            failure = failure_in_answer(event, streamed=True)
            if failure is not None:
                raise self._so_far(failure)
        if not isinstance(event, dict):
            raise self._so_far(BadReply("an event of the stream is no JSON object"))
        sent = event.get("choices")
        if sent == [] and type(event.get("usage")) is dict and _is_canonical(event):
            self._usage_of(event)
            return Chunk(event)
        choices = [
            self._canonical(choice, position)
            for position, choice in enumerate(sent if isinstance(sent, list) else ())
            if isinstance(choice, dict)
        ]
        usage = self._usage_of(event)
        if not choices and usage is None:
            return None
        return Chunk(_answer(event, "chat.completion.chunk", choices, usage))

    def _goes_on_calling(self, delta: JsonObject) -> bool:
        """Whether a delta is just OpenAI's own next piece of a tool call's arguments, and then takes it in."""
        choice = self._choices.get(0)
        return choice is not None and delta.keys() <= _CALLING and choice.calls.goes_on_plainly(delta["tool_calls"])

    def _canonical(self, sent: JsonObject, position: int) -> JsonObject:
        index = sent.get("index")
        if type(index) is not int or index < 0:
            index = position
        choice = self._choice(index)
        body, whole = body_of(sent)
        delta = parts_of(body)
        calls = choice.calls.canonical(tool_items(body))
        if whole and not self._by_message and (self._pieces or self._said_something):
            # After deltas, a message is the whole said again; only what is new in it counts.
            calls = []
            delta.pop("reasoning_content", None)
            delta["content"] = _new_in(delta.get("content"), self.text) if index == 0 else None
        self._by_message = self._by_message or whole
        content = delta.get("content")
        if content and index == 0:
            self._pieces.append(content)
        finish = sent.get("finish_reason")
        if isinstance(finish, str) and finish.strip().lower() in FINISHED_BY_FAULT:
            raise self._so_far(_fault(sent))
        word = judged_by_content(finish_word(finish), bool(choice.calls))
        if word is not None:
            choice.finish = word
            self.finished = self._all_finished()
            if word != "length":
                calls = calls + choice.calls.completed()
        if calls:
            delta["tool_calls"] = calls
        if not is_empty(delta):
            self._said_something = True
        return _choice(sent, index, "delta", delta, word)

    def _choice(self, index: int) -> _Choice:
        if index and self._pieces:
            self._choices.setdefault(0, _Choice())  # which was read the short way
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        return choice

    def _all_finished(self) -> bool:
        return len(self._choices) >= self._wanted and all(choice.finish for choice in self._choices.values())

    def _usage_of(self, event: JsonObject) -> Any:
        usage = _usage_in(event)
        if usage is not None:
            read = Usage.read(usage)
            if read.source != "absent" or self._usage.source == "absent":
                self._usage = read
        return usage

    def _so_far(self, failure: CallFailed) -> CallFailed:
        failure.partial = self.text or None
        if self._usage.source == "reported":
            failure.usage = self._usage
        return failure


def _is_canonical(event: JsonObject) -> bool:
    """Whether all of an event but its choices and usage is as OpenAI writes it."""
    name, model = event.get("id"), event.get("model")
    return (
        event.get("object") == "chat.completion.chunk"
        and type(name) is str
        and name != ""
        and type(model) is str
        and model != ""
        and _UNUSUAL.isdisjoint(event)
    )


class _Choice:
    """What the reader remembers of one choice of a stream."""

    __slots__ = ("calls", "finish")

    def __init__(self) -> None:
        self.calls = ToolCalls()
        self.finish: str | None = None


def read_reply(answer: Any) -> Reply:
    """The Reply of a decoded answer.

    Raises the kind of CallFailed that an error in it stands for, EmptyReply, ContentRefused, or BadReply.
    """
    if _is_plain_answer(answer):
        return Reply(answer)
    failure = failure_in_answer(answer)
    if failure is not None:
        raise failure
    if not isinstance(answer, dict):
        raise _no_answer(answer)
    sent = answer.get("choices")
    usage = _usage_in(answer)
    choices = [
        _whole_choice(choice, position)
        for position, choice in enumerate(sent if isinstance(sent, list) else ())
        if isinstance(choice, dict)
    ]
    reply = Reply(_answer(answer, "chat.completion", choices, usage))
    something = any(not is_empty(choice["message"]) for choice in choices)
    # The end of an answer that is no stream is told by its length; a finish reason is not needed for that.
    failure = failure_of_end(
        [choice["finish_reason"] or "stop" for choice in choices], something=something, usage=reply.usage
    )
    if failure is not None:
        raise failure
    return reply


def _is_plain_answer(answer: Any) -> bool:
    """Whether it is nearly any answer of text, already canonical. Where it is, it is not looked at further."""
    try:
        (choice,) = answer["choices"]
        message = choice["message"]
        return (
            type(message["content"]) is str
            and message["content"] != ""
            and choice["finish_reason"] in _PLAIN_ENDS
            and choice["index"] == 0
            and is_plain(message)
            and message["role"] == "assistant"
            and answer["object"] == "chat.completion"
            and type(answer["id"]) is str
            and type(answer["model"]) is str
            and type(answer["usage"]) is dict
            and bool(answer["usage"])
            and "error" not in answer
        )
    except (KeyError, TypeError, ValueError):
        return False


def read_embeddings(answer: Any, *, asked: Any = None) -> Embeddings:
    """The Embeddings of a decoded answer, in the order of the inputs. Raises kinds of CallFailed.

    `asked` is the input of the request: where it is a list of inputs, there is to be a vector for each.
    """
    failure = failure_in_answer(answer, something=("data",))
    if failure is not None:
        raise failure
    if not isinstance(answer, dict):
        raise _no_answer(answer)
    items = answer.get("data")
    if not isinstance(items, list) or not items:
        raise empty_reply("the answer holds no embeddings", Usage.read(answer.get("usage")))
    items = [{**item, "embedding": _vector(item.get("embedding"))} for item in items if isinstance(item, dict)]
    if len(items) < len(answer["data"]) or any(item["embedding"] is None for item in items):
        raise BadReply("an embedding in the answer is no list of numbers", kind="protocol")
    if isinstance(asked, (list, tuple)) and asked and not isinstance(asked[0], int) and len(items) != len(asked):
        raise BadReply(f"the answer holds {len(items)} embeddings for {len(asked)} inputs", kind="protocol")
    indexes = [item.get("index") for item in items]
    if sorted(index for index in indexes if type(index) is int) == list(range(len(items))):
        items = sorted(items, key=lambda item: int(item["index"]))
    return Embeddings({**answer, "object": "list", "data": items})


def _whole_choice(sent: JsonObject, position: int) -> JsonObject:
    """One choice of a whole answer, canonical. Raises the error that its finish reason reports."""
    finish = sent.get("finish_reason")
    if isinstance(finish, str) and finish.strip().lower() in FINISHED_BY_FAULT:
        raise _fault(sent)
    body, _ = body_of(sent, message_first=True)
    message = {"role": "assistant", "content": None, **parts_of(body)}
    calls = ToolCalls()
    items = calls.whole(tool_items(body))
    word = judged_by_content(finish_word(finish), bool(items))
    if word != "length":
        for missing in calls.completed():
            items[missing["index"]]["function"]["arguments"] = "{}"
    if items:
        message["tool_calls"] = [{name: value for name, value in item.items() if name != "index"} for item in items]
    return _choice(sent, position, "message", message, word)


def _choice(sent: JsonObject, index: int, body_name: str, body: JsonObject, finish: str | None) -> JsonObject:
    """A canonical choice; the provider's own finish reason stays beside ours where they differ."""
    canonical = {
        name: value for name, value in sent.items() if name not in ("delta", "message", "text", "usage", "error")
    }
    canonical.update({"index": index, body_name: body, "finish_reason": finish})
    if finish is not None and finish != sent.get("finish_reason"):
        canonical.setdefault("native_finish_reason", sent.get("finish_reason"))
    return canonical


def _answer(sent: JsonObject, kind: str, choices: list[JsonObject], usage: Any) -> JsonObject:
    answer = {**sent, "object": kind, "choices": choices, "usage": usage}
    for name in ("id", "model"):
        if not isinstance(answer.get(name), str) or not answer[name]:
            answer[name] = None
    return answer


def _usage_in(answer: JsonObject) -> Any:
    """The usage object, where it is: at the top, in a choice (Moonshot) or in `x_groq` (Groq)."""
    usage = answer.get("usage")
    if isinstance(usage, dict) and usage:
        return usage
    choices = answer.get("choices")
    for place in (*(choices if isinstance(choices, list) else ()), answer.get("x_groq")):
        if isinstance(place, dict) and isinstance(place.get("usage"), dict) and place["usage"]:
            return place["usage"]
    return None


def _new_in(content: Any, said: str) -> Any:
    """What a repeated whole text adds to the text so far; nothing where it is another text."""
    return content[len(said) :] if isinstance(content, str) and content.startswith(said) else None


def _fault(choice: JsonObject) -> CallFailed:
    """The failure that a choice with the finish reason `error` reports (CQ-21)."""
    failure = failure_in_answer({"error": choice.get("error")}, streamed=True, certain=True)
    return failure or BadReply("the provider ended the answer with an error", kind="stream_error")


def _no_answer(answer: object) -> BadReply:
    start = safe_text(answer[:1_000])[:200] if isinstance(answer, str) else ""
    said = f"; it begins: {start}" if start else ""
    return BadReply(f"the answer is no JSON object{said}")


def _vector(sent: object) -> list[float] | None:
    """The numbers of an embedding; text is OpenAI's `encoding_format: base64`, little-endian 32-bit floats."""
    if isinstance(sent, str):
        try:
            packed = base64.b64decode(sent, validate=True)
            return list(struct.unpack(f"<{len(packed) // 4}f", packed)) or None
        except (ValueError, struct.error):
            return None
    if isinstance(sent, list) and sent and all(type(number) in (float, int) for number in sent):
        return sent
    return None
