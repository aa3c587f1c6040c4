"""What may be wrong with an installation, read off its live settings. Nothing is called and nobody is asked."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from attrs import frozen
from modelplug import Model, ModelplugError, ProviderSettings, Switchboard

MALICIOUS: Final = frozenset({"1.82.7", "1.82.8"})
"""Releases of LiteLLM that stole credentials (March 2026)."""

_PLACEHOLDER: Final = re.compile(
    r"(?i)^(sk-)?(x{3,}|\.{3,}|<.*>|your[-_ ]?.*|change[-_ ]?me|todo|secret|key|test|none|null)$"
)
_PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


@frozen(kw_only=True)
class Finding:
    """One thing that was looked at. `next_step` says what to do where it is not ok."""

    state: Literal["ok", "warning", "wrong"]
    subject: str
    said: str
    next_step: str | None = None


def findings(board: Switchboard) -> Iterator[Finding]:
    """Everything that is looked at, in the order in which it can break."""
    yield _python()
    yield from _versions()
    yield from _plugins(board)
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
    loaded = sum(plugin.state == "loaded" for plugin in board.plugins)
    yield Finding(state="ok", subject="plugins", said=f"{loaded} loaded, {len(board.models):,} models")


def _providers(board: Switchboard) -> Iterator[Finding]:
    """Those that somebody has set up: a table of their own, or a key."""
    first: dict[str, Model] = {}
    for model in board.models:
        first.setdefault(model.provider, model)
    for name in sorted({*first, *board.settings.providers}):
        own = board.settings.provider(name)
        if name in first and not board.ready(first[name]) and not _set_up(own):
            continue
        problems = list(_of_provider(board, own, ready=name in first))
        yield from problems
        if not problems:
            _, strategy = board.route(first[name])
            yield Finding(state="ok", subject=f"provider {name}", said=f"can be called, strategy {strategy}")


def _set_up(own: ProviderSettings) -> bool:
    found = own.find("api_key", "api_key_env", "api_key_file")
    return found is not None and not found.default


def _of_provider(board: Switchboard, own: ProviderSettings, *, ready: bool) -> Iterator[Finding]:
    subject = f"provider {own.name}"
    try:
        credentials = own.credentials()
        model = next((model for model in board.models if model.provider == own.name), None)
        if model is None:
            step = 'Install its plugin, or name its models: models = ["..."].'
            yield Finding(state="wrong", subject=subject, said="has settings and no models", next_step=step)
            return
        for option in model.requires:
            if (
                own.find(option, f"{option}_env", f"{option}_file") is None
                and getattr(credentials, option, None) is None
            ):
                step = f"Set {own.variable(option)}."
                yield Finding(state="warning", subject=subject, said=f"{option} is not set", next_step=step)
        board.route(model)
    except ModelplugError as error:
        yield Finding(state="wrong", subject=subject, said=str(error))
        return
    key, base = credentials.api_key, credentials.api_base
    if key is not None and _PLACEHOLDER.match(key.reveal()):
        step = f"Put the real key into {own.variable('api_key')}."
        yield Finding(state="wrong", subject=subject, said="its key looks like a placeholder", next_step=step)
    if base is not None:
        parts = urlsplit(base)
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            step = "Use https, unless nobody can listen in between."
            yield Finding(state="warning", subject=subject, said="its key travels without encryption", next_step=step)
        if own.strategy == "http" and parts.path in ("", "/"):
            step = "Most providers want /v1 at the end of the address."
            yield Finding(state="warning", subject=subject, said="its address has no path", next_step=step)
        silent = own.find("proxy") is None and own.settings.table().find("proxy") is None
        if silent and any(os.environ.get(name) for name in _PROXIES):
            step = 'Set proxy = "environment" if it is needed, or "none".'
            said = "a proxy is set in the environment, and calls do not use it"
            yield Finding(state="warning", subject=subject, said=said, next_step=step)


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
