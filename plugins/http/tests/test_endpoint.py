"""From base URL to endpoint."""

import pytest
from modelplug_http.endpoint import CHAT, EMBEDDINGS, endpoint, same_server


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
