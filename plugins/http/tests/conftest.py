"""Fixtures: upstreams on loopback, and what calls them."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # for loopback.py, which the tests share

from loopback import Play, StartUpstream, Upstream
from modelplug_http.options import Options
from modelplug_http.strategy import Http
from modelplug_http.wire import Wire

QUICK = Options(connect_timeout=5, first_byte_timeout=5, idle_timeout=0.5, grace=0.2)


@pytest.fixture
async def upstream() -> AsyncIterator[StartUpstream]:
    started: list[Upstream] = []

    async def start(*plays: Play) -> Upstream:
        server = Upstream(plays=list(plays))
        await server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        await server.stop()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire(QUICK)
    yield wire
    await wire.aclose()


@pytest.fixture
async def http(wire: Wire) -> Http:
    return Http(wire, QUICK)
