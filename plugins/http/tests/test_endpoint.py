"""From base URL to endpoint."""

import pytest
from modelplug import Unreachable
from modelplug_http.endpoint import CHAT, EMBEDDINGS, endpoint, proxy_for, same_server


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://h/v1", "https://h/v1/chat/completions"),
        ("https://h/v1/", "https://h/v1/chat/completions"),
        ("https://h", "https://h/chat/completions"),
        ("https://h/api/v3", "https://h/api/v3/chat/completions"),
        ("https://h/v1/chat/completions", "https://h/v1/chat/completions"),
        ("https://h/v1/chat/completions/", "https://h/v1/chat/completions"),
        ("https://h/v1/embeddings", "https://h/v1/chat/completions"),
    ],
)
def test_46_bases(base: str, url: str) -> None:
    """CQ-46: every way to write a base leads to the endpoint; no path is invented or doubled."""
    assert endpoint(base, CHAT) == url
    assert endpoint(base, EMBEDDINGS) == url.replace(CHAT, EMBEDDINGS)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("https://h/elsewhere", True),
        ("https://H:443/v1", True),
        ("http://h/v1", False),
        ("https://h:8443/v1", False),
        ("https://h.evil/v1", False),
        ("https://user@h/v1", False),
        ("https://h@evil/v1", False),
        ("file:///etc/passwd", False),
        ("https://[bad", False),
    ],
)
def test_one_server(other: str, same: bool) -> None:
    """A server is its scheme, host and port."""
    assert same_server("https://h/v1", other) is same


def test_a_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names proxies by scheme, and hosts that need none; it is asked only where the setting says so."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy:1")
    monkeypatch.setenv("no_proxy", "near.example")
    assert proxy_for("https://far.example/v1", "environment") == "http://proxy:1"
    assert proxy_for("https://near.example/v1", "environment") is None
    assert proxy_for("http://far.example/v1", "environment") is None
    assert proxy_for("https://far.example/v1", None) is None
    assert proxy_for("https://far.example/v1", "http://other:2") == "http://other:2"
    monkeypatch.setenv("https_proxy", "proxy:1")
    assert proxy_for("https://far.example/v1", "environment") == "http://proxy:1"
    monkeypatch.setenv("https_proxy", "socks5://user:hunter2@proxy:1")
    with pytest.raises(Unreachable, match="no HTTP proxy") as caught:
        proxy_for("https://far.example/v1", "environment")
    assert "hunter2" not in str(caught.value)
