"""What a provider's settings say about the wire: limits, deadlines, who we say we are."""

from __future__ import annotations

from attrs import field, frozen
from modelplug.settings import ProviderSettings

_MIB = 1024 * 1024


@frozen(kw_only=True)
class Options:
    """Limits in bytes, waits in seconds. Each is a setting of the provider under the same name.

    A reply over a limit is BadReply("too_large"); a wait that is over is TimedOut. The deadline of the whole call is
    not here: it comes with the call.
    """

    answer_limit: int = 16 * _MIB
    """One JSON answer, decompressed."""
    line_limit: int = 4 * _MIB
    """One event of a stream."""
    stream_limit: int = 256 * _MIB
    """A whole stream."""
    connect_timeout: float = 10.0
    """Until a connection stands, its encryption included."""
    first_byte_timeout: float = 300.0
    """From the request to the head of the answer."""
    idle_timeout: float = 120.0
    """Silence within an answer. Comments, which providers send to keep a connection open, are silence."""
    grace: float = 1.0
    """How long a stream may stay open after its finish reason: for usage, `[DONE]` and the end of the body."""
    user_agent: str = "modelplug"
    proxy: str | None = field(default=None, repr=False)
    """None: no proxy. "environment": the one that HTTP_PROXY and its like name. Else the proxy's URL."""

    @classmethod
    def read(cls, settings: ProviderSettings) -> Options:
        """The options of a provider.

        Raises ConfigError for a number that is none or is not above zero, and for a proxy that is none.
        """
        given: dict[str, object] = {}
        for name in ("answer_limit", "line_limit", "stream_limit"):
            if (number := settings.number(name, above=0)) is not None:
                given[name] = int(number)
        for name in ("connect_timeout", "first_byte_timeout", "idle_timeout", "grace"):
            if (number := settings.number(name, above=0)) is not None:
                given[name] = number
        if (agent := settings.get("user_agent")) is not None:
            given["user_agent"] = str(agent)
        return cls(proxy=settings.proxy, **given)  # type: ignore[arg-type]  # each name has its own type just above
