"""Who may come in, and what browsers are told."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from modelplug import ConfigError, Model
from modelplug_status import status_app
from starlette.applications import Starlette
from starlette.routing import Mount

from plugins.status.tests.conftest import Serve, board_with, served

TOKEN = "t-0123456789-secret"


@pytest.mark.parametrize("given", [None, "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer x", f"Bearer {TOKEN[:-1]}"])
async def test_without_the_token_nothing_is_told(serve: Serve, given: str | None) -> None:
    """Figures, live updates, the playground and the OpenAPI document; the token stands in no answer."""
    client = await serve(board_with(), token=TOKEN, playground=True)
    headers = {} if given is None else {"authorization": given}
    for path in ("/api/llm/health", "/api/llm/live", "/openapi.json", "/api/llm/nothing"):
        answer = await client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert TOKEN not in answer.text
    assert (await client.post("/api/llm/playground", headers=headers, json={})).status_code == 401


async def test_with_the_token_all_is_told(serve: Serve) -> None:
    """The page itself needs none: it asks for it."""
    client = await serve(board_with(), token=TOKEN)
    assert (await client.get("/api/llm/health", headers={"authorization": f"bearer {TOKEN}"})).status_code == 200
    assert (await client.get("/")).status_code == 200


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test", "", "localhost.evil.test:80"])
async def test_a_foreign_name_that_leads_here_is_refused(serve: Serve, host: str) -> None:
    """A page elsewhere cannot read what is served on this machine by pointing its own name here."""
    client = await serve(board_with(), hosts=("127.0.0.1", "localhost", "[::1]"))
    assert (await client.get("/api/llm/health", headers={"host": host})).status_code == 421
    assert (await client.get("/api/llm/health")).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://[evil", "http://127.0.0.1:1"])
async def test_pages_of_other_origins_are_refused(serve: Serve, origin: str) -> None:
    """No call of a model from somebody else's page; there is no CORS header either."""
    client = await serve(board_with(), playground=True, hosts=("127.0.0.1",))
    body = {"model": "one", "messages": [{"role": "user", "content": "hi"}]}
    answer = await client.post("/api/llm/playground", json=body, headers={"origin": origin})
    assert answer.status_code == 403
    own = str(client.base_url).rstrip("/")
    answer = await client.post("/api/llm/playground", json=body, headers={"origin": own})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_in_a_host_other_origins_are_the_hosts_matter(serve: Serve) -> None:
    """A page of another origin that the host lets in may ask; without the host browsers ask first, and are refused."""
    client = await serve(board_with(), playground=True)
    elsewhere = {"origin": "https://app.example.test"}
    assert (await client.get("/api/llm/health", headers=elsewhere)).status_code == 200
    asked = {**elsewhere, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    answer = await client.request("OPTIONS", "/api/llm/playground", headers=asked)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("token", ["", "two words", "clé", "line\nbreak"])
def test_a_token_that_cannot_be_sent_is_refused(token: str) -> None:
    """At once, without showing it: an empty one would let everybody in."""
    with pytest.raises(ConfigError) as caught:
        status_app(board_with(), token=token)
    assert not token or token not in str(caught.value)


async def test_every_answer_is_guarded(serve: Serve) -> None:
    """The page may load its own files only, and nobody may frame it or keep its figures."""
    client = await serve(board_with(), token=TOKEN)
    for path in ("/", "/api/llm/health", "/nothing"):
        headers: Mapping[str, str] = (await client.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] in ("no-store", "no-cache")


async def test_a_fault_of_ours_tells_nothing(serve: Serve) -> None:
    """Status 500 in the envelope, guarded as all, without what was raised: that is for the log."""

    def choose(model: Model) -> dict[str, object]:
        raise RuntimeError("password 7 in /etc/x")

    client = await serve(board_with(), choose=choose)
    answer = await client.get("/api/llm/models")
    assert (answer.status_code, answer.json()["success"]) == (500, False)
    assert "password" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_it_is_mounted_in_one_line() -> None:
    """Under any path of a host, token and page included."""
    host = Starlette(routes=[Mount("/ops/llm", status_app(board_with(), token=TOKEN))])
    async with served(host) as client:
        assert (await client.get("/ops/llm/")).status_code == 200
        assert (await client.get("/ops/llm/api/llm/health")).status_code == 401
        headers = {"authorization": f"Bearer {TOKEN}"}
        assert (await client.get("/ops/llm/api/llm/health", headers=headers)).status_code == 200
        document = (await client.get("/ops/llm/openapi.json", headers=headers)).json()
        assert document["servers"] == [{"url": "/ops/llm"}]
