"""What may be wrong with one provider, read off its settings."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from modelplug import Credentials, Model, ModelplugError, ProviderSettings, Switchboard

from modelplug_cli._finding import Finding

_PLACEHOLDER: Final = re.compile(
    r"(?i)^(sk-)?(x{3,}|\.{3,}|<.*>|your[-_ ]?.*|change[-_ ]?me|todo|secret|key|test|none|null)$"
)
_ENDPOINTS: Final = ("/completions", "/embeddings", "/models", "/responses")
_PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


def of_provider(board: Switchboard, own: ProviderSettings, model: Model | None) -> Iterator[Finding]:
    """What is wrong with it, for calls to this model of its."""
    subject = f"provider {own.name}"
    problems = [plugin.problems[own.name] for plugin in board.plugins if own.name in plugin.problems]
    for problem in problems:
        yield Finding(state="wrong", subject=subject, said=problem)
    try:
        credentials = own.credentials()
        if model is None:
            if not problems:
                yield _without_models(own)
            return
        for option in missing(own, model, credentials):
            step = f"Set {own.variable(option)}."
            yield Finding(state="warning", subject=subject, said=f"{option} is not set", next_step=step)
        _, strategy = board.route(model)
    except ModelplugError as error:
        yield Finding(state="wrong", subject=subject, said=str(error))
        return
    yield from _of_key(own, credentials)
    found = own.find("api_base")
    default = found is not None and found.default and str(found.value).rstrip("/") == credentials.api_base
    if credentials.api_base is not None and not default:
        # The standard providers of LiteLLM speak many dialects, whose addresses have any path.
        openai = strategy == "http" or board.catalog.owner(model.id) != "litellm"
        yield from _of_address(own, credentials.api_base, openai=openai)
    silent = own.find("proxy") is None and own.settings.table().find("proxy") is None
    if credentials.api_base is not None and silent and any(os.environ.get(name) for name in _PROXIES):
        step = 'Set proxy = "environment" if it is needed, or "none".'
        said = "a proxy is set in the environment, and calls do not use it"
        yield Finding(state="warning", subject=subject, said=said, next_step=step)


def missing(own: ProviderSettings, model: Model, credentials: Credentials) -> list[str]:
    """The settings that calls to this model need, and that are not there."""
    return [
        option
        for option in model.requires
        if getattr(credentials, option, None) is None and own.find(option, f"{option}_env", f"{option}_file") is None
    ]


def _without_models(own: ProviderSettings) -> Finding:
    subject = f"provider {own.name}"
    if own.flag("discover"):
        step = f"Fetch its list: modelplug models refresh {own.name}."
        return Finding(state="warning", subject=subject, said="its models were never asked for", next_step=step)
    step = 'Install its plugin, or name its models: models = ["..."].'
    return Finding(state="wrong", subject=subject, said="has settings and no models", next_step=step)


def _of_key(own: ProviderSettings, credentials: Credentials) -> Iterator[Finding]:
    key = credentials.api_key
    if key is not None and _PLACEHOLDER.match(key.reveal()):
        step = f"Put the real key into {own.variable('api_key')}."
        said = "its key looks like a placeholder"
        yield Finding(state="wrong", subject=f"provider {own.name}", said=said, next_step=step)


def _of_address(own: ProviderSettings, base: str, *, openai: bool) -> Iterator[Finding]:
    parts, subject = urlsplit(base), f"provider {own.name}"
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        step = "Use https, unless nobody can listen in between."
        yield Finding(state="warning", subject=subject, said="its key travels without encryption", next_step=step)
    if openai and parts.path in ("", "/"):
        step = "Most providers want /v1 at the end of the address."
        yield Finding(state="warning", subject=subject, said="its address has no path", next_step=step)
    if openai and parts.path.endswith(_ENDPOINTS):
        step = "Write it up to /v1, without what follows."
        yield Finding(state="warning", subject=subject, said="its address is that of one endpoint", next_step=step)
