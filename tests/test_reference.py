"""The reference says what the code says."""

import ast
import inspect
import re
from collections.abc import Iterator

import modelplug
import pytest
from attrs import fields
from modelplug import Attempt, Call, CallFailed, Failure, Hooks, Model, ModelplugError, Prices, Usage

from tests import command_line
from tests.workspace import ROOT, distributions

REFERENCE = ROOT / "docs" / "reference"
HOOKS = sorted(name for name in vars(Hooks) if not name.startswith("_"))
LOOK_UPS = {"get", "number", "flag", "secret", "find"}


def page(name: str) -> str:
    return (REFERENCE / name).read_text("utf-8")


def trees() -> Iterator[ast.AST]:
    """Every source of every distribution."""
    for member in distributions():
        for path in member.sources:
            yield ast.parse(path.read_text("utf-8"))


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_stands_there_with_its_signature(name: str) -> None:
    """A heading of hooks.md is its exact signature."""
    signature = str(inspect.signature(getattr(Hooks, name))).replace("'", "")
    assert f"### `{name}{signature}`\n" in page("hooks.md")


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_used_by_a_test_of_the_core(name: str) -> None:
    """Some test of the core implements it, or says its name."""
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "core" / "tests").glob("*.py"))
    fakes = (ROOT / "core" / "src" / "modelplug" / "testing.py").read_text("utf-8")
    assert name in tests or (f"def {name}(" in fakes and "Listener.on(" in tests)


def test_the_tree_of_errors_is_whole() -> None:
    """Every error stands in errors.md under its parent, in the order of errors.py."""
    drawn = re.search(r"```text\n(.*?)```", page("errors.md"), re.DOTALL)
    assert drawn is not None
    above: list[str] = []
    parents: dict[str, str | None] = {}
    for line in drawn[1].splitlines():
        name, depth = line.split()[0], (len(line) - len(line.lstrip())) // 2
        above[depth:] = [name]
        parents[name] = above[depth - 1] if depth else None
    errors = [e for e in vars(modelplug).values() if isinstance(e, type) and issubclass(e, ModelplugError)]
    assert parents == {e.__name__: None if e is ModelplugError else e.__base__.__name__ for e in errors if e.__base__}


def test_every_kind_is_there() -> None:
    """Each word that the code gives as a kind has a row in errors.md, and each row is a word of the code."""
    kinds, words = {CallFailed.kind}, set()
    for tree in trees():
        for node in ast.walk(tree):
            match node:
                case (
                    ast.keyword(arg="kind", value=value)
                    | ast.Assign(targets=[ast.Name(id="kind") | ast.Attribute(attr="kind")], value=value)
                ):
                    answers = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
                    kinds |= {a.value for a in answers if isinstance(a, ast.Constant) and isinstance(a.value, str)}
                case ast.Constant(value=str(word)):
                    words.add(word)
    rows = set(re.findall(r"^\| `([a-z_0-9]+)` \|", page("errors.md"), re.MULTILINE))
    assert (kinds - rows - {""}, rows - words) == (set(), set())


@pytest.mark.parametrize("record", [Model, Prices, Call, Attempt, Failure, Usage])
def test_every_field_is_there(record: type) -> None:
    """The section of a record in records.md names its fields, all of them."""
    section = page("records.md").split(f"\n## {record.__name__}\n")[1].split("\n## ")[0]
    missing = [field.name for field in fields(record) if f"`{field.name}`" not in section]
    assert missing == []


def test_every_setting_is_there() -> None:
    """What the code looks up in settings, providers, tables and the environment stands in settings.md."""
    found = set()
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOOK_UPS:
                holder = ast.unparse(node.func.value)
                if re.search(r"settings|provider|table|environ", holder) and "defaults" not in holder:
                    found |= {str(a.value) for a in node.args[:1] if isinstance(a, ast.Constant)}
    found |= {word for tree in trees() for word in _variables(tree)} | _options_of_the_wire()
    text = page("settings.md")
    assert sorted(name for name in found if not re.search(rf"`([a-z]+\.)?{name}`", text)) == []
    assert {"timeout", "group_ratio", "grace", "MODELPLUG_UV", "most_series", "default_model"} <= found


def _variables(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(word)) if re.fullmatch(r"MODELPLUG_[A-Z_]*[A-Z]", word):
                yield word


def _options_of_the_wire() -> set[str]:
    from modelplug_http.options import Options

    return {field.name for field in fields(Options)}


def test_the_command_says_what_the_page_says() -> None:
    """`.venv/bin/python -m tests.command_line` writes the page anew."""
    assert page("command-line.md") == command_line.page()


def test_every_claim_names_a_test_that_exists() -> None:
    """The tests that the explanations name are there."""
    gone = []
    for explanation in sorted((ROOT / "docs" / "explanation").glob("*.md")):
        path = ""
        for word in re.findall(r"`([a-z0-9_/]+\.py|test_[a-z0-9_]+)`", explanation.read_text("utf-8")):
            path = word if word.endswith(".py") else path
            known = (ROOT / path).is_file() and (word == path or f"def {word}(" in (ROOT / path).read_text("utf-8"))
            gone += [] if known else [f"{explanation.name}: {path} {word}"]
    assert gone == []
