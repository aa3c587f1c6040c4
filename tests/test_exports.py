"""The front door of each distribution: what `from package import ...` offers."""

import ast
import importlib
import re
from importlib.metadata import EntryPoint

import pytest

from tests.workspace import Distribution, distributions

MEMBERS = distributions()
EVERY_MEMBER = pytest.mark.parametrize("member", MEMBERS, ids=[member.name for member in MEMBERS])


@EVERY_MEMBER
def test_the_export_list_is_sorted_and_complete(member: Distribution) -> None:
    """`__all__` holds, sorted, each public name that the front door defines or takes from its own package."""
    tree = ast.parse(member.front_door.read_text(encoding="utf-8"))
    public = {name for node in tree.body for name in _names(node, member.package) if not name.startswith("_")}
    assert importlib.import_module(member.package).__all__ == sorted(public)


@EVERY_MEMBER
def test_every_exported_name_is_there(member: Distribution) -> None:
    """Each name of `__all__` can be imported."""
    package = importlib.import_module(member.package)
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


@EVERY_MEMBER
def test_every_entry_point_names_something_public(member: Distribution) -> None:
    """What a distribution's entry points name is there, has a public path, and shows its types to type checkers."""
    tables = [member.project.get("scripts", {}), member.project.get("entry-points", {}).get("modelplug", {})]
    points = [EntryPoint(name=name, value=value, group="") for table in tables for name, value in table.items()]
    assert [point.value for point in points if re.search(r"(^|[.:])_", point.value)] == []
    assert all(callable(point.load()) for point in points)
    assert member.front_door.with_name("py.typed").exists()


def _names(node: ast.stmt, package: str) -> list[str]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.ImportFrom(module=module, names=aliases, level=level) if level or _is_own(module, package):
            return [alias.asname or alias.name for alias in aliases]
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body):  # what a module's `__getattr__` imports when asked
            return [name for part in body for name in _names(part, package)]
    return []


def _is_own(module: str | None, package: str) -> bool:
    return module is not None and module.partition(".")[0] == package
