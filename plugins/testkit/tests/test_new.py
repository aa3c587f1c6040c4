"""`modelplug new`: what it makes passes the kit, ruff and mypy untouched, for any name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from modelplug import ConfigError
from modelplug_testkit.new import LONGEST, new
from modelplug_testkit.project import Project, write

from tests.workspace import ROOT

LONG = "a" * 20 + "-" + "b" * 19
ODD = (
    Project(template="provider", name="acme-ai"),
    Project(
        template="provider", name=LONG, license="MIT", author="Ann O'Nym", strategy="direct", model="m/" + "x" * 61
    ),
    Project(template="strategy", name="none", license="MIT"),
    Project(template="strategy", name=LONG, license="none"),
    Project(template="listener", name="hooks"),
    Project(template="listener", name=LONG, license="none"),
)


def made(*arguments: str) -> Result:
    """`modelplug new ...` without a terminal."""
    return CliRunner().invoke(new, list(arguments))


def run(folder: Path, *command: str) -> str:
    """The output of a Python module in the project's folder, which has the project installed."""
    uv = os.environ.get("MODELPLUG_UV") or str(ROOT / ".bootstrap" / "uv")
    installed = folder.parent / "installed"
    if not installed.exists():
        install = [uv, "pip", "install", "-q", "--no-deps", "--offline", "--target", str(installed), str(folder)]
        subprocess.run(install, check=True, timeout=60, env={**os.environ, "VIRTUAL_ENV": sys.prefix})
    environment = {**os.environ, "PYTHONPATH": str(installed), "MYPYPATH": str(folder / "src")}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("project", ODD, ids=lambda project: f"{project.template} {project.name}")
def test_what_it_makes_passes_everything(project: Project, tmp_path: Path) -> None:
    """Its own test, `modelplug check`, ruff as it comes and with our rules, and mypy strict."""
    folder = tmp_path / "project"
    write(project, folder)
    passed = run(folder, "pytest", "-q", "-p", "no:cacheprovider")
    assert "passed" in passed and "failed" not in passed
    run(folder, "modelplug_cli", "check", project.name)
    for rules in ([], ["--config", str(ROOT / "pyproject.toml")]):
        run(folder, "ruff", "check", "--no-cache", *rules)
    run(folder, "ruff", "format", "--check", "--no-cache")
    run(folder, "mypy", "--cache-dir", os.devnull)


def test_the_licence_is_in_it(tmp_path: Path) -> None:
    """Its whole text, with who has the rights where it names them; without a licence nobody can publish by mistake."""
    texts, tables = {}, {}
    for name in ("Apache-2.0", "MIT", "none"):
        folder = tmp_path / name
        write(Project(template="listener", name="ears", license=name, author="Ann O'Nym"), folder)
        texts[name] = (folder / "LICENSE").read_text("utf-8") if (folder / "LICENSE").exists() else None
        tables[name] = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    assert texts["Apache-2.0"] == (ROOT / "LICENSE").read_text("utf-8")
    assert re.search(r"^Copyright \(c\) \d{4} Ann O'Nym$", texts["MIT"] or "", re.MULTILINE)
    assert texts["none"] is None and "license" not in tables["none"]
    assert "Private :: Do Not Upload" in tables["none"]["classifiers"]
    assert tables["MIT"]["authors"] == [{"name": "Ann O'Nym"}] and tables["MIT"]["license-files"] == ["LICENSE"]


@pytest.mark.slow
def test_a_person_is_asked_again(tmp_path: Path) -> None:
    """On a terminal: for what was left out, and once more after an answer that will not do, which says why."""
    import pty  # where there is one

    ours, theirs = pty.openpty()
    answers = b'Acme Inc\nacme\nllm.acme.test\nhttps://llm.acme.test/v1\n\n"Ann"\nAnn\n'
    command = [sys.executable, "-m", "modelplug_cli", "new", "provider", "--license", "MIT"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs) as asking:
        os.close(theirs)
        os.write(ours, answers)
        said = b""
        while b"next:" not in said:
            said += os.read(ours, 1000)
        assert asking.wait(20) == 0
    os.close(ours)
    source = (tmp_path / "modelplug-acme/src/modelplug_acme/__init__.py").read_text("utf-8")
    assert 'BASE = "https://llm.acme.test/v1"' in source and "/large" in source
    assert 'authors = [{ name = "Ann" }]' in (tmp_path / "modelplug-acme/pyproject.toml").read_text("utf-8")
    assert [part in said for part in (b"is no name of a plugin", b"does not begin with http", b"without quotes")] == [
        True
    ] * 3


def test_nothing_is_asked_without_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project is there, with what options and defaults say."""
    monkeypatch.chdir(tmp_path)
    done = made("provider", "acme-ai", "--base", "https://llm.acme.test/v1", "--model", "anvil", "--license", "MIT")
    assert done.exit_code == 0, done.output
    project = tomllib.loads(Path("modelplug-acme-ai", "pyproject.toml").read_text("utf-8"))["project"]
    assert (project["name"], project["license"]) == ("modelplug-acme-ai", "MIT")
    assert project["entry-points"] == {"modelplug": {"acme-ai": "modelplug_acme_ai:AcmeAi"}}
    source = Path("modelplug-acme-ai", "src", "modelplug_acme_ai", "__init__.py").read_text("utf-8")
    assert 'BASE = "https://llm.acme.test/v1"' in source
    assert "ACME_AI_API_KEY" in source and "/anvil" in source


@pytest.mark.parametrize(
    "name",
    ["", "Acme", "acme_ai", "-acme", "acme-", "acme--ai", "../acme", "a/b", "a" * (LONGEST + 1), "modelplug-acme"],
)
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written, and the error says what a name is."""
    monkeypatch.chdir(tmp_path)
    done = made("listener", "--", name)
    assert isinstance(done.exception, ConfigError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "what"), [("metrics", "plugin"), ("openai", "provider"), ("testkit", "modelplug-testkit")]
)
def test_a_name_that_is_taken_is_refused(name: str, what: str) -> None:
    """By a plugin, by a provider or by a distribution that is installed."""
    refused = made("provider", name).exception
    assert isinstance(refused, ConfigError) and what in str(refused)


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """A folder that holds anything, or a file, stays as it is."""
    (tmp_path / "precious").write_text("mine", "utf-8")
    for place in (tmp_path, tmp_path / "precious"):
        with pytest.raises(ConfigError, match="--directory"):
            write(Project(template="listener", name="ears"), place)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.parametrize("base", ["ftp://x", "llm.acme.test", "https://user:pass@acme.test/v1", 'https://a"b/v1'])
def test_a_base_that_is_none_is_refused(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it would be in the settings, and named as it was given."""
    monkeypatch.chdir(tmp_path)
    refused = made("provider", "acme", "--base", base).exception
    assert isinstance(refused, ConfigError) and refused.setting == "--base"
    assert list(tmp_path.iterdir()) == []
