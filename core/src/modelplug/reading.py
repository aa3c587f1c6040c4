"""Lenient reading of what OpenAI-compatible servers really send: decoded JSON in, canonical answers or errors out.

Nothing here reads a socket. The numbers CQ-.. are those of the list of quirks in the documentation.
"""

from __future__ import annotations

from typing import Any

from modelplug._messages import FINISHED_BY_FAULT, finish_word, is_empty, parts_of, tool_items
from modelplug._tool_calls import ToolCalls
from modelplug.answers import NO_USAGE, Chunk, Embeddings, JsonObject, Reply, Usage
from modelplug.errors import BadReply, CallFailed, ContentRefused, EmptyReply, StreamCut
from modelplug.failures import failure_in_answer, safe_text

_UNUSUAL = frozenset(
    {"reasoning", "thinking", "reasoning_details", "tool_calls", "function_call", "refusal", "audio", "images"}
)
"""Fields of a delta that need more than a look."""


class ChunkReader:
    """Reads the events of one stream, each a decoded JSON value, and judges its end."""

    __slots__ = ("_choices", "_pieces", "_said_something", "_usage", "finished")

    def __init__(self) -> None:
        self.finished = False
        """Whether a finish reason was seen: what ends after this is not cut."""
        self._choices: dict[int, _Choice] = {}
        self._pieces: list[str] = []
        self._said_something = False
        self._usage: Usage = NO_USAGE

    @property
    def text(self) -> str:
        """The text of the first choice so far."""
        return "".join(self._pieces)

    def read(self, event: Any, *, name: str | None = None) -> Chunk | None:
        """The canonical chunk of an event; None for a heartbeat and whatever else carries nothing.

        `name` is the event's name in SSE; one called `error` always raises. Raises kinds of CallFailed for an error
        in the event, with the text so far as `partial`.
        """
        try:  # nearly all events: one piece of text, already canonical
            (choice,) = event["choices"]
            delta = choice["delta"]
            content = delta["content"]
            if (
                choice["finish_reason"] is None
                and choice["index"] == 0
                and type(content) is str
                and (len(delta) == 1 or (_UNUSUAL.isdisjoint(delta) and _is_plain(delta)))
                and event.get("usage") is None
                and "error" not in event
                and name is None
            ):
                if content:
                    self._pieces.append(content)
                elif delta.get("reasoning_content"):
                    self._said_something = True
                return Chunk(event)
        except (AttributeError, KeyError, TypeError, ValueError):
            pass
        return self._read_unusual(event, name)

    def end(self) -> None:
        """Judge the end of the stream.

        Raises StreamCut when no finish reason was seen, EmptyReply when nothing was in it, ContentRefused when a
        filter left nothing of it.
        """
        judge_end(
            finish="stop" if self.finished else None,
            something=bool(self._pieces) or self._said_something,
            finish_reasons={choice.finish for choice in self._choices.values() if choice.finish},
            partial=self.text,
            usage=self._usage,
        )

    def _read_unusual(self, event: Any, name: str | None) -> Chunk | None:
        failure = failure_in_answer(event, streamed=True, certain=name == "error")
        if failure is not None:
            raise self._with_partial(failure)
        if not isinstance(event, dict):
            raise self._with_partial(BadReply("an event of the stream is no JSON object", kind="protocol"))
        sent = event.get("choices")
        choices = [
            self._canonical(choice, position)
            for position, choice in enumerate(sent if isinstance(sent, list) else ())
            if isinstance(choice, dict)
        ]
        usage = self._usage_of(event)
        if not choices and usage is None:
            return None
        data = {**event, "object": "chat.completion.chunk", "choices": choices, "usage": usage}
        if not isinstance(data.get("model"), str) or not data["model"]:
            data["model"] = None
        if not isinstance(data.get("id"), str) or not data["id"]:
            data["id"] = None
        return Chunk(data)

    def _canonical(self, sent: JsonObject, position: int) -> JsonObject:
        index = sent.get("index")
        if not isinstance(index, int) or isinstance(index, bool) or index < 0:
            index = position
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        body, whole = _body_of(sent)
        delta = parts_of(body)
        content = delta.get("content")
        if content and whole and index == 0 and self._pieces:
            said = self.text  # a last frame may repeat the whole message (CQ-67)
            content = delta["content"] = content.removeprefix(said)
        if content and index == 0:
            self._pieces.append(content)
        calls = choice.calls.canonical(tool_items(body))
        finish = sent.get("finish_reason")
        if isinstance(finish, str) and finish.strip().lower() in FINISHED_BY_FAULT:
            raise self._with_partial(_fault(sent))
        word = finish_word(finish)
        if word is not None:
            word = judged_by_content(word, bool(choice.calls))
            choice.finish = word
            self.finished = True
            if word in ("stop", "tool_calls", "other"):
                calls += choice.calls.completed()
        if calls:
            delta["tool_calls"] = calls
        if not is_empty(delta):
            self._said_something = True
        canonical = {name: value for name, value in sent.items() if name not in ("message", "text", "usage")}
        canonical.update(index=index, delta=delta, finish_reason=word)
        if word is not None and word != finish:
            canonical.setdefault("native_finish_reason", finish)
        return canonical

    def _usage_of(self, event: JsonObject) -> Any:
        usage = usage_in(event)
        if usage is not None:
            read = Usage.read(usage)
            if read.source != "absent" or self._usage.source == "absent":
                self._usage = read
        return usage

    def _with_partial(self, failure: CallFailed) -> CallFailed:
        failure.partial = self.text or None
        return failure


