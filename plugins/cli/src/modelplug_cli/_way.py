"""The way of a call to one model, read off the live settings: each step, and the setting that decides it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from modelplug import Model, ModelplugError, ProviderSettings, Switchboard, Table

from modelplug_cli._facts import listed
from modelplug_cli._finding import Finding
from modelplug_cli._provider import missing, of_provider
from modelplug_cli._settings import variables_of

_KEYS: Final = ("api_key", "api_key_env", "api_key_file")
_TIMEOUT: Final = "600 s, as nothing says otherwise"


def way(board: Switchboard, name: str) -> Iterator[Finding]:
    """From the name to the wire. Raises UnknownModel or AmbiguousModel, which say what to do."""
    model = board.resolve(name)
    own = board.settings.provider(model.provider)
    yield _ok("name", _named(board, name, model))
    yield _ok("brought by", _brought(board, model))
    yield from _route(board, own, model)
    yield from _credentials(board, own, model)
    yield _ok("tries", _tries(board, own))
    yield _ok("timeout", _from(own, "timeout", "s") or _from(board.settings.table(), "timeout", "s") or _TIMEOUT)
    yield figures(board)


def figures(board: Switchboard) -> Finding:
    """Whether calls are counted, and where that is shown."""
    record = next((plugin for plugin in board.plugins if plugin.name == "metrics"), None)
    if record is not None and record.state == "loaded":
        said = (
            "calls are counted by the plugin metrics; `modelplug serve` shows them, and a host that mounts status_app"
        )
        return _ok("figures", said)
    why = "is not installed" if record is None else f"is {record.state}"
    step = "Install modelplug-metrics, or let it in: MODELPLUG_BLOCK, MODELPLUG_PLUGINS."
    return Finding(state="warning", subject="figures", said=f"nobody counts calls: metrics {why}", next_step=step)


def _ok(subject: str, said: str) -> Finding:
    return Finding(state="ok", subject=subject, said=said)


def _named(board: Switchboard, name: str, model: Model) -> str:
    if name == model.id:
        return f"{name} is an exact id"
    whose = "yours, from [aliases]" if name in board.settings.aliases else "an alias"
    return f"{name} is {whose} for {model.id}"


def _brought(board: Switchboard, model: Model) -> str:
    owner = board.catalog.owner(model.id)
    plugin = next((plugin for plugin in board.plugins if plugin.name == owner), None)
    source = "" if plugin is None else " ".join(filter(None, (plugin.distribution, plugin.version)))
    date = listed(board, model)
    more = f"; the provider's list was fetched {date}" if date else ""
    return f"the plugin {owner}{f' of {source}' if source else ''}, for the provider {model.provider}{more}"


def _route(board: Switchboard, own: ProviderSettings, model: Model) -> Iterator[Finding]:
    """The name on the wire and who carries the call."""
    try:
        wire_name, strategy = board.route(model)
    except ModelplugError as error:
        yield Finding(state="wrong", subject="strategy", said=str(error))
        return
    if wire_name.startswith((f"{model.provider}/", "openai-compatible/")):
        step = f"Its plugin should take the prefix off (hook wire_name), unless {model.provider} wants it."
        yield Finding(state="warning", subject="sent as", said=f"{wire_name}, with its prefix", next_step=step)
    else:
        yield _ok("sent as", wire_name)
    chosen = own.find("strategy")
    why = "no setting names one: its plugin decides" if chosen is None else f"by {chosen.setting}"
    yield _ok("strategy", f"{strategy}, {why}")


def _credentials(board: Switchboard, own: ProviderSettings, model: Model) -> Iterator[Finding]:
    """Where key and address come from, and what is wrong with them; never what they are."""
    table = _holder(own)
    key, base = table.find(*_KEYS), table.find("api_base")
    needed = "api_key" in model.requires
    if key is not None or not needed:
        yield _ok("key", "none, and none is needed" if key is None else f"from {key.setting}")
    if base is not None or "api_base" not in model.requires:
        yield _ok("address", "known to the strategy alone" if base is None else f"from {base.setting}")
    if (proxy := own.find("proxy") or board.settings.table().find("proxy")) is not None:
        yield _ok("proxy", f"from {proxy.setting}")
    try:
        lacking = missing(own, model, own.credentials())
    except ModelplugError:
        lacking = []  # told as what is wrong with the provider
    for option in lacking:
        step = f"Set {own.variable(option)}, or {option} under [providers.{own.name}] in config.toml."
        subject = {"api_key": "key", "api_base": "address"}.get(option, option)
        yield Finding(state="wrong", subject=subject, said="not set, and it is needed", next_step=step)
    for problem in of_provider(board, own, model):
        if not problem.said.endswith("is not set"):
            yield problem


def _holder(own: ProviderSettings) -> Table:
    """The table that has key and base: the provider's own, or that of another name which stands in for it."""
    base = own.find("api_base")
    if own.find(*_KEYS) is None and (base is None or base.default):
        for other in own.get("also", ()):
            lent = variables_of(own.settings, other)
            if lent.find(*_KEYS) is not None and lent.find("api_base") is not None:
                return lent
    return own


def _tries(board: Switchboard, own: ProviderSettings) -> str:
    usual = _from(board.settings.table("retry"), "attempts", "at most") or "3 at most, as nothing says otherwise"
    attempts = _from(own, "attempts", "at most") or usual
    tries = attempts if board.plugin("retry") is not None else "1, as the plugin retry is not loaded"
    places = _from(own, "max_concurrency", "calls at once")
    return f"{tries}; {places or 'no bound on calls at once'}"


def _from(table: Table, option: str, unit: str) -> str | None:
    """A number and where it is from."""
    found = table.find(option)
    return None if found is None else f"{found.value} {unit}, from {found.setting}"
