"""What LiteLLM and the clients below it may log of a call of ours.

At DEBUG and INFO LiteLLM writes whole requests into its log, extra headers and the base among them, and httpx writes
addresses. So while they work for us such lines are dropped; warnings pass the redaction boundary. With the setting
`log.content` all lines pass, and through it too. What a host does with LiteLLM by itself is not touched.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from attrs import frozen
from modelplug import Request
from modelplug.failures import redact, safe_text

LOGGERS: Final[Sequence[str]] = (
    "LiteLLM",
    "LiteLLM Proxy",
    "LiteLLM Router",
    "httpcore",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "httpx",
    "openai",
    "openai._base_client",
    "openai._response",
)
"""A filter sees the records of its own logger only, so each has its own."""


@frozen
class _Carried:
    request: Request
    content: bool

    def masked(self, text: str) -> str:
        """The text without the secrets of the call, and without all addresses unless content is wanted."""
        credentials = self.request.credentials
        secrets = (*credentials.secrets(), *self.request.headers.values())
        return credentials.masked(redact(text, secrets) if self.content else safe_text(text, secrets))


_carried: ContextVar[_Carried | None] = ContextVar("_carried", default=None)


@contextmanager
def discretion(request: Request, *, content: bool = False) -> Iterator[None]:
    """While LiteLLM works for this call, and in all that it leaves running, its log is kept discreet."""
    token = _carried.set(_Carried(request, content))
    try:
        yield
    finally:
        _carried.reset(token)


class Discreet(logging.Filter):
    """Drops or masks the records of loggers while they speak of a call of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may be told."""
        carried = _carried.get()
        if carried is None:
            return True
        if record.levelno < logging.WARNING and not carried.content:
            return False
        record.msg, record.args = carried.masked(record.getMessage()), ()
        record.exc_info = record.exc_text = record.stack_info = None  # a traceback quotes what it came by
        return True


def keep_discreet() -> None:
    """Put the filter at the loggers, once."""
    for logger in map(logging.getLogger, LOGGERS):
        if not any(isinstance(each, Discreet) for each in logger.filters):
            logger.addFilter(Discreet())
