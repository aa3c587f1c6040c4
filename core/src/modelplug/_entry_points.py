"""Finding installed plugins and importing each one alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from time import perf_counter
from typing import Any, Literal

from attrs import evolve, field, frozen

from modelplug._installed import EntryPoint, entry_points
from modelplug._redaction import redact
from modelplug.hooks import PROJECT

State = Literal["loaded", "blocked", "failed"]


@frozen(kw_only=True)
class Plugin:
    """What became of one plugin: an entry of `Switchboard.plugins`.

    `seconds` is the time its import took. `hooks` and `models` (a count) are what it brought. A plugin that failed
    brought nothing and says why in `reason`; one that could not bring some of its providers says why in `problems`, by
    provider.
    """

    name: str
    version: str | None = None
    distribution: str | None = None
    state: State = "loaded"
    reason: str | None = None
    seconds: float = 0.0
    hooks: tuple[str, ...] = ()
    models: int = 0
    problems: Mapping[str, str] = field(factory=dict, hash=False)

    def failed(self, reason: str) -> Plugin:
        """The same plugin, quarantined."""
        return evolve(self, state="failed", reason=reason, hooks=(), models=0, problems={})


def installed(*, only: Collection[str] | None, block: Collection[str]) -> Iterator[tuple[Plugin, Any]]:
    """Every installed plugin with what its entry point names, sorted by name; None for one that is not loaded.

    A blocked plugin is never imported. Of two with one name the first distribution by name wins. Whatever an import
    raises, SystemExit included, stays with its plugin.
    """
    found = [
        (Plugin(name=point.name, distribution=point.distribution, version=point.version), point)
        for point in entry_points(PROJECT)
    ]
    taken: dict[str, str | None] = {}
    for plugin, entry_point in sorted(found, key=lambda pair: (pair[0].name, pair[0].distribution or "")):
        if plugin.name in block:
            yield evolve(plugin, state="blocked", reason="blocked by a setting"), None
        elif only is not None and plugin.name not in only:
            yield evolve(plugin, state="blocked", reason="not in the list of plugins to load"), None
        elif plugin.name in taken:
            yield (
                plugin.failed(f"the name is taken by distribution {taken[plugin.name]!r}; uninstall one of them"),
                None,
            )
        else:
            taken[plugin.name] = plugin.distribution
            yield _imported(plugin, entry_point)
    for name in sorted(set(only or ()) - {plugin.name for plugin, _ in found} - set(block)):
        yield Plugin(name=name).failed("no installed package brings a plugin of this name"), None


def _imported(plugin: Plugin, entry_point: EntryPoint) -> tuple[Plugin, Any]:
    start = perf_counter()
    try:
        brought = entry_point.load()
        if isinstance(brought, type):
            brought = brought()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the border to foreign code: SystemExit of a plugin must not end the host
        return evolve(plugin, seconds=perf_counter() - start).failed(said(error)), None
    return evolve(plugin, seconds=perf_counter() - start), brought


def said(error: BaseException) -> str:
    """An exception of a plugin in one line."""
    first_line = redact((str(error).strip().splitlines() or [""])[0][:1_000])
    return f"{type(error).__name__}: {first_line[:300]}" if first_line else type(error).__name__
