"""The plugin on a board of its own, without a network."""

import pytest
from modelplug import ConfigError, Settings, Switchboard
from modelplug_acme import Acme


def test_the_alias_is_the_large_model() -> None:
    """`anvil` is enough to name it."""
    board = Switchboard(settings=Settings(environment={}))
    board.add(Acme)
    assert board.resolve("anvil").id == "acme/anvil-large"


def test_a_key_makes_it_ready() -> None:
    """Without ACME_API_KEY the models are listed and cannot be called."""
    for environment, ready in (({}, False), ({"ACME_API_KEY": "sk-acme"}, True)):
        board = Switchboard(settings=Settings(environment=environment))
        board.add(Acme)
        assert [board.ready(model) for model in board.models] == [ready, ready]


def test_a_broken_key_is_told_by_its_name() -> None:
    """The error names the variable and not the value."""
    board = Switchboard(settings=Settings(environment={"ACME_API_KEY": '"sk-acme"'}))
    board.add(Acme)
    with pytest.raises(ConfigError, match="ACME_API_KEY") as caught:
        board.settings.provider("acme").credentials()
    assert "sk-acme" not in str(caught.value)
