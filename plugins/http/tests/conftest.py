"""Fixtures: upstreams on loopback, and what calls them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from modelplug_http.options import Options
from modelplug_http.strategy import Http
from modelplug_http.wire import Wire
from modelplug_testkit.upstream import Play, Upstream

from plugins.http.tests.loopback import StartUpstream

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
