"""Where settings come from: argument, environment, config.toml, plugin default, in this order.

The argument of `Switchboard.load(settings=...)`, config.toml and a plugin's `defaults` all have one shape:

    default_model = "v98store/gpt-4o-mini"

    [providers.v98store]
    api_key_env = "MY_KEY"

In the environment a setting is `MODELPLUG_DEFAULT_MODEL`, and a provider's setting begins with the provider's name:
`V98STORE_API_KEY`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from modelplug._endpoints import checked_base, checked_proxy
from modelplug._headers import checked_headers
from modelplug.credentials import Credentials, Secret, checked_key
from modelplug.errors import ConfigError

_Layer = Mapping[str, Any]
_NO_TABLE: _Layer = {}


@frozen(kw_only=True)
class Found:
    """A value and the name of the setting that gave it, for error messages."""

    value: Any
    setting: str
    option: str
    default: bool = False


@frozen(kw_only=True)
class Settings:
    """All settings of one Switchboard. Immutable; two boards share none."""

    argument: _Layer = field(default=_NO_TABLE, repr=False)
    environment: Mapping[str, str] = field(factory=lambda: os.environ, repr=False)
    file: _Layer = field(default=_NO_TABLE, repr=False)
    defaults: _Layer = field(default=_NO_TABLE, repr=False)
    path: Path | None = None

    def __attrs_post_init__(self) -> None:
        for layer, label in ((self.argument, "settings argument"), (self.file, "config.toml")):
            tables = layer.get("providers", _NO_TABLE)
            wrong = not isinstance(tables, Mapping) or not all(isinstance(t, Mapping) for t in tables.values())
            if wrong:
                raise ConfigError(f"{label}, providers", "is not made of tables", "Write [providers.NAME].")

    @classmethod
    def read(cls, argument: _Layer | None = None, *, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process; config.toml is read once, here.

        `MODELPLUG_CONFIG` names another file. Raises ConfigError when the file is not readable TOML.
        """
        environment = os.environ if environment is None else environment
        path = config_path(environment)
        return cls(argument=argument or {}, environment=environment, file=_toml(path), path=path)

    def again(self) -> Settings:
        """The same settings with config.toml as it is now."""
        return self if self.path is None else evolve(self, file=_toml(self.path))

    def over(self, defaults: Iterable[_Layer]) -> Settings:
        """The same settings over the defaults of these plugins, the first of them highest."""
        merged: dict[str, Any] = dict(self.defaults)
        providers: dict[str, Any] = dict(merged.get("providers", {}))
        for layer in defaults:
            providers = {**layer.get("providers", {}), **providers}
            merged = {**layer, **merged}
        return evolve(self, defaults={**merged, "providers": providers})

    def get(self, option: str, default: Any = None) -> Any:
        """The value of a setting at the top level, as it was written (text, when it comes from the environment)."""
        return self.table().get(option, default)

    def own(self, option: str) -> Any:
        """A table at the top level that only the host writes, in the argument or config.toml: no plugin's default."""
        return next((layer[option] for layer in (self.argument, self.file) if option in layer), {})

    def table(self, *path: str) -> Table:
        """A table of settings: `[metrics]` in config.toml is `table("metrics")`, and `MODELPLUG_METRICS_...`."""
        return Table(settings=self, path=path, prefix="_".join(("MODELPLUG", *path)))

    def provider(self, name: str) -> ProviderSettings:
        """The settings of one provider: `[providers.NAME]`, or variables that begin with its name."""
        return ProviderSettings(settings=self, path=("providers", name), prefix=name)

    @property
    def aliases(self) -> Mapping[str, str]:
        """Names of the host's own choice for models, from `[aliases]`. Raises ConfigError where they are none."""
        aliases = self.own("aliases")
        if not isinstance(aliases, Mapping):
            raise ConfigError("aliases", "is not a table", 'Write [aliases] and below it name = "model".')
        for alias, name in aliases.items():
            if not isinstance(alias, str) or not isinstance(name, str):
                raise ConfigError(f"aliases, {alias}", "is not the name of a model", 'Write name = "model".')
        return aliases

    @property
    def providers(self) -> tuple[str, ...]:
        """Names of all providers that have a table anywhere."""
        layers = (self.argument, self.file, self.defaults)
        return tuple(sorted({name for layer in layers for name in layer.get("providers", {})}))