class _Choice:
    """What the reader remembers of one choice of a stream."""

    __slots__ = ("calls", "finish")

    def __init__(self) -> None:
        self.calls = ToolCalls()
        self.finish: str | None = None


def read_reply(answer: Any) -> Reply:
    """The Reply of a decoded answer. Raises the kind of CallFailed that an error in it stands for, or BadReply."""
    failure = failure_in_answer(answer)
    if failure is not None:
        raise failure
    if not isinstance(answer, dict):
        raise _no_answer(answer)
    sent = answer.get("choices")
    usage = usage_in(answer)
    choices = [
        _whole_choice(choice, position)
        for position, choice in enumerate(sent if isinstance(sent, list) else ())
        if isinstance(choice, dict)
    ]
    judge_end(
        finish="stop",
        something=any(not is_empty(choice["message"]) for choice in choices),
        finish_reasons={choice["finish_reason"] for choice in choices},
        usage=Usage.read(usage),
    )
    data = {**answer, "object": "chat.completion", "choices": choices, "usage": usage}
    data["model"] = answer.get("model") if isinstance(answer.get("model"), str) else None
    data["id"] = answer.get("id") if isinstance(answer.get("id"), str) else None
    return Reply(data)


def read_embeddings(answer: Any) -> Embeddings:
    """The Embeddings of a decoded answer, in the order of the inputs. Raises kinds of CallFailed."""
    failure = failure_in_answer(answer, something=("data",))
    if failure is not None:
        raise failure
    if not isinstance(answer, dict):
        raise _no_answer(answer)
    items = answer.get("data")
    if not isinstance(items, list) or not items:
        raise _empty("the answer holds no embeddings", Usage.read(answer.get("usage")))
    if not all(isinstance(item, dict) and _is_vector(item.get("embedding")) for item in items):
        raise BadReply("an embedding in the answer is no list of numbers", kind="protocol")
    indexes = [item.get("index") for item in items]
    if sorted(i for i in indexes if type(i) is int) == list(range(len(items))):
        items = sorted(items, key=lambda item: int(item["index"]))
    return Embeddings({**answer, "object": "list", "data": items})


def judge_end(
    *,
    finish: str | None,
    something: bool,
    finish_reasons: set[str],
    usage: Usage,
    partial: str | None = None,
) -> None:
    """The one rule of what counts as an answer.

    Raises StreamCut without a finish reason, EmptyReply for an answer with nothing in it, ContentRefused when a
    filter left nothing. An answer that is empty because its tokens went into hidden reasoning (`length`) stands.
    """
    if finish is None:
        if something:
            raise StreamCut("the stream ended without a finish reason", partial=partial)
        raise _empty("the stream ended with nothing in it", usage)
    if something:
        return
    if "content_filter" in finish_reasons:
        raise ContentRefused("a content filter of the provider left nothing of the answer")
    if "length" in finish_reasons and usage.completion_tokens != 0:
        return
    raise _empty("the provider reported success and sent an empty answer", usage)


