"""The OpenAPI document is true: what is sent is as it says, to the field, and schemathesis finds no way round it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema_rs import Draft202012Validator
from modelplug import RateLimited, Switchboard, UnknownModel
from modelplug.testing import FakeStrategy

from plugins.status.tests.conftest import Serve, board_with

MESSAGES = [{"role": "user", "content": "hi"}]
COMMAND = str(Path(sys.executable).with_name("schemathesis"))
OPTIONS = ("--checks=all", "--max-examples=15", "--seed=5", "--phases=examples,coverage,fuzzing", "--no-color")

RULES = {
    "failing": {"what": "error_rate", "threshold": 0.1, "for": 0, "least_calls": 1},
    "unwell": {"what": "health", "threshold": "degraded", "for": 0, "least_calls": 1},
}


async def called(strategy: FakeStrategy) -> Switchboard:
    """A board with calls that ended well, failed, and had no model, and two alerts that fire."""
    board = board_with(strategy, settings={"alerts": {"rules": RULES}})
    await board.complete("one", MESSAGES)
    strategy.error = RateLimited("slow down")
    for name, error in (("onne", UnknownModel), ("one", RateLimited)):
        with pytest.raises(error):
            await board.complete(name, MESSAGES)
    strategy.error = None
    board.flush()
    assert [alert.rule for alert in board.plugin("metrics").judge()] == ["failing", "unwell"]
    return board


def closed(schema: Any) -> Any:
    """The same schema for which a field too many is wrong too."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    more = {"additionalProperties": False} if "properties" in schema else {}
    return {**{name: closed(value) for name, value in schema.items()}, **more}


def check(schema: Any, value: Any) -> None:
    Draft202012Validator(closed(schema), validate_formats=True).validate(value)


def content(document: Any, path: str, method: str = "get") -> Any:
    """The schema of a good answer."""
    (found,) = document["paths"][path][method]["responses"]["200"]["content"].values()
    return found["schema"]


async def test_every_field_is_in_the_document(serve: Serve) -> None:
    """None is missing, none is there too many, and each is of its type."""
    client = await serve(await called(FakeStrategy()))
    document = (await client.get("/openapi.json")).json()
    paths = [path for path in document["paths"] if path not in ("/api/llm/live", "/metrics")]
    assert len(paths) == 8
    for path in paths:
        answer = (await client.get(path)).json()
        assert answer["success"]
        check(content(document, path), answer)
        assert any(answer["data"].values())


async def test_every_event_is_in_the_document(serve: Serve) -> None:
    """Updates, chunks, the record of a call, and errors with a record and without."""
    strategy = FakeStrategy()
    client = await serve(await called(strategy), playground=True)
    document = (await client.get("/openapi.json")).json()
    events = await first_event(client)
    for model, error in (("one", None), ("one", RateLimited("slow down")), ("onne", None)):
        strategy.error = error
        asked = {"model": model, "messages": MESSAGES}
        events += (await client.post("/api/llm/playground", json=asked)).text.strip().split("\n\n")
    found = {}
    for text in events:
        event, data = (line.partition(": ")[2] for line in text.strip().split("\n"))
        path, method = ("/api/llm/live", "get") if event == "update" else ("/api/llm/playground", "post")
        schemas = {one["properties"]["event"]["const"]: one for one in content(document, path, method)["oneOf"]}
        check(schemas[event]["properties"]["data"]["contentSchema"], json.loads(data))
        found[event] = json.loads(data)
    assert found.keys() == {"update", "chunk", "call", "error"}
    assert len(found["update"]["failures"]) == 2


async def first_event(client: httpx.AsyncClient) -> list[str]:
    async with client.stream("GET", "/api/llm/live") as answer:
        lines = [line async for line in _until_blank(answer)]
    return ["\n".join(lines)]


async def _until_blank(answer: httpx.Response) -> Any:
    async for line in answer.aiter_lines():
        if not line:
            return
        yield line


@pytest.mark.slow
async def test_every_answer_is_as_the_document_says(serve: Serve, tmp_path: Path) -> None:
    """Status, media type and fields, of what may be asked and what may not; live updates aside, which never end."""
    token = "t-0123456789"
    client = await serve(await called(FakeStrategy()), playground=True, token=token)
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "run", f"{client.base_url}/openapi.json", *OPTIONS),
        *("--exclude-path=/api/llm/live", f"--header=Authorization: Bearer {token}"),
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "120"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
