"""What the workspace's own files say: distributions, their sources, their imports."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


@frozen(kw_only=True)
class Import:
    """One imported module, and where: inside a function it happens at the first call, not at import."""

    module: str
    path: Path
    line: int
    in_function: bool

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.module}"


@frozen(kw_only=True)
class Distribution:
    """One member of the workspace."""

    folder: Path
    project: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.project["name"])

    @property
    def package(self) -> str:
        return self.name.replace("-", "_")

    @property
    def front_door(self) -> Path:
        return self.folder / "src" / self.package / "__init__.py"

    @property
    def requirements(self) -> list[Requirement]:
        return [Requirement(line) for line in self.project["dependencies"]]

    @property
    def required(self) -> set[str]:
        return {canonicalize_name(requirement.name) for requirement in self.requirements}

    @property
    def sources(self) -> list[Path]:
        return sorted((self.folder / "src").rglob("*.py"))

    @property
    def imports(self) -> list[Import]:
        return [found for path in self.sources for found in imports_of(path)]


def distributions() -> list[Distribution]:
    """All members, the core first."""
    files = [ROOT / "core" / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml"))]
    return [
        Distribution(folder=file.parent, project=tomllib.loads(file.read_text(encoding="utf-8"))["project"])
        for file in files
    ]


def imports_of(path: Path) -> list[Import]:
    """Every import statement of a file, relative ones left out: they cannot cross a border."""
    return list(_imports(ast.parse(path.read_text(encoding="utf-8")), path, in_function=False))


def _imports(node: ast.AST, path: Path, *, in_function: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        for name in _modules(child):
            yield Import(module=name, path=path, line=getattr(child, "lineno", 0), in_function=in_function)
        inside = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if not (isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")):
            yield from _imports(child, path, in_function=inside)


def _modules(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), names=names, level=0):
            return [f"{module}.{alias.name}" for alias in names]
    return []