@frozen(kw_only=True)
class Table:
    """One table of settings. Every look-up goes through all layers."""

    settings: Settings = field(repr=False)
    path: tuple[str, ...]
    prefix: str

    def get(self, option: str, default: Any = None) -> Any:
        """The value of an option as it was written (text, when it comes from the environment)."""
        found = self.find(option)
        return default if found is None else found.value

    def number(
        self, option: str, default: float | None = None, *, least: float | None = None, above: float | None = None
    ) -> float | None:
        """A number, which may have to be `above` another or `least` one. Raises ConfigError for anything else."""
        found = self.find(option)
        if found is None:
            return default
        try:
            number = float("nan") if isinstance(found.value, bool) else float(found.value)
        except (TypeError, ValueError):
            number = float("nan")
        if number != number or abs(number) == float("inf"):
            raise ConfigError(found.setting, "is not a number", "Write a plain number such as 2 or 0.5.")
        if above is not None and number <= above:
            raise ConfigError(found.setting, f"is not above {above:g}", "Write a larger number, or leave it out.")
        if least is not None and number < least:
            raise ConfigError(found.setting, f"is less than {least:g}", f"Write {least:g} or more, or leave it out.")
        return number

    def flag(self, option: str, default: bool = False) -> bool:
        """True or false. Raises ConfigError for anything but true, false, 1, 0, yes, no, on, off."""
        found = self.find(option)
        if found is None:
            return default
        word = str(found.value).strip().lower()
        if word not in _FLAGS:
            raise ConfigError(found.setting, "is neither true nor false", "Write true or false.")
        return _FLAGS[word]

    def names(self, option: str) -> tuple[str, ...] | None:
        """Names: a list, or text with commas. None when unset. Raises ConfigError for anything else."""
        found = self.find(option)
        if found is None:
            return None
        if not isinstance(found.value, (str, list, tuple, set, frozenset)):
            raise ConfigError(found.setting, "is no list of names", 'Write ["one", "two"], or one,two in a variable.')
        return names_in(found.value)

    def secret(self, option: str) -> Secret | None:
        """A secret: given as such, or through `OPTION_env` (a variable's name) or `OPTION_file` (a file's path).

        None when unset. Raises ConfigError when it is blank, broken by a newline or in quotes, or when the variable
        or file that it names has none.
        """
        found = self.find(option, f"{option}_env", f"{option}_file")
        return None if found is None else self.secret_in(found)

    def variable(self, option: str) -> str:
        """The environment variable of an option."""
        return variable_name(self.prefix, option)

    def find(self, *options: str) -> Found | None:
        """The first of these options in the highest layer that has any of them."""
        settings, where = self.settings, f"[{'.'.join(self.path)}] " if self.path else ""
        for option in options:
            if (value := _in(settings.argument, self.path, option)) is not None:
                return Found(value=value, setting=f"settings argument, {where}{option}", option=option)
        for option in options:
            if (variable := self.variable(option)) in settings.environment:
                return Found(value=settings.environment[variable], setting=variable, option=option)
        for option in options:
            if (value := _in(settings.file, self.path, option)) is not None:
                return Found(value=value, setting=f"config.toml, {where}{option}", option=option)
        for option in options:
            if (value := _in(settings.defaults, self.path, option)) is not None:
                return Found(value=value, setting=f"plugin default, {where}{option}", option=option, default=True)
        return None

    def secret_in(self, found: Found) -> Secret:
        """The secret that a look-up found, read from where it points to."""
        value, setting = found.value, found.setting
        if isinstance(value, Secret):
            return value
        if found.option.endswith("_file"):
            value = _read_secret_file(str(value), setting)
        elif found.option.endswith("_env"):
            if str(value) not in self.settings.environment:
                raise ConfigError(setting, "names a variable that is not set", "Set that variable, or name another.")
            setting, value = str(value), self.settings.environment[str(value)]
        if not isinstance(value, str):
            raise ConfigError(setting, "is no text", "Write the bare key as a text.")
        return checked_key(value, setting=setting)


