"""What was said in a call, in the shape that the conventions give it. Recorded only where a setting asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from modelplug import Chunk, Reply, Request

from modelplug_otel._under_way import Traced

Part = dict[str, Any]


def told_input(request: Request) -> dict[str, str]:
    """The messages of a request; its key and the like are taken out where they stand in them."""
    return {"gen_ai.input.messages": _text(list(map(_message, request.messages)), request.credentials.masked)}


def told_output(traced: Traced) -> dict[str, str]:
    """The answer, or as much of a stream as had arrived."""
    request, reply = traced.request, traced.reply
    if request is None or (reply is None and not traced.chunks):
        return {}
    parts, reason = _of_chunks(traced.chunks) if reply is None else _of_reply(reply)
    message = {"role": "assistant", "parts": parts, "finish_reason": reason or "error"}
    return {"gen_ai.output.messages": _text([message], request.credentials.masked)}


def _message(message: Mapping[str, Any]) -> Part:
    role, content = str(message.get("role", "user")), message.get("content")
    if role == "tool":
        parts = [{"type": "tool_call_response", "id": message.get("tool_call_id"), "response": content}]
    elif isinstance(content, str):
        parts = [_said(content)]
    else:
        parts = [_piece(piece) for piece in content or ()]
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, Sequence) else ():
        function = call.get("function") or {}
        parts.append(_tool_call(call.get("id"), function.get("name"), function.get("arguments")))
    return {"role": role, "parts": parts}


def _piece(piece: Any) -> Part:
    """One part of a message's content. Of pictures and sounds only the kind is told."""
    if not isinstance(piece, Mapping):
        return _said(str(piece))
    return _said(str(piece["text"])) if "text" in piece else {"type": str(piece.get("type"))}


def _of_reply(reply: Reply) -> tuple[list[Part], str | None]:
    parts = _spoken(reply.reasoning, reply.text)
    return [*parts, *(_tool_call(call.id, call.name, call.arguments) for call in reply.tool_calls)], reply.finish_reason


def _of_chunks(chunks: Iterable[Chunk]) -> tuple[list[Part], str | None]:
    text, reasoning, reason = [], [], None
    calls: dict[int, Part] = {}
    for chunk in chunks:
        text.append(chunk.text)
        reasoning.append(chunk.reasoning)
        reason = chunk.finish_reason or reason
        for delta in chunk.tool_calls:
            call = calls.setdefault(delta.get("index") or 0, _tool_call(None, "", ""))
            function = delta.get("function") or {}
            call["id"] = delta.get("id") or call["id"]
            call["name"] += function.get("name") or ""
            call["arguments"] += function.get("arguments") or ""
    return [*_spoken("".join(reasoning), "".join(text)), *calls.values()], reason


def _spoken(reasoning: str, text: str) -> list[Part]:
    return [*([{"type": "reasoning", "content": reasoning}] if reasoning else []), *([_said(text)] if text else [])]


def _said(text: str) -> Part:
    return {"type": "text", "content": text}


def _tool_call(call_id: Any, name: Any, arguments: Any) -> Part:
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def _text(messages: list[Part], masked: Callable[[str], str]) -> str:
    return masked(json.dumps(messages, ensure_ascii=False, default=str))
