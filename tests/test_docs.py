"""Every Python block of the documentation runs, page by page, in the order in which a reader meets it."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.workspace import ROOT, distributions

MEMBERS = [member.folder / "README.md" for member in distributions()]
PAGES = [ROOT / "README.md", *MEMBERS, *sorted(p for p in ROOT.glob("docs/**/*.md") if p.parent.name != "decisions")]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)  # "```python fragment" has a test elsewhere
USES_MODEL = re.compile(r'"local"|modelplug_local')


def program(page: str) -> str:
    """The blocks of a page as one program, each on the lines that it has there, so that a traceback points at them."""
    lines = [""] * page.count("\n")
    for block in BLOCK.finditer(page):
        first = page.count("\n", 0, block.start(1))
        code = block[1].splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines)


def cases() -> list[ParameterSet]:
    texts = ((path, path.read_text("utf-8")) for path in PAGES)
    return [
        pytest.param(
            path,
            program(text),
            id=str(path.relative_to(ROOT)),
            marks=[pytest.mark.model] if USES_MODEL.search(text) else [],
        )
        for path, text in texts
        if BLOCK.search(text)
    ]


@pytest.mark.parametrize(("page", "code"), cases())
def test_the_page_runs(page: Path, code: str, tmp_path: Path) -> None:
    """Its blocks, in a process and a folder of their own and without settings of ours, end without an error."""
    keep = {name: os.environ[name] for name in os.environ if not name.startswith("MODELPLUG_") or name[10:] == "UV"}
    script = tmp_path / f"page-{page.stem}.py"  # a page called logging is not to stand before the library
    script.write_text(code, "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        env={
            **keep,
            "PYTHONPATH": str(ROOT / "examples" / "layers" / "src"),
            "MODELPLUG_CONFIG": str(tmp_path / "config.toml"),
            "PYTHONUNBUFFERED": "1",
        },
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_shown_of_settings_can_be_read(page: Path) -> None:
    """Each block of TOML is TOML, so that what is copied from it does not stop the reader's host."""
    for block in re.findall(r"^```toml\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        tomllib.loads(block)


def test_every_link_leads_somewhere() -> None:
    """The files that pages link to are there."""
    links = [(page, link) for page in PAGES for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))]
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []


def test_the_first_provider_can_be_installed(tmp_path: Path) -> None:
    """`modelplug new` makes what the tutorial shows, but for what it says is new; that installs, and is listed."""
    text = (ROOT / "docs" / "tutorial" / "2-first-provider.md").read_text("utf-8")
    (arguments,) = re.findall(r"^\$ modelplug (new .*)$", text, re.MULTILINE)
    command = str(Path(sys.executable).with_name("modelplug"))
    subprocess.run([command, *shlex.split(arguments)], cwd=tmp_path, check=True, timeout=20, capture_output=True)
    project, site = tmp_path / "modelplug-pebble", tmp_path / "site"
    module, shown = project / "src" / "modelplug_pebble" / "__init__.py", text.split("```python\n")[1].split("```")[0]
    assert set(module.read_text("utf-8").splitlines()) - set(shown.splitlines()) == {
        "from modelplug import Hooks, Model, Settings, hookimpl",
        '            aliases=("small",),',
    }
    assert text.split("```toml\n")[1].split("```")[0] in (project / "pyproject.toml").read_text("utf-8")
    module.write_text(shown, "utf-8")
    uv = os.environ.get("MODELPLUG_UV") or str(ROOT / ".bootstrap" / "uv")
    install = [uv, "pip", "install", "-q", "--no-deps", "--offline", "--target", str(site), str(project)]
    subprocess.run(install, check=True, timeout=25, env={**os.environ, "VIRTUAL_ENV": sys.prefix})
    environment = {**os.environ, "PYTHONPATH": str(site), "MODELPLUG_CONFIG": str(tmp_path / "config.toml")}
    listed = subprocess.run(
        [command, "models", "list", "--all", "pebble"],
        env=environment, capture_output=True, text=True, check=True, timeout=20,
    ).stdout  # fmt: skip
    assert listed.startswith("pebble/small\t")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_installed_from_this_tree_brings_what_it_needs(page: Path) -> None:
    """No line of pip asks the package index for one of our own distributions: it is on that line, or was before."""
    members = {member.folder: member for member in distributions()}
    there: set[str] = set()
    for line in re.findall(r"pip install ((?:(?:\.|~/modelplug)/[\w/-]+ ?)+)", page.read_text("utf-8")):
        folders = [ROOT / re.sub(r"^(\.|~/modelplug)/", "", path) for path in line.split()]
        brought = [members[folder] for folder in folders if folder in members]
        there |= {member.name for member in brought}
        assert {name for member in brought for name in member.required if name.startswith("modelplug")} <= there, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_shown_is_one(page: Path) -> None:
    """Commands and options in console blocks stand in the help of the command."""
    assert [line for line in _commands_in(page.read_text("utf-8")) if _unknown(line)] == []


def _commands_in(text: str) -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in re.findall(r"^\$ .*?(?:modelplug|\./run) (.*)", block, re.MULTILINE)]


def _unknown(line: str) -> bool:
    """Whether a line names a command or an option that is none. What `./run` does itself is not the command's."""
    words = shlex.split(line, comments=True)
    options = {word.partition("=")[0] for word in words if word.startswith("-")}
    names = [word for word in words if not word.startswith("-")]
    if names[:1] in (["test"], ["lock"], ["bench"], ["docs"]):
        return False
    text = (ROOT / "docs" / "reference" / "command-line.md").read_text("utf-8")
    helps = dict(re.findall(r"^## modelplug ?([^\n]*)\n\n```text\n(.*?)```", text, re.MULTILINE | re.DOTALL))
    path = max((path for n in range(3) if (path := " ".join(names[:n])) in helps), key=len)
    incomplete = "[ARGS]..." in helps[path] and len(names) > len(path.split())
    known = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", helps[path] + helps[""]))
    return incomplete or not options <= known
