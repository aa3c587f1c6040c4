"""Every setting in force, with its source. Secrets are hidden by their names, so that a mistake hides too much."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve, frozen
from modelplug import ConfigError, Secret, Settings, Switchboard, Table

_SECRET = re.compile(r"key|secret|token|pass|auth|cred|cookie|header|private", re.IGNORECASE)
_POINTER = re.compile(r"_(env|file)$")
_OWN_VARIABLES = ("MODELPLUG_CONFIG", "MODELPLUG_DEBUG")
"""Variables that are read by other ways than the tables of settings."""


@frozen(kw_only=True)
class Setting:
    """One setting: its name as in config.toml, its value with secrets hidden, and where it comes from."""

    name: str
    value: Any
    source: str

    @property
    def shown(self) -> str:
        """The value as text."""
        return self.value if isinstance(self.value, str) else _toml_text(self.value)


def in_force(board: Switchboard) -> list[Setting]:
    """All settings that have a value, sorted by name, those of providers last."""
    settings = board.settings
    providers = {*settings.providers, *(model.provider for model in board.models)}
    found = [*_of_tables(settings), *(s for name in sorted(providers) for s in _of_provider(settings, name, providers))]
    return found


def _of_tables(settings: Settings) -> Iterator[Setting]:
    """Settings at the top level and in the tables of plugins."""
    tables: dict[tuple[str, ...], set[str]] = {(): set()}
    for layer in (settings.argument, settings.file, settings.defaults):
        for name, value in layer.items():
            if name != "providers" and isinstance(value, Mapping):
                tables.setdefault((name,), set()).update(value)
            elif name != "providers":
                tables[()].add(name)
    for variable in settings.environment:
        if variable.startswith("MODELPLUG_") and variable not in _OWN_VARIABLES:
            path, option = _place(variable.removeprefix("MODELPLUG_").lower(), tables)
            tables[path].add(option)
    for path in sorted(tables):
        yield from _of_table(settings.table(*path), tables[path])


def _place(name: str, tables: Mapping[tuple[str, ...], set[str]]) -> tuple[tuple[str, ...], str]:
    """The table that a variable belongs to, and its option there."""
    for path in tables:
        if path and name.startswith(prefix := f"{path[0].lower()}_"):
            return path, name.removeprefix(prefix)
    return (), name


def _of_provider(settings: Settings, name: str, providers: set[str]) -> Iterator[Setting]:
    table = settings.provider(name)
    options = {
        option
        for layer in (settings.argument, settings.file, settings.defaults)
        for option in layer.get("providers", {}).get(name, {})
    }
    prefix = table.variable("")
    longer = tuple(p for p in (settings.provider(n).variable("") for n in providers | _also(settings)) if len(p) > len(prefix))
    for variable in settings.environment:
        if variable.startswith(prefix) and not variable.startswith(longer):
            options.add(variable.removeprefix(prefix).lower())
    yield from _of_table(table, options)
    if not {"api_key", "api_key_env", "api_key_file"} & options:
        yield from _borrowed(settings, name, table.get("also", ()))


def _borrowed(settings: Settings, name: str, others: Any) -> Iterator[Setting]:
    """Key and base that stand in for the provider's own, see `ProviderSettings.credentials`."""
    for other in others:
        table = Table(settings=evolve(settings, argument={}, file={}, defaults={}), path=(), prefix=other)
        options = ("api_key", "api_key_env", "api_key_file", "api_base")
        found = [s for s in _of_table(table, set(options)) if s.source != name]
        if found:
            yield from (evolve(setting, name=f"providers.{name}.{setting.name}") for setting in found)
            return


def _also(settings: Settings) -> set[str]:
    return {other for name in settings.providers for other in settings.provider(name).get("also", ())}


def _of_table(table: Table, options: set[str]) -> Iterator[Setting]:
    for option in sorted(options):
        found = table.find(option)
        if found is not None:
            name = ".".join((*table.path, option))
            yield Setting(name=name, value=_hidden(option, found.value), source=_source(found.setting))


def _source(setting: str) -> str:
    """A variable's name, or the layer: the place within it is the setting's own name."""
    return setting.partition(", [")[0]


def _hidden(option: str, value: Any) -> Any:
    """The value without what is nobody's business."""
    if isinstance(value, Secret) or (_SECRET.search(option) and not _POINTER.search(option)):
        return "***"
    if isinstance(value, Mapping):
        return {name: _hidden(str(name), inner) for name, inner in value.items()}
    if isinstance(value, str) and "@" in value and "://" in value:
        return "***"  # credentials in an address
    return value


def _toml_text(value: Any) -> str:
    import json

    from modelplug_cli._json import plain

    return json.dumps(value, ensure_ascii=False, default=plain)
