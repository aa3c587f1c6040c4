"""Broken plugins beside a good one, as a host's test uses them."""

from pathlib import Path

import pytest
from modelplug import ModelplugError, Settings, Switchboard
from modelplug.testing import FakePlugin
from modelplug_testkit.hostile import AT_CALL, AT_LOAD, NAME, install

MESSAGES = [{"role": "user", "content": "Say hello."}]


def board(fault: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Switchboard:
    """A board with the broken plugin and a good one."""
    monkeypatch.syspath_prepend(install(fault, folder))
    made = Switchboard.load(only={NAME, "retry"}, settings=Settings(environment={}))
    made.add(FakePlugin(), name="fake")
    return made


@pytest.mark.parametrize("fault", AT_LOAD)
async def test_it_is_refused_alone(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F-49, F-50, F-54: it is listed with its reason, and the others work."""
    made = board(fault, tmp_path, monkeypatch)
    (hostile,) = (plugin for plugin in made.plugins if plugin.name == NAME)
    assert hostile.state == "failed"
    assert hostile.reason
    assert (await made.complete("one", MESSAGES)).text == "hello there"


@pytest.mark.parametrize("fault", AT_CALL)
async def test_it_harms_only_itself(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F-51: a hook that fails leaves other plugins' calls alone, and its own calls end in one of our errors."""
    made = board(fault, tmp_path, monkeypatch)
    assert (await made.complete("one", MESSAGES)).text == "hello there"
    with pytest.raises(ModelplugError):
        await made.complete("hostile/one", MESSAGES)
