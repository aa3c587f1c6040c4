"""Which base URLs a key may be sent to, and which addresses are a proxy's."""

from __future__ import annotations

from modelplug.errors import ConfigError

_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})
# Addresses of cloud metadata services outside the link-local range: Alibaba Cloud, AWS over IPv6, Oracle Cloud.
_METADATA_ADDRESSES = frozenset({"100.100.100.200", "fd00:ec2::254", "192.0.0.192"})


def checked_base(url: str, *, setting: str, allow_link_local: bool = False) -> str:
    """The base URL without trailing slashes.

    Raises ConfigError, naming `setting` and never the value, for a scheme other than http and https, credentials,
    a query or a fragment in it, a host that is not ASCII, and link-local or metadata addresses unless allowed.
    """
    from urllib.parse import urlsplit

    def refuse(problem: str, next_step: str = "Write it like https://host/v1.") -> ConfigError:
        return ConfigError(setting, problem, next_step)

    if not url.isascii() or any(c <= " " or c in '\\"<>^`{|}\x7f' for c in url):
        raise refuse("holds white space or a character that no URL can carry")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise refuse("is not a URL") from None
    if parts.scheme not in ("http", "https"):
        raise refuse("does not begin with http:// or https://")
    if not host:
        raise refuse("has no host")
    if parts.username is not None or parts.password is not None:
        raise refuse("has credentials in it", "Give the key as api_key, and the base without it.")
    if parts.query or parts.fragment:
        raise refuse("has a query or a fragment")
    if not allow_link_local and _is_metadata(host):
        raise refuse(
            "is a link-local or metadata address, where cloud credentials are served",
            "Write another address, or set allow_link_local = true beside it.",
        )
    return url.rstrip("/")


def checked_proxy(address: str, *, setting: str) -> str:
    """The address of an HTTP proxy, which may hold a user name and a password.

    Raises ConfigError, naming `setting` and never the value.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(address)
        fit = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fit = False
    if not fit:
        raise ConfigError(setting, "is no HTTP proxy", 'Write http://host:port, "environment" or "none".')
    return address


def _is_metadata(host: str) -> bool:
    import ipaddress
    import socket

    name = host.rstrip(".").lower()
    if name in _METADATA_NAMES or name in _METADATA_ADDRESSES:
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        try:  # the short, octal and single-number spellings that name resolution accepts: 2852039166
            address = ipaddress.ip_address(socket.inet_aton(name))
        except OSError:
            return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_link_local or str(address) in _METADATA_ADDRESSES
