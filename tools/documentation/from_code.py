"""Reference pages from the code: what each distribution offers, by its docstrings."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from pages import ROOT

VERSION = version("modelplug")
READING = (
    *("switchboard", "hooks", "models", "catalog", "settings", "credentials", "strategy"),
    *("answers", "chunks", "calls", "errors"),
)
"""The modules behind the core's front door, in the order of the README; others follow."""


def reference() -> dict[str, str]:
    """A page for each distribution, by its place."""
    packages = [path.parent.name for pattern in ("core", "plugins/*") for path in _front_doors(pattern)]
    return {f"reference/code/{name}.rst": "\n".join(_page(importlib.import_module(name))) for name in packages}


def _front_doors(pattern: str) -> list[Path]:
    return sorted(ROOT.glob(f"{pattern}/src/*/__init__.py"))


def _page(package: ModuleType) -> Iterator[str]:
    name = package.__name__
    yield from _heading(f"``{name}``", "=")
    yield from (f".. automodule:: {name}", "   :no-members:", "")
    homes: dict[str, list[str]] = {}
    for exported in package.__all__:
        homes.setdefault(getattr(getattr(package, exported), "__module__", name), []).append(exported)
    order = {f"{name}.{module}": place for place, module in enumerate(READING)}
    for home in sorted(homes, key=lambda home: (order.get(home, len(order)), home)):
        yield from _heading(_first_line(importlib.import_module(home)), "-") if home != name else ()
        for exported in homes[home]:
            yield from _documented(name, exported, getattr(package, exported))
    for module in _modules(package):
        own = {name: thing for name, thing in _public(module) if getattr(package, name, None) is not thing}
        if own:
            yield from _heading(f"``{module.__name__}``", "-")
            yield from (f".. automodule:: {module.__name__}", "   :no-members:", "")
            for own_name, thing in own.items():
                yield from _documented(module.__name__, own_name, thing)


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    """The public modules below a package, but for programs."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not any(part.startswith("_") for part in found.name.split(".")):
            yield importlib.import_module(found.name)


def _public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name, thing in vars(module).items():
        documented = (inspect.isclass(thing) or inspect.isfunction(thing)) and bool(thing.__doc__)
        if documented and thing.__module__ == module.__name__ and not name.startswith("_"):
            yield name, thing


def _documented(module: str, name: str, thing: Any) -> Iterator[str]:
    if not isinstance(thing, click.Command):  # the page of the command has them
        kind = "autoclass" if inspect.isclass(thing) else "autofunction" if inspect.isroutine(thing) else "autodata"
        yield f".. {kind}:: {module}.{name}"
        yield from ("   :show-inheritance:", "") if getattr(thing, "__bases__", (object,)) != (object,) else ("",)


def _heading(title: str, line: str) -> Iterator[str]:
    yield from (title, line * len(title), "")


def _first_line(module: ModuleType) -> str:
    return (module.__doc__ or module.__name__).strip().splitlines()[0].rstrip(".")


def as_restructured_text(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Event `autodoc-process-docstring`: what our docstrings indent is code, or a drawing."""
    for place in range(len(lines) - 1, 0, -1):
        before = next((line for line in reversed(lines[:place]) if line.strip()), "")
        if lines[place].startswith("  ") and not lines[place - 1].strip() and not before.startswith("  "):
            code = lines[place].startswith("    ")
            lines[place:place] = [f".. code-block:: {'python' if code else 'text'}", ""]


def at_the_front_door(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Event `missing-reference`: a name that the front door has too is documented there."""
    package, _, name = str(node.get("reftarget", "")).partition(".")
    if not name or not package.startswith("modelplug"):
        return None
    target = f"{package}.{name.rpartition('.')[2]}"
    return env.domains["py"].resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, content)
