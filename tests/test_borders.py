"""The borders between the distributions, read from their import statements."""

import ast
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest
from packaging.utils import canonicalize_name

from tests.workspace import ROOT, Distribution, distributions

MEMBERS = distributions()
EVERY_MEMBER = pytest.mark.parametrize("member", MEMBERS, ids=[member.name for member in MEMBERS])
# Asks whether it is there, and does without.
OPTIONAL = {
    "modelplug-local": {"uv"},
    "modelplug-discovery": {"modelplug_litellm"},
    "modelplug-faces": {"httpx", "openai"},
}
MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MUTABLE_TYPES = {"list", "dict", "set", "defaultdict", "deque", "OrderedDict", "Counter"}


def test_the_core_needs_three_packages() -> None:
    """The core needs pluggy, attrs, platformdirs and nothing else."""
    assert MEMBERS[0].required == {"attrs", "platformdirs", "pluggy"}


@EVERY_MEMBER
def test_every_import_is_declared(member: Distribution) -> None:
    """A distribution imports the standard library, itself, and packages that its pyproject names."""
    providers = packages_distributions()
    undeclared = [
        str(found)
        for found in member.imports
        if found.top not in {*sys.stdlib_module_names, member.package, *OPTIONAL.get(member.name, ())}
        and not member.required & {canonicalize_name(name) for name in providers.get(found.top, [found.top])}
    ]
    assert undeclared == []


@EVERY_MEMBER
def test_no_distribution_enters_another_through_the_back(member: Distribution) -> None:
    """Only public modules of another member of the workspace are imported."""
    packages = {other.package for other in MEMBERS} - {member.package}
    private = [
        str(found)
        for found in member.imports
        if found.top in packages and any(part.startswith("_") for part in found.module.split("."))
    ]
    assert private == []


@EVERY_MEMBER
def test_litellm_is_imported_in_one_place_when_it_is_called(member: Distribution) -> None:
    """LiteLLM is imported in plugins/litellm alone, and there inside functions."""
    found = [found for found in member.imports if found.top == "litellm"]
    if member.name == "modelplug-litellm":
        found = [one for one in found if not one.in_function]
    assert [str(one) for one in found] == []


@EVERY_MEMBER
def test_no_module_has_globals_that_change(member: Distribution) -> None:
    """No function rebinds a global, and a table at module level is annotated with a type that cannot be changed."""
    changing = []
    for path in member.sources:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        rebound = [node for node in ast.walk(tree) if isinstance(node, ast.Global)]
        changing += [f"{path.relative_to(ROOT)}:{node.lineno}" for node in [*rebound, *filter(_changes, tree.body)]]
    assert sorted(changing) == []


def _changes(node: ast.stmt) -> bool:
    """Whether a statement at module level binds a table that any code may change without mypy's objection."""
    if isinstance(node, ast.Assign):
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        return names != ["__all__"] and _is_table(node.value)
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        words = {part.id for part in ast.walk(node.annotation) if isinstance(part, ast.Name)}
        outer = node.annotation.value if isinstance(node.annotation, ast.Subscript) else node.annotation
        return _is_table(node.value) and (ast.unparse(outer) in MUTABLE_TYPES or words <= {"Final"})
    return False


def _is_table(value: ast.expr) -> bool:
    return isinstance(value, MUTABLE) or (
        isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] in MUTABLE_TYPES
    )


QUIET_START = """
import _thread
import sys
import threading

seen = []
noisy = ("socket.connect", "socket.getaddrinfo", "socket.bind", "subprocess.Popen", "os.fork", "os.posix_spawn")
sys.addaudithook(lambda event, arguments: seen.append(event) if event.startswith(noisy) else None)
threading.Thread.start = lambda thread: seen.append("a thread")  # Python 3.11 has no event for it
_thread.start_new_thread = lambda *arguments: seen.append("a thread")

import modelplug

board = modelplug.Switchboard.load()
assert {plugin.state for plugin in board.plugins} == {"loaded"}, board.plugins
assert len(board.models) > 0
heavy = {"litellm", "openai", "httpx", "aiohttp", "requests", "pydantic", "xllamacpp"}
print(sorted(seen), sorted(heavy & set(sys.modules)))
"""


def test_a_start_is_quiet() -> None:
    """Importing, loading every plugin and listing every model opens no connection and starts no thread or process."""
    run = subprocess.run([sys.executable, "-c", QUIET_START], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("[] []\n", "")
