"""`modelplug models`, `plugins` and `config`."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from plugins.cli.tests.conftest import COMMAND, Run, install


def test_the_list_begins_with_what_can_be_called(modelplug: Run) -> None:
    """A model whose key is missing is not listed but counted, with the variable that would bring it."""
    run = modelplug("models", "list")
    ids = [line.split("\t")[0] for line in run.stdout.decode().splitlines()]
    assert "toy/echo" in ids and "toy/locked" not in ids
    assert "2 more need a setting first, such as " in run.stderr.decode()
    assert "TOY_API_KEY (1)" in run.stderr.decode()


def test_a_key_brings_its_models(modelplug: Run) -> None:
    """With its key set a model is listed."""
    assert b"toy/locked" in modelplug("models", "list", TOY_API_KEY="k").stdout


def test_all_lists_the_rest(modelplug: Run) -> None:
    """--all lists every model, and JSON says which can be called."""
    models = json.loads(modelplug("models", "list", "--all", "--json").stdout)
    ready = {model["id"]: model["ready"] for model in models}
    assert (ready["toy/echo"], ready["toy/locked"], ready["far/one"]) == (True, False, False)
    assert models[-1]["prices"]["input"] == "0.5"


def test_the_list_is_searched(modelplug: Run) -> None:
    """Every word of the query is part of the id, name or an alias; filters narrow it further."""

    def ids(*arguments: str) -> list[str]:
        return [
            line.split("\t")[0] for line in modelplug("models", "list", "-a", *arguments).stdout.decode().splitlines()
        ]

    assert ids("TOY ec") == ["toy/echo"]
    assert ids("-c", "embeddings") == ["toy/locked"]
    assert ids("-p", "far") == ["far/one"]
    assert ids("-n", "2") == ["far/one", "toy/cut"]
    assert ids("-c", "embeddings", "-c", "vision") == []


def test_a_provider_whose_table_is_wrong_is_told(modelplug: Run) -> None:
    """Below the list, and below that of this provider; the list itself is as without it."""
    wrong = {"MODELPLUG_PLUGINS": "toy,http,discovery"}
    config = Path(modelplug("config", "path").stdout.decode().strip())
    config.parent.mkdir(parents=True)
    good = "[providers.good]\napi_base = 'http://127.0.0.1:9/v1'\nmodels = ['one']\n"
    config.write_text(f"[providers.acme]\nmodels = [7]\n{good}", "utf-8")
    told = "provider acme has no models: config.toml, [providers.acme] models, entry 1: is neither a name nor a table."
    run = modelplug("models", "list", **wrong)
    assert b"good/one" in run.stdout and b"toy/echo" in run.stdout and told in run.stderr.decode()
    assert told in modelplug("models", "list", "-p", "acme", **wrong).stderr.decode()
    assert b"acme" not in modelplug("models", "list", "-p", "toy", **wrong).stderr


def test_one_model_is_shown(modelplug: Run) -> None:
    """Every fact of a model, unknown said as unknown, and what is missing for a call."""
    shown = dict(line.split("\t") for line in modelplug("models", "show", "far").stdout.decode().splitlines())
    assert shown["id"] == "far/one"
    assert shown["context window"] == "8,192 tokens"
    assert shown["longest answer"] == shown["price in"] == "unknown"
    assert shown["brought by"] == "plugin toy"
    assert shown["strategy"] == "none"
    assert shown["can be called"].startswith("no: no strategy for 'far/one'")


def test_a_model_shows_how_calls_travel(modelplug: Run) -> None:
    """Wire name, strategy and the missing setting are told, to programs too."""
    model = json.loads(modelplug("models", "show", "locked", "--json").stdout)
    assert (model["wire_name"], model["strategy"], model["ready"]) == ("locked", "canned", False)
    assert model["missing"] == "TOY_API_KEY not set"


def test_a_broken_plugin_is_one_line(modelplug: Run, packages: Path) -> None:
    """A plugin that cannot be imported changes one line of `plugins list` and nothing else."""
    before = [modelplug(*words) for words in (("plugins", "list"), ("models", "list"), ("chat", "-q", "hi"))]
    install(packages, "broken", "raise SystemExit('no licence')\n", "[modelplug]\nbroken = broken\n")
    allowed = {"MODELPLUG_PLUGINS": "toy,http,broken"}
    after = [modelplug(*words, **allowed) for words in (("plugins", "list"), ("models", "list"), ("chat", "-q", "hi"))]
    assert [(run.stdout, run.stderr) for run in before[1:]] == [(run.stdout, run.stderr) for run in after[1:]]
    lines = [run.stdout.decode().splitlines() for run in (before[0], after[0])]
    was, now = ({line.split("\t")[0]: line.split("\t")[1:3] for line in listed} for listed in lines)
    changed = {name: told for name, told in now.items() if was.get(name) != told}
    assert changed == {"broken": ["failed", "broken 1.0"]}
    assert "SystemExit: no licence" in after[0].stdout.decode()


def test_plugins_say_what_they_brought(modelplug: Run) -> None:
    """Loaded and blocked plugins, with counts and reasons."""
    plugins = {plugin["name"]: plugin for plugin in json.loads(modelplug("plugins", "list", "--json").stdout)}
    assert (plugins["toy"]["state"], plugins["toy"]["models"], plugins["toy"]["version"]) == ("loaded", 10, "1.0")
    blocked = json.loads(modelplug("plugins", "list", "--json", MODELPLUG_BLOCK="toy").stdout)
    assert next(plugin for plugin in blocked if plugin["name"] == "toy")["reason"] == "blocked by a setting"


def test_config_says_where_each_setting_is_from(modelplug: Run, tmp_path: Path) -> None:
    """File, environment and plugin default, and nobody's key."""
    file = tmp_path / "config.toml"
    file.write_text(
        'timeout = 9\n[providers.far]\napi_key = "sk-file"\napi_base = "http://u:p@127.0.0.1/v1"\nretries = 2\n'
    )
    run = modelplug(
        "config", "show", MODELPLUG_CONFIG=str(file), TOY_API_KEY="sk-env", FAR_RETRIES="3", TOY_API_KEY_FILE="/k"
    )
    told = {line.split("\t")[0]: line.split("\t")[1:] for line in run.stdout.decode().splitlines()}
    assert told == {
        "default_model": ["plugin default", "echo"],
        "plugins": ["MODELPLUG_PLUGINS", "toy,http"],
        "timeout": ["config.toml", "9"],
        "providers.far.api_base": ["config.toml", "***"],
        "providers.far.api_key": ["config.toml", "***"],
        "providers.far.retries": ["FAR_RETRIES", "3"],
        "providers.toy.api_key": ["TOY_API_KEY", "***"],
        "providers.toy.api_key_file": ["TOY_API_KEY_FILE", "/k"],
    }


