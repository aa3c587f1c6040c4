"""Every setting in force, with its source. Secrets are hidden by their names, so that a mistake hides too much."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve, frozen
from modelplug import ProviderSettings, Secret, Settings, Switchboard, Table

_SECRET = re.compile(r"key|secret|token|pass|auth|cred|cookie|header|private|^url$", re.IGNORECASE)
_KEYS = ("api_key", "api_key_env", "api_key_file")
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
    """All settings that have a value, sorted by table and name; those of providers last."""
    settings = board.settings
    names = {*settings.providers, *(model.provider for model in board.models)}
    tables = [settings.provider(name) for name in sorted(names)]
    lent = {other for table in tables for other in table.get("also", ())}
    prefixes = {table.variable("") for table in tables} | {variables_of(settings, other).variable("") for other in lent}
    return [*_of_tables(settings), *(found for table in tables for found in _of_provider(table, prefixes))]


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


def _of_provider(table: ProviderSettings, prefixes: Iterable[str]) -> Iterator[Setting]:
    """Settings of one provider. A variable belongs to the longest of all prefixes that it begins with."""
    settings, own = table.settings, table.variable("")
    longer = tuple(prefix for prefix in prefixes if prefix.startswith(own) and prefix != own)
    options = {
        option
        for layer in (settings.argument, settings.file, settings.defaults)
        for option in layer.get("providers", {}).get(table.name, {})
    }
    options.update(
        variable.removeprefix(own).lower()
        for variable in settings.environment
        if variable.startswith(own) and not variable.startswith(longer)
    )
    found = {setting.name: setting for setting in [*_of_table(table, options), *_borrowed(table)]}
    yield from (found[name] for name in sorted(found))


def _borrowed(table: ProviderSettings) -> list[Setting]:
    """Key and base under another name that stand in for the provider's own, see `ProviderSettings.credentials`."""
    base = table.find("api_base")
    if table.find(*_KEYS) is None and (base is None or base.default):
        for other in table.get("also", ()):
            lent = variables_of(table.settings, other)
            if lent.find(*_KEYS) is not None and lent.find("api_base") is not None:
                found = _of_table(lent, {*_KEYS, "api_base"})
                return [evolve(setting, name=f"{'.'.join(table.path)}.{setting.name}") for setting in found]
    return []


def variables_of(settings: Settings, prefix: str) -> Table:
    """The variables that begin with a prefix, as a table."""
    return Table(settings=evolve(settings, argument={}, file={}, defaults={}), path=(), prefix=prefix)


def _of_table(table: Table, options: set[str]) -> Iterator[Setting]:
    for option in sorted(options):
        found = table.find(option)
        if found is not None:
            name = ".".join((*table.path, option))
            yield Setting(name=name, value=_hidden(option, found.value), source=_source(found.setting))


def _source(setting: str) -> str:
    """A variable's name, or the layer: the place within it is the setting's own name."""
    return setting.partition(", ")[0]


def _hidden(option: str, value: Any) -> Any:
    """The value without what is nobody's business."""
    if isinstance(value, Secret) or (_SECRET.search(option) and not _points(option, value)):
        return "***"
    if isinstance(value, Mapping):
        return {name: _hidden(str(name), inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden(option, inner) for inner in value]
    if isinstance(value, str) and "://" in value and ("@" in value or "?" in value):
        return "***"  # credentials in an address
    return value


def _points(option: str, value: Any) -> bool:
    """Whether the value says where a secret is. A key that stands where its variable's name belongs does not."""
    return option.endswith("_file") or (option.endswith("_env") and str(value).isidentifier())


def _toml_text(value: Any) -> str:
    import json

    from modelplug_cli._json import plain

    return json.dumps(value, ensure_ascii=False, default=plain)
