"""From a model to whoever carries its calls, and with which credentials: worked out once, until a refresh."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

from attrs import evolve, frozen

from modelplug._calling import missing
from modelplug._plugged import Plugged
from modelplug.credentials import Credentials
from modelplug.errors import ConfigError, ModelplugError, NoStrategy
from modelplug.models import Model
from modelplug.settings import ProviderSettings, Settings
from modelplug.strategy import Bursts, Layer, Strategy, bursts_of, strategy_name

CredentialsFor = Callable[[str, str], Credentials | None]
"""What a host answers for the name of a provider and a tenant."""

DEFAULT_TIMEOUT = 600.0
"""Seconds a call may take when neither the call nor the setting `timeout` says otherwise (as the OpenAI client's)."""

_NO = frozenset({"", "false", "0", "no", "off"})
"""What a required setting may be set to without being there: `enabled = false`."""


@frozen(kw_only=True)
class Route:
    """Everything between a model's name and its strategy."""

    model: Model
    wire_name: str
    strategy: Strategy
    strategy_name: str
    bursts: Bursts | None
    timeout: float


class Routes:
    """The routes of one catalog. Strategies outlive it: they are noted in `strategies`, to be closed with the board."""

    def __init__(
        self,
        plugged: Plugged,
        settings: Settings,
        strategies: MutableMapping[tuple[str, int], Strategy],
        credentials_for: CredentialsFor | None,
    ) -> None:
        self._plugged = plugged
        self._settings = settings
        self._strategies = strategies
        self._credentials_for = credentials_for
        self._routes: dict[str, Route] = {}
        self._own: dict[str, Credentials] = {}

    def to(self, model: Model) -> Route:
        """The route to a model. Raises NoStrategy, ConfigError or PluginError."""
        route = self._routes.get(model.id)
        if route is None or route.model is not model:
            provider = self._settings.provider(model.provider)
            strategy = self._plugged.strategy(model, self._settings)
            if strategy is None:
                raise NoStrategy(model.id, _unclaimed(provider))
            route = Route(
                model=model,
                wire_name=self._plugged.wire_name(model),
                strategy=strategy,
                strategy_name=strategy_name(strategy),
                bursts=bursts_of(strategy),
                timeout=_timeout(provider, self._settings),
            )
            self._strategies[model.id, id(_innermost(strategy))] = strategy  # in place of that before a refresh
            self._routes[model.id] = route
        return route

    def credentials(self, model: Model, given: Credentials | None = None, tenant: str | None = None) -> Credentials:
        """The credentials for a call: those given with it, else its tenant's, else the provider's own.

        A key without a base goes to the provider's base; a base without a key never gets the provider's key.
        Raises ConfigError when something that the model requires is missing, or when a tenant has none.
        """
        if given is None and tenant is not None:
            given = self._tenants(model.provider, tenant)
        if given is None and (own := self._own.get(model.id)) is not None:
            return own
        provider = self._settings.provider(model.provider)
        if given is None:
            used = provider.credentials()
        elif given.api_base is None:
            allowed = given.allow_link_local or provider.flag("allow_link_local")
            used = evolve(given, api_base=provider.api_base, allow_link_local=allowed)
        else:
            used = given
        for option in model.requires:
            value = getattr(used, option) if option in ("api_key", "api_base") else provider.get(option)
            if value is None or str(value).strip().lower() in _NO:
                raise missing(provider.variable(option), option, model.id, model.provider)
        if given is None:
            self._own[model.id] = used
        return used

    def known_credentials(self, model: Model) -> Credentials:
        """The provider's own credentials where they can be read: what a call that never began must not show."""
        try:
            return self._settings.provider(model.provider).credentials()
        except ConfigError:
            return Credentials()

    def _tenants(self, provider: str, tenant: str) -> Credentials:
        if self._credentials_for is None:
            raise ConfigError("tenant", "this board looks up no credentials", "Give it credentials_for=.")
        try:
            found: object = self._credentials_for(provider, tenant)
        except ModelplugError:
            raise
        except Exception as error:  # the border to the host's code: its call ends in a record too
            raise ConfigError(
                "credentials_for",
                f"raised {type(error).__name__} for provider {provider!r}",
                "Call it alone to see why.",
            ) from error
        if found is None:
            raise ConfigError("tenant", f"has no credentials for provider {provider!r}", "Add them, or name none.")
        if not isinstance(found, Credentials):
            raise ConfigError(
                "credentials_for", f"answered a {type(found).__name__}", "Have it answer Credentials(...) or None."
            )
        return found


def _timeout(provider: ProviderSettings, settings: Settings) -> float:
    """Seconds of a call that says nothing of them."""
    return provider.number("timeout", above=0) or settings.table().number("timeout", above=0) or DEFAULT_TIMEOUT


def _innermost(strategy: Strategy) -> Strategy:
    """What carries the calls, below all layers: these are built anew after a refresh, and it is not."""
    while isinstance(strategy, Layer):
        strategy = strategy.inner
    return strategy


def _unclaimed(provider: ProviderSettings) -> str:
    if provider.strategy is None:
        return f"no plugin claimed it. Install a plugin for provider {provider.name!r}, or set its strategy"
    return (
        f"no plugin claimed strategy {provider.strategy!r} ({provider.variable('strategy')}). "
        f"Check the spelling, and that the plugin that brings it is loaded: `modelplug plugins list`"
    )