def test_config_does_not_say_where_a_webhook_goes(modelplug: Run, tmp_path: Path) -> None:
    """Its address is a secret with most receivers; where either is read from is shown."""
    file = tmp_path / "config.toml"
    file.write_text('[alerts.webhook]\nurl = "http://127.0.0.1/T0K3N"\nsecret_env = "HOOK"\n')
    run = modelplug("config", "show", MODELPLUG_CONFIG=str(file))
    assert 'alerts.webhook\tconfig.toml\t{"url": "***", "secret_env": "HOOK"}' in run.stdout.decode().splitlines()


def test_config_shows_no_secret_wherever_it_stands(modelplug: Run, tmp_path: Path) -> None:
    """In lists, in tables within them, in the query of an address, and where a variable's name belongs."""
    file = tmp_path / "config.toml"
    file.write_text("""
[providers.far]
api_base = "https://h/v1?code=S3CRET"
api_key_env = "sk-S3CRET"
deployments = [{api_key = "S3CRET", api_base = "https://h/v1"}, {deep = [{token = "S3CRET"}]}]
mirrors = ["https://u:S3CRET@h/v1", "https://h/v1"]
""")
    for words in (["config", "show"], ["config", "show", "--json"]):
        shown = modelplug(*words, MODELPLUG_CONFIG=str(file)).stdout.decode()
        assert "S3CRET" not in shown
        assert shown.count("***") == 5
        assert shown.count("https://h/v1") == 2


def test_config_path_is_one_line(modelplug: Run, tmp_path: Path) -> None:
    """The path alone on stdout; whether the file is there yet is a remark."""
    run = modelplug("config", "path", MODELPLUG_CONFIG=str(tmp_path / "c.toml"))
    assert run.stdout.decode() == f"{tmp_path / 'c.toml'}\n"
    assert run.stderr == b"there is no such file yet\n"


def test_a_broken_config_is_one_line(modelplug: Run, tmp_path: Path) -> None:
    """TOML that cannot be read is an error of one line."""
    (tmp_path / "c.toml").write_text("a = \n")
    run = modelplug("plugins", "list", MODELPLUG_CONFIG=str(tmp_path / "c.toml"))
    assert (run.returncode, run.stderr.count(b"\n")) == (1, 1)
    assert b"config.toml: is not TOML" in run.stderr


def test_a_list_in_a_pipe_that_closes(environment: Mapping[str, str]) -> None:
    """`modelplug models list | head -n1` says nothing more."""
    shell = f"'{COMMAND}' models list --all | head -n1"
    run = subprocess.run(["sh", "-c", shell], env=environment, capture_output=True, timeout=20)
    assert run.stdout.count(b"\n") == 1
    assert b"Error" not in run.stderr and b"Traceback" not in run.stderr
