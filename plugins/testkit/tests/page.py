"""The page docs/reference/rows.md: every row, ours beside others. `python -m plugins.testkit.tests.page` writes it."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from modelplug_testkit.rows import ROWS, Answered, Row
from modelplug_testkit.run import MESSAGES, Trial, run, trials
from modelplug_testkit.subject import KEY, Subject
from modelplug_testkit.upstream import Upstream

from tests.workspace import ROOT

PAGE = ROOT / "docs" / "reference" / "rows.md"
CLAIMS = ("chat", "stream", "tools", "embeddings")
BOUND = 3.0
OURS = {
    "http": Subject(
        model="v98store/gpt-4o-mini",
        embedding_model="v98store/text-embedding-3-small",
        claims=CLAIMS,
        settings={"strategy": "http"},
    ),
    "direct": Subject(model="v98store/gpt-4o-mini", embedding_model="v98store/text-embedding-3-small", claims=CLAIMS),
    "router": Subject(model="openai/gpt-4o-mini", embedding_model="openai/text-embedding-3-small", claims=CLAIMS),
}
Ask = Callable[[Trial, str], Awaitable[dict[str, Any]]]
HEAD = """# What goes wrong, row by row

The rows of the kit (`modelplug-testkit`): what an upstream does, and whether the host is told what happened. Written by
`python -m plugins.testkit.tests.page`, which runs all five through the same upstream in one run. `http`, `direct` and
`router` are held to all that a row asks: outcome, text, tool calls, usage, error, kind, attempts, one record, no secret
shown. Of openai-python {openai} and litellm {litellm}, as they come, less is asked: the same outcome, text, finish,
tool calls and tokens; for a failure any error of their own within {bound:.0f} s that does not show the key.

A cell says `yes`, or what was seen in the first case that fails, and how many of the row's cases do.

| row | what | http | direct | router | openai-python | litellm |
|---|---|---|---|---|---|---|
"""
ELSEWHERE = """
## Rows without a case here

What they are is held by a test of ours, by another row, or not at all.

| row | what | where |
|---|---|---|
"""


async def cells_of_ours(subject: Subject) -> dict[str, list[str]]:
    """For each row what was wrong, a text for each of its cases, empty where all is well."""
    found: dict[str, list[str]] = {}
    verdicts = await run(subject)
    for trial in trials(claims=CLAIMS):
        verdict = verdicts[trial.id]
        found.setdefault(trial.row.id, []).append("; ".join(verdict.problems))
    return found


async def cells_of_peer(ask: Ask) -> dict[str, list[str]]:
    """The same for a client that is not ours.

    LiteLLM is spared bodies of many kB: it redacts the text of its error with patterns that stopped the event loop for
    more than 25 seconds, and no bound of ours can end that.
    """
    places, found = asyncio.Semaphore(8), dict[str, list[str]]()

    async def one(trial: Trial) -> str:
        if ask.__qualname__.startswith("litellm") and (trial.case.alone or trial.case.name == "deep"):
            return "not run: large errors stop its event loop"
        async with places, Upstream(plays=list(trial.case.plays)) as server:
            started = time.perf_counter()
            try:
                seen = await asyncio.wait_for(ask(trial, server.base), BOUND)
            except TimeoutError:
                return f"no end within {BOUND:.0f} s"
            except Exception as error:  # the border to foreign code
                seen = {"error": error}
            return _wrong(trial, seen, time.perf_counter() - started)

    wanted = list(trials(claims=CLAIMS))
    await one(wanted[0])
    for trial, wrong in zip(wanted, await asyncio.gather(*map(one, wanted)), strict=True):
        found.setdefault(trial.row.id, []).append(wrong)
    return found


def _wrong(trial: Trial, seen: dict[str, Any], seconds: float) -> str:
    import openai

    error, expect = seen.get("error"), trial.case.expect
    if error is not None:
        if KEY in str(error):
            return "shows the key"
        if isinstance(expect, Answered):
            return type(error).__name__
        return "" if isinstance(error, openai.OpenAIError) else f"untyped {type(error).__name__}"
    if not isinstance(expect, Answered):
        return f"success, finish {seen.get('finish')!r}, text {str(seen.get('text'))[:12]!r}"
    for name in ("text", "finish", "tools", "tokens"):
        wanted = getattr(expect, name)
        if name == "tools" and wanted is not None:
            wanted = tuple(call[:2] for call in wanted)
        if wanted is not None and wanted != seen.get(name):
            return f"{name} {str(seen.get(name))[:30]}"
    return ""


def _of_whole(reply: Any) -> dict[str, Any]:
    choice = reply.choices[0]
    calls = choice.message.tool_calls or ()
    return {
        "text": choice.message.content or "",
        "finish": choice.finish_reason,
        "tools": tuple((call.function.name, call.function.arguments) for call in calls),
        "tokens": _tokens(reply.usage),
    }


def _tokens(usage: Any) -> tuple[Any, Any]:
    return (getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None))


async def _of_stream(chunks: Any) -> dict[str, Any]:
    text, finish, tokens, tools = "", None, (None, None), dict[int, list[str]]()
    async for chunk in chunks:
        if getattr(chunk, "usage", None):
            tokens = _tokens(chunk.usage)
        for choice in chunk.choices or ():
            text += choice.delta.content or "" if choice.delta else ""
            finish = choice.finish_reason or finish
            for call in (choice.delta.tool_calls if choice.delta else None) or ():
                parts = tools.setdefault(call.index or 0, ["", ""])
                parts[0] += call.function.name or ""
                parts[1] += call.function.arguments or ""
    return {"text": text, "finish": finish, "tokens": tokens, "tools": tuple((n, a) for n, a in tools.values())}


def openai_python() -> Ask:
    """OpenAI's client."""
    import openai

    async def ask(trial: Trial, base: str) -> dict[str, Any]:
        async with openai.AsyncOpenAI(
            api_key=KEY, base_url=base, max_retries=trial.case.tries - 1, timeout=trial.case.timeout
        ) as client:
            if trial.way == "embed":
                vectors = await client.embeddings.create(model="m", input=["a", "b"], encoding_format="float")
                return {"text": str([row.embedding for row in vectors.data])}
            options: dict[str, Any] = {"model": "m", "messages": MESSAGES, **trial.case.params}
            if trial.way == "whole":
                return _of_whole(await client.chat.completions.create(**options))
            options |= {"stream": True, "stream_options": {"include_usage": True}}
            return await _of_stream(await client.chat.completions.create(**options))

    return ask