@frozen(kw_only=True)
class ProviderSettings(Table):
    """The settings of one provider."""

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.path[1]

    @property
    def api_base(self) -> str | None:
        """The provider's base URL without a trailing slash. Raises ConfigError when it is not fit for use."""
        found = self.find("api_base")
        return None if found is None else self._base(found)

    @property
    def strategy(self) -> str | None:
        """The name of the strategy that carries calls to this provider."""
        name = self.get("strategy")
        return None if name is None else str(name)

    @property
    def proxy(self) -> str | None:
        """The HTTP proxy of calls to this provider: its own, else the one of the top level.

        "environment" stands for the one that HTTP_PROXY and its like name; None is none. Raises ConfigError.
        """
        found = self.find("proxy") or self.settings.table().find("proxy")
        if found is None or found.value in ("", "none"):
            return None
        return "environment" if found.value == "environment" else checked_proxy(str(found.value), setting=found.setting)

    def credentials(self) -> Credentials:
        """Key, base and headers for a call, from one place each.

        Where a plugin allows another name for the variables (`also`), key and base come from that name together,
        and only while the provider's own name has neither: a key never travels to a base that was meant for another.
        Raises ConfigError for whatever is wrong with them. A missing key is None: `Model.requires` judges.
        """
        key = self.find("api_key", "api_key_env", "api_key_file")
        base = self.find("api_base")
        if key is None and (base is None or base.default):
            key, base = self._borrowed() or (key, base)
        return Credentials(
            api_key=None if key is None else self.secret_in(key),
            api_base=None if base is None else self._base(base),
            headers=self._headers(),
            allow_link_local=self.flag("allow_link_local"),
        )

    def _headers(self) -> dict[str, str]:
        found = self.find("headers")
        if found is None:
            return {}
        if not isinstance(found.value, Mapping):
            raise ConfigError(found.setting, "is not a table", f'Write [providers.{self.name}.headers] and Name = "x".')
        return checked_headers(found.value, setting=found.setting)

    def _borrowed(self) -> tuple[Found, Found] | None:
        """Key and base under one of the other names that the plugin allows."""
        for other in self.names("also") or ():
            table = Table(settings=evolve(self.settings, argument={}, file={}, defaults={}), path=(), prefix=other)
            key, base = table.find("api_key", "api_key_env", "api_key_file"), table.find("api_base")
            if key is not None and base is not None:
                return key, base
            if key is not None or base is not None:
                there, lacking = (base, "api_key") if key is None else (key, "api_base")
                raise ConfigError(
                    table.variable(lacking),
                    f"is not set, though {there.setting if there else other} is",
                    f"Set both, or {self.variable('api_key')} alone.",
                )
        return None

    def _base(self, found: Found) -> str:
        return checked_base(str(found.value), setting=found.setting, allow_link_local=self.flag("allow_link_local"))


_FLAGS: Mapping[str, bool] = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}


def variable_name(prefix: str, option: str) -> str:
    """The environment variable of an option: `v98store`, `api_key` -> `V98STORE_API_KEY`."""
    return "".join(c if c.isalnum() else "_" for c in f"{prefix}_{option}").upper()


def names_in(names: str | Iterable[Any]) -> tuple[str, ...]:
    """Names as a setting or an argument may write them: a list, or text with commas."""
    parts = names.split(",") if isinstance(names, str) else names
    return tuple(str(part).strip() for part in parts if str(part).strip())


def config_path(environment: Mapping[str, str]) -> Path:
    """The path of config.toml: `MODELPLUG_CONFIG`, or the user's config folder on this platform."""
    if named := environment.get("MODELPLUG_CONFIG"):
        return Path(named)
    from platformdirs import user_config_path  # costs start-up time: only asked when it is needed

    return user_config_path("modelplug", appauthor=False) / "config.toml"


def _in(layer: _Layer, path: tuple[str, ...], option: str) -> Any:
    for name in path:
        found = layer.get(name, _NO_TABLE)
        if not isinstance(found, Mapping):
            raise ConfigError(".".join(path), f"{name!r} is not a table", "Write it as a table of settings.")
        layer = found
    return layer.get(option)


def _toml(path: Path) -> _Layer:
    try:
        text = path.read_text("utf-8-sig")  # some editors on Windows write a byte order mark
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError("config.toml", f"cannot be read: {reason}", f"Look at {path}.") from None
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("config.toml", f"is not TOML: {error}", f"Mend {path}.") from None


def _read_secret_file(path: str, setting: str) -> str:
    try:
        return Path(path).expanduser().read_text("utf-8-sig").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(setting, f"names a file that cannot be read: {reason}", "Check the path.") from None
