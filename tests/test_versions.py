"""Plugins that were built for earlier hooks load with those of today, and with hooks as they may be tomorrow."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import modelplug
import pytest
from attrs import fields_dict, has
from modelplug import Hooks

from tests.workspace import ROOT

FROZEN = ROOT / "tests" / "frozen_0_1"

HOOKS_0_1: Mapping[str, tuple[str, ...]] = {
    "provide_models": ("settings",),
    "wire_name": ("model",),
    "select_strategy": ("model", "settings"),
    "call_started": ("request",),
    "call_finished": ("call",),
}
"""The hooks of 0.1 and what they give. A line goes when docs/reference/versions.md says that it may."""

PROGRAM = """
import asyncio, json, modelplug, warnings
from modelplug import Switchboard
HELLO = [{"role": "user", "content": "hello"}]
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    board = Switchboard.load()
async def calls():
    async with board:
        frozen = await board.complete("frozen/one", HELLO)
        async with board.stream("fewer/one", HELLO) as chunks:
            fewer = "".join([chunk.text async for chunk in chunks])
        async with board.stream("plain/one", HELLO) as chunks:
            plain = "".join([chunk.text async for chunk in chunks])
        whole = await board.complete("plain/one", HELLO)
        return frozen.text, frozen.call.wire_model, fewer, plain, whole.text, chunks.call.strategy
said = asyncio.run(calls())
names = [plugin.name for plugin in board.plugins if plugin.name.startswith("frozen-")]
heard = {name: getattr(board.plugin(name), "heard", None) for name in names}
print(json.dumps({
    "plugins": {plugin.name: [plugin.state, plugin.reason] for plugin in board.plugins if plugin.name in names},
    "core": modelplug.__file__, "said": said, "heard": heard, "warnings": [str(warning.message) for warning in told],
}))
"""


def loaded(*folders: Path) -> dict[str, Any]:
    """What becomes of the frozen plugins in a process of their own, with what these folders hold in front."""
    path = os.pathsep.join(map(str, (*folders, FROZEN)))
    environment = {**os.environ, "PYTHONPATH": path, "MODELPLUG_CONFIG": os.devnull}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=25)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


TOMORROW: Mapping[str, Mapping[str, str]] = {
    "hooks.py": {
        "def wire_name(self, model: Model)": "def wire_name(self, model: Model, region: str)",
        "    @hookspec\n    def call_started": (
            "    @hookspec\n    def board_closed(self, reason: str) -> None: ...\n\n"
            "    @hookspec(warn_on_impl=DeprecationWarning('call_started goes in 2.0'))\n    def call_started"
        ),
        "    @hookspec(firstresult=True)\n    def select_strategy": (
            "    @hookspec(firstresult=True,\n"
            "        warn_on_impl_args={'settings': DeprecationWarning('settings goes in 2.0')})\n"
            "    def select_strategy"
        ),
        'HOOK_NAMES = ("': 'HOOK_NAMES = ("board_closed", "',
    },
    "_plugged.py": {"wire_name(model=model)": "wire_name(model=model, region='eu')"},
}
"""Changes of the core: an argument more, a hook more, and a hook and an argument that are being withdrawn."""

SAID = ["frozen words", "uno", "fewer words", "OF TWO METHODS", "OF TWO METHODS", "plain"]

WORKING = ["frozen-ahead", "frozen-around", "frozen-bare", "frozen-fewer", "frozen-plain", "frozen-whole"]


def test_plugins_of_earlier_hooks_still_work() -> None:
    """With every argument, fewer or none; what insists on a hook that is none is set aside alone, with its reason."""
    told = loaded()
    assert [name for name, (state, _) in told["plugins"].items() if state == "loaded"] == WORKING
    assert told["said"] == SAID
    assert told["heard"]["frozen-whole"][:2] == ["started uno", "finished frozen/one ok"]
    assert told["heard"]["frozen-fewer"] == ["started", "finished"] * 4
    assert told["heard"]["frozen-bare"] == told["heard"]["frozen-ahead"] == ["ok"] * 4
    assert "board_closed" in told["plugins"]["frozen-too-far-ahead"][1]
    assert "weather" in told["plugins"]["frozen-greedy"][1]


def test_they_work_when_hooks_change_as_we_promise(tmp_path: Path) -> None:
    """An argument or a hook more, an argument or a hook that goes: nothing breaks, and who uses what goes is told."""
    core = tmp_path / "modelplug"
    shutil.copytree(ROOT / "core" / "src" / "modelplug", core, ignore=shutil.ignore_patterns("__pycache__"))
    for name, changes in TOMORROW.items():
        text = (core / name).read_text("utf-8")
        for now, tomorrow in changes.items():
            assert text.count(now) == 1
            text = text.replace(now, tomorrow)
        (core / name).write_text(text, "utf-8")

    told = loaded(tmp_path)
    states = {name: state for name, (state, _) in told["plugins"].items()}
    assert told["core"].startswith(str(tmp_path))
    assert states == {**dict.fromkeys(WORKING, "loaded"), "frozen-too-far-ahead": "loaded", "frozen-greedy": "failed"}
    assert told["said"] == SAID
    assert min(told["warnings"].count(f"{what} goes in 2.0") for what in ("call_started", "settings")) >= 2


@pytest.mark.parametrize("hook", HOOKS_0_1)
def test_no_hook_lost_an_argument(hook: str) -> None:
    """Whatever 0.1 gave is given."""
    assert set(HOOKS_0_1[hook]) <= set(inspect.signature(getattr(Hooks, hook)).parameters)


def test_no_public_name_is_lost() -> None:
    """What 0.1 offered at its front door is there, with the fields of records and the parameters of methods."""
    promised = set((FROZEN / "public.txt").read_text("utf-8").split())
    assert promised - public() == set()
    assert "Call.outcome" in promised
    assert "Switchboard.complete(timeout)" in promised


@pytest.mark.parametrize("name", (FROZEN / "modules.txt").read_text("utf-8").split())
def test_no_name_of_a_module_is_lost(name: str) -> None:
    """What plugins of 0.1 imported from other modules than the front door is there."""
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


def public() -> set[str]:
    """Names of the front door, of what their classes show, and of the parameters that these take."""
    names = set(modelplug.__all__)
    for name in modelplug.__all__:
        thing = getattr(modelplug, name)
        if isinstance(thing, type):
            shown = {member for cls in thing.__mro__ if cls.__module__.startswith("modelplug") for member in vars(cls)}
            shown |= set(fields_dict(thing)) if has(thing) else set()
            names |= {f"{name}.{member}" for member in shown if not member.startswith("_")}
            for member in {"__init__", *(member for member in shown if not member.startswith("_"))}:
                called = name if member == "__init__" else f"{name}.{member}"
                names |= {f"{called}({parameter})" for parameter in parameters_of(getattr(thing, member, None))}
    return names


def parameters_of(thing: object) -> set[str]:
    """The names by which a caller can give arguments."""
    if not (inspect.isfunction(thing) or inspect.ismethod(thing)):
        return set()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = inspect.signature(thing).parameters.values()
    return {parameter.name for parameter in found if parameter.kind in named} - {"self"}