def litellm() -> Ask:
    """LiteLLM without its Router."""
    from modelplug_litellm import _importing

    llm = _importing.load()

    async def ask(trial: Trial, base: str) -> dict[str, Any]:
        options: dict[str, Any] = {
            "api_key": KEY,
            "api_base": base,
            "max_retries": trial.case.tries - 1,
            "timeout": trial.case.timeout,
        }
        if trial.way == "embed":
            vectors = await llm.aembedding(model="openai/m", input=["a", "b"], **options)
            return {"text": str([row["embedding"] for row in vectors.data])}
        options |= {"model": "openai/m", "messages": MESSAGES, **trial.case.params}
        if trial.way == "whole":
            return _of_whole(await llm.acompletion(**options))
        return await _of_stream(await llm.acompletion(stream=True, stream_options={"include_usage": True}, **options))

    return ask


def lines(columns: Sequence[dict[str, list[str]]]) -> list[str]:
    """The lines of the table of what was run."""
    return [_line(row, *(_cell(column[row.id]) for column in columns)) for row in ROWS if row.cases]


def lines_elsewhere() -> list[str]:
    """The lines of the table of rows without a case."""
    return [_line(row, _safe(row.elsewhere)) for row in ROWS if not row.cases]


def _line(row: Row, *cells: str) -> str:
    return f"| {' | '.join((row.id, _safe(row.what), *cells))} |"


def _cell(cases: list[str]) -> str:
    wrong = [case for case in cases if case]
    if not wrong:
        return "yes"
    return _safe(f"{wrong[0][:60]} ({len(wrong)}/{len(cases)})").replace("<", "&lt;")


def _safe(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def page() -> str:
    """The page, from a run of everything: about half a minute."""
    from importlib.metadata import version

    warnings.simplefilter("ignore")
    columns = [asyncio.run(cells_of_ours(subject)) for subject in OURS.values()]
    columns += [asyncio.run(cells_of_peer(peer())) for peer in (openai_python, litellm)]
    totals = [f"{sum(not any(cases) for cases in column.values())} of {len(column)}" for column in columns]
    head = HEAD.format(openai=version("openai"), litellm=version("litellm"), bound=BOUND)
    run = [*lines(columns), f"| | rows that hold | {' | '.join(totals)} |"]
    return head + "\n".join(run) + "\n" + ELSEWHERE + "\n".join(lines_elsewhere()) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
