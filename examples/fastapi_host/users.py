"""Who calls, and what they may: what a real host has in its database. Here it is gone when the process ends."""

from __future__ import annotations

import secrets

from attrs import frozen
from modelplug import Credentials, Model, Switchboard


@frozen(kw_only=True)
class Tier:
    """Providers that the host pays for, and whether the user's own keys open all the others."""

    included: frozenset[str]
    own_keys: bool


@frozen(kw_only=True)
class User:
    name: str
    tier: Tier
    staff: bool = False


FREE = Tier(included=frozenset({"local"}), own_keys=False)
PAID = Tier(included=frozenset({"local"}), own_keys=True)
USERS = {
    "alice": User(name="alice", tier=FREE),
    "bob": User(name="bob", tier=PAID),
    "ops": User(name="ops", tier=PAID, staff=True),
}
PRIORITY = {"local/smollm2-135m": 10}
"""Models that are recommended; the highest is the first of the selector."""

_sessions: dict[str, User] = {}
_keys: dict[tuple[str, str], Credentials] = {}  # of a user, for a provider; Credentials do not print


def log_in(name: str) -> str | None:
    """A new session, or None for nobody. A toy: whoever says a name is that user."""
    if name not in USERS:
        return None
    session = secrets.token_urlsafe()
    _sessions[session] = USERS[name]
    return session


def of_session(session: str | None) -> User | None:
    """Whoever is logged in there."""
    return _sessions.get(session or "")


def key_given(user: User, provider: str) -> bool:
    """Whether the user gave a key for the provider. The key itself is for the board alone."""
    return (user.name, provider) in _keys


def give_key(user: User, provider: str, key: str) -> None:
    """Keeps the key. Raises ConfigError for what can be none."""
    _keys[user.name, provider] = Credentials(api_key=key)


def forget_key(user: User, provider: str) -> None:
    """The next call is without it."""
    _keys.pop((user.name, provider), None)


def credentials(board: Switchboard, provider: str, name: str) -> Credentials | None:
    """The host's own where the user's tier includes the provider, else the user's. With None there is no call."""
    if provider in USERS[name].tier.included:
        return board.settings.provider(provider).credentials()
    return _keys.get((name, provider))


def refusal(user: User, model: Model) -> str | None:
    """Why the user may not call the model, or None. No provider is named here: new ones are judged like the others."""
    if model.provider in user.tier.included:
        return None
    if not user.tier.own_keys:
        return f"{model.id} is not in your tier"
    return None if key_given(user, model.provider) else f"{model.id} needs your key for {model.provider}"
