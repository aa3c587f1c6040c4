"""What may be wrong with an installation, read off its live settings. Nothing is called and nobody is asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

from modelplug import Model, ModelplugError, ProviderSettings, Switchboard

from modelplug_cli._finding import Finding
from modelplug_cli._provider import of_provider
from modelplug_cli._way import figures

MALICIOUS: Final = frozenset({"1.82.7", "1.82.8"})
"""Releases of LiteLLM that stole credentials (March 2026)."""


def findings(board: Switchboard) -> Iterator[Finding]:
    """Everything that is looked at, in the order in which it can break."""
    yield _python()
    yield from _versions()
    yield from _plugins(board)
    yield from _names(board)
    yield from _providers(board)
    yield _default_model(board)
    yield from _folders(board)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(state="ok", subject="Python", said=f"{version} at {sys.executable}")


def _versions() -> Iterator[Finding]:
    """One release of all our distributions, and a LiteLLM that can be trusted."""
    ours: dict[str, list[str]] = {}
    for found in distributions():
        name = (found.name or "").lower().replace("_", "-")
        if name == "modelplug" or name.startswith("modelplug-"):
            ours.setdefault(found.version, []).append(name)
        if name == "litellm" and found.version in MALICIOUS:
            step = "Uninstall it now, change every key that this machine could read, and install another release."
            yield Finding(state="wrong", subject="litellm", said=f"{found.version} steals credentials", next_step=step)
    core = next((version for version, names in ours.items() if "modelplug" in names), "?")
    yield Finding(state="ok", subject="modelplug", said=f"{core}, {sum(map(len, ours.values()))} distributions")


def _plugins(board: Switchboard) -> Iterator[Finding]:
    failed = [plugin for plugin in board.plugins if plugin.state == "failed"]
    for plugin in failed:
        source = " ".join(filter(None, (plugin.distribution, plugin.version)))
        step = f"Upgrade or uninstall {source or 'it'}, or keep it out: MODELPLUG_BLOCK={plugin.name}."
        yield Finding(state="wrong", subject=f"plugin {plugin.name}", said=plugin.reason or "failed", next_step=step)
    states = [plugin.state for plugin in board.plugins]
    blocked = [plugin.name for plugin in board.plugins if plugin.state == "blocked"]
    kept_out = f", kept out by a setting: {', '.join(blocked)}" if blocked else ""
    said = f"{states.count('loaded')} loaded, {len(board.models):,} models{kept_out}"
    yield Finding(state="ok", subject="plugins", said=said)
    yield figures(board)


def _names(board: Switchboard) -> Iterator[Finding]:
    """Names that stand for nothing, or for more than one model."""
    for alias, name in board.settings.aliases.items():
        try:
            board.resolve(name)
        except ModelplugError as error:
            step = "Mend it under [aliases] in config.toml."
            yield Finding(state="warning", subject=f"alias {alias}", said=str(error), next_step=step)
    clashes = board.catalog.clashes
    if clashes:
        name, owners = next(iter(clashes.items()))
        said = f"{len(clashes):,} names stand for several models, such as {name!r}: {', '.join(owners)}"
        step = "Choose under [aliases], take them out of `models` where a plugin brings them, or block a plugin."
        yield Finding(state="warning", subject="names", said=said, next_step=step)


def _providers(board: Switchboard) -> Iterator[Finding]:
    """Those that somebody has set up: a table of their own, or a key."""
    first: dict[str, Model] = {}
    for model in board.models:
        first.setdefault(model.provider, model)
    for name in sorted({*first, *board.settings.providers}):
        own = board.settings.provider(name)
        if name in first and not board.ready(first[name]) and not _set_up(own):
            continue
        problems = list(of_provider(board, own, first.get(name)))
        yield from problems
        if not problems:
            _, strategy = board.route(first[name])
            yield Finding(state="ok", subject=f"provider {name}", said=f"can be called, strategy {strategy}")


def _set_up(own: ProviderSettings) -> bool:
    found = own.find("api_key", "api_key_env", "api_key_file")
    return found is not None and not found.default


def _default_model(board: Switchboard) -> Finding:
    name = str(board.settings.get("default_model", "local"))
    try:
        model = board.resolve(name)
    except ModelplugError as error:
        step = "Set MODELPLUG_DEFAULT_MODEL to a name from `modelplug models list`."
        return Finding(state="warning", subject="default model", said=str(error), next_step=step)
    if board.ready(model):
        return Finding(state="ok", subject="default model", said=model.id)
    step = "`modelplug models list` shows what can be called now."
    return Finding(state="warning", subject="default model", said=f"{model.id} cannot be called yet", next_step=step)


def _folders(board: Switchboard) -> Iterator[Finding]:
    from platformdirs import user_cache_path

    path = board.settings.path
    if path is not None:
        said = f"{path}{'' if path.exists() else ' (not there, which is fine)'}"
        yield Finding(state="ok", subject="config.toml", said=said)
    folder = user_cache_path("modelplug", appauthor=False)
    above: Path = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    if os.access(above, os.W_OK):
        yield Finding(state="ok", subject="cache folder", said=str(folder))
    else:
        step = "Make it writable: models, lists and starts are kept there."
        yield Finding(state="warning", subject="cache folder", said=f"{folder} cannot be written", next_step=step)
