"""What tests of the wire share: a key, a request, and the type of the fixture that starts an upstream."""

from __future__ import annotations

from typing import Any, Protocol

from modelplug import Credentials, Model, Request
from modelplug_testkit.upstream import Play, Upstream

KEY = "sk-test-0123456789abcdef"


class StartUpstream(Protocol):
    """The fixture `upstream`: starts a server."""

    async def __call__(self, *plays: Play) -> Upstream: ...


def request_to(server: Upstream, *, stream: bool = False, **more: Any) -> Request:
    """A request as the Switchboard makes it, for an upstream."""
    more.setdefault("messages", [{"role": "user", "content": "hi"}])
    more.setdefault("credentials", Credentials(api_key=KEY, api_base=server.base))
    model = Model(id="acme/m", provider="acme")
    return Request(id="call-1", requested="m", model=model, wire_name="m-1", stream=stream, **more)
