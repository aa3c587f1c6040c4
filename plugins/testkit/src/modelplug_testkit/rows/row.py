"""What a row of the table is: what an upstream sends, and what the host must see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

from modelplug_testkit.upstream import Play

Way = Literal["whole", "stream", "embed"]
BOTH: tuple[Way, ...] = ("whole", "stream")
WHOLE: tuple[Way, ...] = ("whole",)
STREAM: tuple[Way, ...] = ("stream",)
EMBED: tuple[Way, ...] = ("embed",)


@frozen(kw_only=True)
class Answered:
    """The call succeeds. Each field that is not None is compared with what the host sees.

    `tools` holds a triple for each tool call: name, arguments, and whether it may be executed. `tokens` are those of
    the prompt and of the answer.
    """

    text: str | None = "hello"
    finish: str | None = "stop"
    reasoning: str | None = None
    tools: tuple[tuple[str, str, bool], ...] | None = None
    source: str | None = None
    tokens: tuple[int | None, int | None] | None = None
    cached: int | None = None
    model: str | None = None
    attempts: int = 1

    def __str__(self) -> str:
        said = [f"answer {self.text!r}" if self.text is not None else "an answer"]
        said += [f"{name} {value!r}" for name in _SHOWN if (value := getattr(self, name)) is not None]
        return ", ".join(said)


_SHOWN = ("reasoning", "tools", "source", "tokens", "cached", "model")


@frozen(kw_only=True)
class Failed:
    """The call raises `error` or a subclass, of one of these `kinds`. Fields that are not None are compared.

    `partial` is the text that had arrived, `words` must be in the message, and of `hidden` nothing may be in it.
    """

    error: str
    kinds: tuple[str, ...]
    partial: str | None = None
    status: int | None = None
    retryable: bool | None = None
    retry_after: float | None = None
    attempts: int = 1
    context_window: int | None = None
    prompt_tokens: int | None = None
    param: str | None = None
    words: str = ""
    hidden: tuple[str, ...] = ()
    tokens: tuple[int | None, int | None] | None = None

    def __str__(self) -> str:
        partial = f", partial {self.partial!r}" if self.partial is not None else ""
        tries = f" after {self.attempts} tries" if self.attempts > 1 else ""
        return f"{self.error} ({' or '.join(self.kinds)}){partial}{tries}"


@frozen(kw_only=True)
class Case:
    """One scenario: the plays of the upstream, one for each request and the last again and again, and the outcome.

    `params` are the call's. `timeout` is the call's, in seconds; it must be over in `within`. `tries` is how often the
    retry layer may try. `requests` is how many must have reached the upstream. `claim` names the capability that it
    proves. A case that is `alone` takes so much work that others would suffer beside it.
    """

    plays: tuple[Play, ...]
    expect: Answered | Failed
    name: str = ""
    ways: tuple[Way, ...] = BOTH
    params: Mapping[str, Any] = field(factory=dict)
    timeout: float = 5.0
    within: float = 8.0
    tries: int = 1
    requests: int | None = None
    claim: str | None = None
    alone: bool = False


@frozen(kw_only=True)
class Row:
    """One row: its id in the list of quirks or faults, what happens, and the cases that show it.

    A row that no upstream can show has no cases; `elsewhere` then names the test that does, or says "not covered".
    `unless` says for a strategy, by its name, why it cannot meet the row.
    """

    id: str
    what: str
    cases: tuple[Case, ...] = ()
    elsewhere: str = ""
    unless: Mapping[str, str] = field(factory=dict)


def case(play: Play, expect: Answered | Failed, name: str = "", **more: Any) -> Case:
    """A Case of one play."""
    return Case(plays=(play,), expect=expect, name=name, **more)
