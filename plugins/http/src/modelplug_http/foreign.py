"""The one table from the HTTP client's exceptions to modelplug's errors."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import NamedTuple

from modelplug.errors import BadReply, BadRequest, CallFailed, StreamCut, TimedOut, Unreachable


class _Failure(NamedTuple):
    error: type[CallFailed]
    kind: str
    message: str
    retryable: bool | None = None


_CONNECT = _Failure(Unreachable, "connect", "no connection to the provider could be made")
_DNS = _Failure(Unreachable, "dns", "the name of the provider's host cannot be resolved")
_CERTIFICATE = _Failure(Unreachable, "tls", "the provider's certificate is not trusted", False)
_TLS = _Failure(Unreachable, "tls", "no secure connection to the provider could be made", False)
_PROXY = _Failure(Unreachable, "connect", "no connection to the proxy could be made")
_PROXYS_NAME = _Failure(Unreachable, "dns", "the name of the proxy's host cannot be resolved")
_REFUSED = _Failure(Unreachable, "connect", "the proxy made no connection to the provider")
_RESET = _Failure(Unreachable, "reset", "the provider closed the connection before it answered")
_CLOSED = _Failure(Unreachable, "reset", "the connection was closed while the call ran", False)
_REDIRECT = _Failure(Unreachable, "redirect", "the provider redirects the call; check the setting api_base", False)
_ADDRESS = _Failure(Unreachable, "connect", "the provider's address is not one that can be called", False)
_SLOW = _Failure(TimedOut, "timeout", "the provider did not answer in time")
_NO_CONNECTION = _Failure(TimedOut, "timeout", "no connection to the provider was made in time")
_CUT = _Failure(StreamCut, "cut", "the connection ended before the answer did")
_ENCODED = _Failure(BadReply, "decode", "the answer's compression is broken")
_PROTOCOL = _Failure(BadReply, "protocol", "the provider does not speak HTTP as it should")
_CALLER = _Failure(BadRequest, "client", "the request cannot be put into HTTP; look for line breaks in its headers")

BY_NAME: Mapping[str, _Failure] = {
    # aiohttp.client_exceptions
    "ClientError": _PROTOCOL,
    "ClientConnectionError": _RESET,
    "ClientConnectionResetError": _RESET,
    "ClientConnectorCertificateError": _CERTIFICATE,
    "ClientConnectorDNSError": _DNS,
    "ClientConnectorError": _CONNECT,
    "ClientConnectorSSLError": _TLS,
    "ClientHttpProxyError": _REFUSED,
    "ClientOSError": _RESET,
    "ClientPayloadError": _CUT,
    "ClientProxyConnectionError": _PROXY,
    "ClientResponseError": _PROTOCOL,
    "ClientSSLError": _TLS,
    "ConnectionTimeoutError": _NO_CONNECTION,
    "ContentTypeError": _PROTOCOL,
    "InvalidURL": _ADDRESS,
    "InvalidUrlClientError": _ADDRESS,
    "InvalidUrlRedirectClientError": _REDIRECT,
    "NonHttpUrlClientError": _ADDRESS,
    "NonHttpUrlRedirectClientError": _REDIRECT,
    "RedirectClientError": _REDIRECT,
    "ServerConnectionError": _RESET,
    "ServerDisconnectedError": _RESET,
    "ServerFingerprintMismatch": _CERTIFICATE,
    "ServerTimeoutError": _SLOW,
    "SocketTimeoutError": _SLOW,
    "TooManyRedirects": _REDIRECT,
    "UnixClientConnectorError": _CONNECT,
    "UploadAbortedError": _RESET,
    "WSMessageTypeError": _PROTOCOL,
    "WSServerHandshakeError": _PROTOCOL,
    # aiohttp.http_exceptions
    "BadHttpMessage": _PROTOCOL,
    "BadHttpMethod": _PROTOCOL,
    "BadStatusLine": _PROTOCOL,
    "ContentEncodingError": _ENCODED,
    "ContentLengthError": _CUT,
    "DecompressSizeError": _Failure(BadReply, "too_large", "the answer inflates beyond the limit"),
    "HttpBadRequest": _PROTOCOL,
    "HttpProcessingError": _PROTOCOL,
    "InvalidHeader": _PROTOCOL,
    "InvalidURLError": _PROTOCOL,
    "LineTooLong": _PROTOCOL,
    "PayloadEncodingError": _PROTOCOL,
    "TransferEncodingError": _PROTOCOL,
}
"""By the class's name, so that the table needs no import of the client."""

_BUILT_IN: tuple[tuple[type[BaseException], _Failure], ...] = (
    (ssl.SSLCertVerificationError, _CERTIFICATE),
    (ssl.SSLError, _TLS),
    (TimeoutError, _SLOW),
    (OSError, _RESET),
    (ValueError, _CALLER),
    (TypeError, _CALLER),
    (RuntimeError, _CLOSED),
)

ASKS_FOR_PASSWORD = 407
"""The status of a proxy that does not know who calls."""

_COMPRESSION = ("ContentEncodingError", "DecompressSizeError")


def foreign_errors() -> tuple[type[BaseException], ...]:
    """What may come out of the HTTP client: its own classes, and the built-in ones that it lets through."""
    import aiohttp
    from aiohttp.http_exceptions import HttpProcessingError

    return (aiohttp.ClientError, HttpProcessingError, *(cls for cls, _ in _BUILT_IN))


def failure_from(error: BaseException, *, proxied: bool = False) -> CallFailed:
    """The error of ours for an exception of the HTTP client. Its own text is dropped: it may name the base URL."""
    found = _found(error)
    if found is _REFUSED:
        return refused_by_proxy(getattr(error, "status", 0))
    if found is _DNS and proxied:  # the provider's name is left to the proxy
        found = _PROXYS_NAME
    return found.error(found.message, kind=found.kind, retryable=found.retryable)


def refused_by_proxy(status: int) -> CallFailed:
    """The error for a proxy that will not have the call. What it says of it is dropped: it may name the user."""
    if status == ASKS_FOR_PASSWORD:
        said = "the proxy wants a user name and a password, in the setting proxy: http://user:password@host:port"
    else:
        said = f"{_REFUSED.message} (status {status})"
    return Unreachable(said, kind="connect", status=status, retryable=status >= 500)


def _found(error: BaseException) -> _Failure:
    for cls in type(error).__mro__:
        if cls.__module__.startswith("aiohttp.") and cls.__name__ in BY_NAME:
            found = BY_NAME[cls.__name__]
            # A payload error only says that the body did not end well. Broken compression is told by its cause; any
            # other cause is a body that was cut short.
            cause = type(error.__cause__).__name__
            return BY_NAME[cause] if found is _CUT and cause in _COMPRESSION else found
    return next((found for cls, found in _BUILT_IN if isinstance(error, cls)), _PROTOCOL)
