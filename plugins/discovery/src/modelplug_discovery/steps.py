"""Looks whether a provider can be called, one step after another, and says what to do where one fails."""

from __future__ import annotations

import asyncio
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.client import HTTPSConnection
from urllib.parse import unquote, urlsplit

from attrs import frozen
from modelplug import (
    AuthFailed,
    BadReply,
    BadRequest,
    CallFailed,
    ConfigError,
    ModelNotFound,
    ModelplugError,
    RateLimited,
    Switchboard,
    TimedOut,
    Unavailable,
    Unreachable,
)
from modelplug_http.endpoint import proxy_for
from modelplug_http.options import Options

from modelplug_discovery.entries import entries
from modelplug_discovery.fetching import fetch

SECONDS = 10.0


@frozen(kw_only=True)
class Step:
    """What came of one step; `next_step` says what to do where it failed. A call has a model, and a cost if known."""

    name: str
    ok: bool
    said: str
    next_step: str | None = None
    model: str | None = None
    cost: Decimal | None = None


class Look:
    """A look at one provider, step by step: nothing in it costs anything.

    An endpoint without a list of models is no failure. Where `calls` follow, neither is one that has no time for its
    list, or refuses it to a strategy that translates: the provider may speak another dialect than OpenAI's.
    """

    def __init__(self, board: Switchboard, provider: str, *, calls: bool) -> None:
        self._board, self._calls = board, calls
        self._own = board.settings.provider(provider)
        self._first = next((model for model in board.models if model.provider == provider), None)
        self._base = urlsplit("")
        self._proxy: str | None = None
        self.problem = getattr(board.plugin("discovery"), "problems", {}).get(provider)
        """What is wrong with its table, so that it has no models."""
        self._address_unknown = False
        self.listed: frozenset[str] = frozenset()
        """The names of the models that the provider lists, once it was asked."""

    def steps(self) -> Iterator[Step]:
        """Settings, name, connection, encryption and list of models. Ends with the first that fails."""
        wanted: list[tuple[str, Callable[[], str], str]] = [
            ("settings", self._settings, f"Write [providers.{self._own.name}] into config.toml."),
            ("name", self._name, "Look at the spelling of the address, and at the network of this machine."),
            ("connection", self._connection, "Look at the port and at firewalls; behind a proxy set `proxy`."),
            ("encryption", self._encryption, "Look at the certificate, this machine's clock, and who reads along."),
            ("models", self._models, "Look at the key, and whether it is for this address."),
        ]
        for title, question, next_step in wanted:
            step = _tried(title, question, next_step)
            yield step
            if not step.ok or self._address_unknown:
                return

    def _settings(self) -> str:
        if self.problem is not None:
            raise self.problem
        credentials = self._own.credentials()
        strategy = None
        if self._first is not None:
            _, strategy = self._board.route(self._first)
            for option in self._first.requires:
                if getattr(credentials, option, None) is None and not self._own.get(option):
                    raise ConfigError(self._own.variable(option), "is not set", "Set it.")
        held = "a key" if credentials.api_key else "no key"
        if credentials.api_base is None:
            if strategy is None:
                raise ConfigError(self._own.variable("api_base"), "is not set", "Say where it is: https://host/v1.")
            self._address_unknown = True
            said = f"{held}; the address is known to the strategy {strategy!r} alone"
            return said if self._calls else f"{said}: --call tries it"
        self._base = urlsplit(credentials.api_base)
        self._proxy = proxy_for(credentials.api_base, Options.read(self._own).proxy)
        return f"an address and {held}" if credentials.api_key else f"an address, {held}"

    def _name(self) -> str:
        found = socket.getaddrinfo(*self._next_hop(), type=socket.SOCK_STREAM)
        count = len({address[4][0] for address in found})
        return f"stands for {count} address{'es' * (count > 1)}{self._whose()}"

    def _connection(self) -> str:
        with socket.create_connection(self._next_hop(), timeout=SECONDS):
            return f"accepted{self._whose()}"

    def _encryption(self) -> str:
        if self._base.scheme != "https":
            return "none (http)"
        if self._proxy is not None and urlsplit(self._proxy).scheme == "https":
            return "not looked at: the proxy is encrypted itself"
        host, port = _place(self._base.geturl())
        context = ssl.create_default_context()
        reached = HTTPSConnection(*self._next_hop(), timeout=SECONDS, context=context)
        if self._proxy is not None:
            reached.set_tunnel(host, port, headers=_pass(self._proxy))
        try:
            reached.connect()
            return str(reached.sock.version())
        except ssl.SSLError:
            raise
        except OSError as error:
            if self._proxy is None or error.errno is not None:
                raise
            raise Unreachable("the proxy made no connection to the provider") from None
        finally:
            reached.close()

    def _models(self) -> str:
        try:
            listing = asyncio.run(fetch(self._own, seconds=SECONDS))
        except (ModelNotFound, BadReply):
            return "no list; name them with `models`"
        except RateLimited:
            if not self._calls:
                raise
            return "the list is refused for now (RateLimited); the calls will say more"
        except (AuthFailed, BadRequest) as error:
            if not self._calls or self._first is None or self._board.route(self._first)[1] == "http":
                raise
            return f"no list in OpenAI's way ({type(error).__name__}); the calls will say more"
        self.listed = frozenset(entry.id for entry in listing.entries)
        strange = [entry.id for entry in entries(self._own) if self.listed and entry.id not in self.listed]
        more = f"; not among them: {', '.join(strange[:5])}" if strange else ""
        return f"{len(self.listed):,} listed{more}"

    def _next_hop(self) -> tuple[str, int]:
        """Where the first connection goes: to the proxy, where there is one."""
        return _place(self._proxy or self._base.geturl())

    def _whose(self) -> str:
        return ", of the proxy" if self._proxy else ""


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _pass(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    told = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(told.encode()).decode()}"}


def _tried(title: str, look: Callable[[], str], next_step: str) -> Step:
    try:
        return Step(name=title, ok=True, said=look())
    except ConfigError as error:
        return Step(name=title, ok=False, said=str(error))
    except (RateLimited, TimedOut, Unavailable) as error:
        return Step(name=title, ok=False, said=said_of(error), next_step="Wait a little, then try again.")
    except ModelplugError as error:
        return Step(name=title, ok=False, said=said_of(error), next_step=next_step)
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        return Step(name=title, ok=False, said=str(said), next_step=next_step)


def said_of(error: ModelplugError) -> str:
    """An error in a step's words."""
    return f"{type(error).__name__}: {error.message}" if isinstance(error, CallFailed) else str(error)
