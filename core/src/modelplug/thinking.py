"""Opt-in: reasoning that a server leaves within the text, as `<think>...</think>`, moved to where reasoning belongs."""

from __future__ import annotations

from typing import Any

from modelplug.answers import Chunk, Reply

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkingSplitter:
    """Moves the thinking at the start of each choice of one stream from `content` to `reasoning_content`.

    Tags may be split over chunks (labring/FastGPT#3733). With `opened` the text begins inside the thinking: some chat
    templates send the opening tag themselves, and only the closing one arrives (MartialBE/one-hub#501). A tag later
    in the text is text.
    """

    def __init__(self, *, opened: bool = False) -> None:
        self._opened = opened
        self._choices: dict[int, _Splitting] = {}

    def read(self, chunk: Chunk) -> Chunk:
        """The same chunk with text and reasoning apart; what may be the start of a tag comes with a later one."""
        choices = [self._split(choice) for choice in chunk.data.get("choices") or ()]
        return Chunk({**chunk.data, "choices": choices})

    def _split(self, choice: dict[str, Any]) -> dict[str, Any]:
        index = choice.get("index") or 0
        splitting = self._choices.setdefault(index, _Splitting(opened=self._opened))
        delta = dict(choice.get("delta") or {})
        text, thinking = splitting.take(delta.get("content") or "", last=choice.get("finish_reason") is not None)
        if text or "content" in delta:
            delta["content"] = text
        if thinking:
            delta["reasoning_content"] = (delta.get("reasoning_content") or "") + thinking
        return {**choice, "delta": delta}


def split_thinking(reply: Reply) -> Reply:
    """A Reply with the thinking at the start of each choice's text moved to `reasoning_content`.

    A closing tag without an opening one ends thinking too.
    """
    choices = []
    for choice in reply.data.get("choices") or ():
        message = dict(choice.get("message") or {})
        content = message.get("content") or ""
        opened = _CLOSE in content and _OPEN not in content.partition(_CLOSE)[0]
        text, thinking = _Splitting(opened=opened).take(content, last=True)
        if thinking:
            message["content"] = text or None
            message["reasoning_content"] = (message.get("reasoning_content") or "") + thinking
        choices.append({**choice, "message": message})
    split = Reply({**reply.data, "choices": choices})
    split.call = reply.call
    return split


class _Splitting:
    """One text as far as it has come: before the opening tag, inside, after the closing tag, or plain text."""

    def __init__(self, *, opened: bool) -> None:
        self._state = "inside" if opened else "before"
        self._held = ""

    def take(self, piece: str, *, last: bool) -> tuple[str, str]:
        """Text and thinking of the next piece. What may still become a tag is held back until it is known."""
        text, thinking = "", ""
        piece = self._held + piece
        self._held = ""
        if self._state == "before":
            start = piece.lstrip()
            if start.startswith(_OPEN):
                self._state, piece = "inside", start[len(_OPEN) :]
            elif _OPEN.startswith(start) and not last:
                self._held = piece
                return "", ""
            else:
                self._state = "text"
        if self._state == "inside":
            thinking, closed, piece = piece.partition(_CLOSE)
            if closed:
                self._state = "after"
            elif not last:
                kept = _start_of_tag(thinking)
                thinking, self._held = thinking[: len(thinking) - kept], thinking[len(thinking) - kept :]
        if self._state == "after":
            piece = piece.lstrip("\r\n")
            if piece:
                self._state = "text"
        if self._state == "text":
            text = piece
        return text, thinking


def _start_of_tag(text: str) -> int:
    """How many characters at the end may be the start of the closing tag."""
    return next((size for size in range(len(_CLOSE) - 1, 0, -1) if text.endswith(_CLOSE[:size])), 0)
