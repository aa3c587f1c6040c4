"""What LiteLLM, and the clients below it, log of our calls: no secret, no address and nothing of the content."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator

import pytest
from modelplug import CallFailed, Switchboard
from modelplug_litellm import _importing
from modelplug_litellm._discretion import LOGGERS

from plugins.litellm.tests.provider_on_loopback import Upstream

BoardFor = Callable[..., Switchboard]
ANTHROPIC, OPENAI, AZURE = "anthropic/claude-haiku-4-5-20251001", "openai/gpt-4o-mini", "azure/gpt-4o-mini"
PATH = "/tenant-0123456789"
SECRETS = ("sk-own-0123456789", "header-of-the-host", "header-of-the-caller", PATH)
CONTENT = ("Tell me a secret.", "hello")


@pytest.fixture
def told() -> Iterator[list[str]]:
    """All that any logger writes at DEBUG, LiteLLM's own handler's lines among it."""
    texts: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(f"{record.name}: {self.format(record)}")

    ear = Ear(logging.DEBUG)
    loggers = [logging.getLogger(), *map(logging.getLogger, {*LOGGERS, *logging.Logger.manager.loggerDict})]
    before = [(each, each.level) for each in loggers]
    for each in loggers:
        each.setLevel(logging.DEBUG)
        each.addHandler(ear)
    yield texts
    for each, level in before:
        each.setLevel(level)
        each.removeHandler(ear)


async def call(board: Switchboard, name: str, *, stream: bool) -> None:
    messages = [{"role": "user", "content": CONTENT[0]}]
    extra = {"x-mine": "header-of-the-caller"}
    try:
        if stream:
            async with board.stream(name, messages, extra_headers=extra) as chunks:
                async for _ in chunks:
                    pass
        else:
            await board.complete(name, messages, extra_headers=extra)
    except CallFailed:
        pass
    await asyncio.sleep(0.1)  # LiteLLM has more to say once it has answered


def board_of(board_for: BoardFor, name: str, strategy: str) -> Switchboard:
    provider = name.partition("/")[0]
    more = {"api_version": "2024-10-21"} if provider == "azure" else {}
    headers = {"x-secret": "header-of-the-host"}
    return board_for(provider, path=PATH, strategy=strategy, headers=headers, **more)


@pytest.mark.parametrize("strategy", ["direct", "router"])
@pytest.mark.parametrize("name", [ANTHROPIC, OPENAI, AZURE])
@pytest.mark.parametrize("stream", [False, True])
async def test_nothing_of_a_call_is_in_anybodys_log(
    board_for: BoardFor, upstream: Upstream, told: list[str], name: str, strategy: str, stream: bool
) -> None:
    """Calls and failures leave no key, header, base or content in any logger, at the loudest level."""
    board = board_of(board_for, name, strategy)
    await call(board, name, stream=stream)
    upstream.say({"error": {"message": f"no, {SECRETS}"}}, status=400)
    await call(board, name, stream=stream)
    assert upstream.requests
    left = [(secret, text[:300]) for secret in (*SECRETS, *CONTENT, upstream.base) for text in told if secret in text]
    assert left == []


async def test_with_content_wanted_all_is_told_but_the_secrets(
    board_for: BoardFor, upstream: Upstream, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`log.content` lets LiteLLM speak, requests and answers included, and keys, headers and the base are masked."""
    monkeypatch.setenv("MODELPLUG_LOG_CONTENT", "1")
    await call(board_of(board_for, ANTHROPIC, "direct"), ANTHROPIC, stream=False)
    lites = [text for text in told if text.startswith("LiteLLM")]
    assert any(CONTENT[0] in text for text in lites)
    assert [(secret, text) for secret in (*SECRETS, upstream.base) for text in told if secret in text] == []


def test_what_a_host_does_with_litellm_itself_is_its_own(told: list[str]) -> None:
    """Outside our calls nobody's log is touched."""
    _importing.load()
    logging.getLogger("LiteLLM").debug("sent with %s", "header-of-the-host")
    assert "LiteLLM: sent with header-of-the-host" in told
