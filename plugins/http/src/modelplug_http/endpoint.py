"""Where a call goes: from the base URL that a user gave to the URL of an endpoint, and through which proxy."""

from __future__ import annotations

from urllib.parse import urlsplit

from modelplug.errors import Unreachable

CHAT = "/chat/completions"
EMBEDDINGS = "/embeddings"


def endpoint(api_base: str, path: str) -> str:
    """The URL of an endpoint (`CHAT` or `EMBEDDINGS`) under a base.

    The base is taken as given, with or without `/v1`, `/api/v3` or a trailing slash: no path is invented. A base that
    already names an endpoint, as some users paste it, is cut back to its root first.
    """
    root = api_base.rstrip("/")
    for known in (CHAT, EMBEDDINGS):
        if root.endswith(known):
            root = root.removesuffix(known).rstrip("/")
    return root + path


def same_server(one: str, other: str) -> bool:
    """Whether two URLs have one scheme, host and port: whether a key for one may be sent to the other."""
    return _server(one) == _server(other)


def proxy_for(url: str, setting: str | None) -> str | None:
    """The proxy of a call: none, the one that is set, or for "environment" what HTTP_PROXY and its like say.

    Raises Unreachable where the environment names one that does not speak HTTP.
    """
    if setting != "environment":
        return setting
    from urllib.request import getproxies_environment, proxy_bypass

    parts = urlsplit(url)
    proxies = getproxies_environment()
    named = proxies.get(parts.scheme) or proxies.get("all")
    if not named or proxy_bypass(parts.netloc):
        return None
    proxy = named if "://" in named else f"http://{named}"
    if not proxy.startswith(("http://", "https://")):
        raise Unreachable("the proxy that the environment names is no HTTP proxy; set `proxy`", retryable=False)
    return proxy


def _server(url: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return None
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)
