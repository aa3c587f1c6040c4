"""Looks whether a provider can be called, one step after another, and says what to do at the first that fails."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from attrs import frozen
from modelplug import BadReply, CallFailed, ConfigError, Model, ModelNotFound, ModelplugError, Switchboard

from modelplug_discovery.fetching import fetch

SECONDS = 10.0
QUESTION: Sequence[Mapping[str, str]] = ({"role": "user", "content": "Say hello."},)
TOKENS = 16
"""Of the one answer that is asked for."""


@frozen(kw_only=True)
class Step:
    """What came of one step; `next_step` says what to do where it failed."""

    name: str
    ok: bool
    said: str
    next_step: str | None = None


def steps(board: Switchboard, provider: str, *, call: Model | None = None) -> Iterator[Step]:
    """Settings, name, connection, encryption, list of models and, where a model is given, one tiny call to it.

    Ends with the first step that fails. An endpoint without a list of models is no failure.
    """
    look = _Look(board, provider, call)
    wanted: list[tuple[str, Callable[[], str], str]] = [
        ("settings", look.settings, f"Write [providers.{provider}] into config.toml."),
        ("name", look.name, "Look at the spelling of the address, and at the network of this machine."),
        ("connection", look.connection, "Look at the port and at firewalls; behind a proxy set `proxy`."),
        ("encryption", look.encryption, "Look at the certificate, this machine's clock, and who reads the traffic."),
        ("models", look.models, "Look at the key, and whether it is for this address."),
    ]
    if call is not None:
        wanted.append(("call", look.call, "The message says why; `modelplug chat -vv` shows each step of a call."))
    for title, question, next_step in wanted:
        step = _tried(title, question, next_step)
        yield step
        if not step.ok:
            return


class _Look:
    """The steps, each a question whose answer is in words; what fails raises."""

    def __init__(self, board: Switchboard, provider: str, model: Model | None) -> None:
        self._board, self._model = board, model
        self._own = board.settings.provider(provider)
        self._address = ("", 0)
        self._encrypted = False

    def settings(self) -> str:
        credentials = self._own.credentials()
        if credentials.api_base is None:
            step = "Say where it is: https://host/v1. Where a plugin knows the way, try `modelplug chat`."
            raise ConfigError(self._own.variable("api_base"), "is not set", step)
        base = urlsplit(credentials.api_base)
        self._encrypted = base.scheme == "https"
        self._address = (base.hostname or "", base.port or (443 if self._encrypted else 80))
        return "an address and a key" if credentials.api_key else "an address, no key"

    def name(self) -> str:
        found = socket.getaddrinfo(*self._address, type=socket.SOCK_STREAM)
        return f"stands for {len({address[4][0] for address in found})} addresses"

    def connection(self) -> str:
        with socket.create_connection(self._address, timeout=SECONDS):
            return "accepted"

    def encryption(self) -> str:
        if not self._encrypted:
            return "none (http)"
        context = ssl.create_default_context()
        with (
            socket.create_connection(self._address, timeout=SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=self._address[0]) as wrapped,
        ):
            return str(wrapped.version())

    def models(self) -> str:
        try:
            return f"{len(asyncio.run(fetch(self._own, seconds=SECONDS)).entries)} listed"
        except (ModelNotFound, BadReply):
            return "no list; name them with `models`"

    def call(self) -> str:
        return asyncio.run(self._called())

    async def _called(self) -> str:
        assert self._model is not None  # noqa: S101  # there is no such step without one
        async with self._board as board:
            reply = await board.complete(self._model.id, QUESTION, max_tokens=TOKENS, timeout=60)
        cost = reply.call.cost if reply.call else None
        return f"answered, {'cost unknown' if cost is None else f'${cost:f}'}"


def _tried(title: str, look: Callable[[], str], next_step: str) -> Step:
    try:
        return Step(name=title, ok=True, said=look())
    except ConfigError as error:
        return Step(name=title, ok=False, said=str(error))
    except ModelplugError as error:
        said = f"{type(error).__name__}: {error.message if isinstance(error, CallFailed) else error}"
        return Step(name=title, ok=False, said=said, next_step=next_step)
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        return Step(name=title, ok=False, said=str(said), next_step=next_step)
