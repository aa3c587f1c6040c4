"""A board with the local plugin and the real model, which is fetched once for all tests."""

from collections.abc import AsyncIterator

import pytest
from modelplug import Switchboard
from modelplug_local import Local
from modelplug_local.model import fetch, present


@pytest.fixture(scope="session")
def model_file() -> None:
    """The model is in the cache."""
    if present() is None:
        fetch()


@pytest.fixture
async def board(model_file: None) -> AsyncIterator[Switchboard]:
    """A board with the local plugin alone."""
    async with Switchboard(settings={}) as board:
        board.add(Local)
        yield board