def judged_by_content(finish: str, tool_calls: bool) -> str:
    """The finish reason that fits what was sent: some say `stop` with tool calls, or the reverse (CQ-58)."""
    if finish == "stop" and tool_calls:
        return "tool_calls"
    if finish == "tool_calls" and not tool_calls:
        return "stop"
    return finish


def usage_in(answer: JsonObject) -> Any:
    """The usage object, where it is: at the top, in a choice (Moonshot) or in `x_groq` (Groq)."""
    usage = answer.get("usage")
    if isinstance(usage, dict) and usage:
        return usage
    choices = answer.get("choices")
    for place in (*(choices if isinstance(choices, list) else ()), answer.get("x_groq")):
        if isinstance(place, dict) and isinstance(place.get("usage"), dict) and place["usage"]:
            return place["usage"]
    return None


def _is_plain(delta: JsonObject) -> bool:
    """Whether the other fields of a delta with text are as OpenAI has them."""
    role, reasoning = delta.get("role", "assistant"), delta.get("reasoning_content")
    return isinstance(role, str) and role != "" and (reasoning is None or isinstance(reasoning, str))


def _body_of(sent: JsonObject) -> tuple[JsonObject, bool]:
    """The delta of a choice, and whether it is rather a whole message (CQ-67) or the text of a legacy completion."""
    delta, message = sent.get("delta"), sent.get("message")
    if isinstance(delta, dict) and (delta or not isinstance(message, dict)):
        return delta, False
    if isinstance(message, dict):
        return message, True
    text = sent.get("text")
    return ({"content": text} if isinstance(text, str) else {}), False


def _whole_choice(sent: JsonObject, position: int) -> JsonObject:
    """One choice of a whole answer, canonical. Raises the error that its finish reason reports."""
    finish = sent.get("finish_reason")
    if isinstance(finish, str) and finish.strip().lower() in FINISHED_BY_FAULT:
        raise _fault(sent)
    message, delta = sent.get("message"), sent.get("delta")
    text = sent.get("text")
    body = message if isinstance(message, dict) else delta if isinstance(delta, dict) else {"content": text}
    canonical_message = {"role": "assistant", "content": None, **parts_of(body)}
    word = finish_word(finish)
    calls = ToolCalls()
    items = tool_items(body)
    deltas = [delta for item in items for delta in calls.alone(item)]
    word = judged_by_content(word, bool(calls)) if word is not None else None
    if word != "length":
        for missing in calls.completed():
            deltas[missing["index"]]["function"]["arguments"] = "{}"
    if deltas:
        canonical_message["tool_calls"] = [{k: v for k, v in delta.items() if k != "index"} for delta in deltas]
    canonical = {name: value for name, value in sent.items() if name not in ("delta", "text", "usage")}
    canonical.update(index=position, message=canonical_message, finish_reason=word)
    if word is not None and word != finish:
        canonical.setdefault("native_finish_reason", finish)
    return canonical


def _fault(choice: JsonObject) -> CallFailed:
    """The failure that a choice with the finish reason `error` reports (CQ-21)."""
    failure = failure_in_answer({"error": choice.get("error")}, streamed=True, certain=True)
    assert failure is not None  # noqa: S101  # certain
    return failure


def _no_answer(answer: object) -> BadReply:
    start = safe_text(answer[:1_000])[:200] if isinstance(answer, str) else ""
    said = f"; it begins: {start}" if start else ""
    return BadReply(f"the answer is no JSON object{said}")


def _empty(message: str, usage: Usage) -> EmptyReply:
    error = EmptyReply(message)
    error.usage = usage
    return error


def _is_vector(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(type(number) in (float, int) for number in value))
