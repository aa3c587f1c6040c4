"""Loading plugins: each one alone, and none can harm another."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from modelplug import ConfigError, Hooks, Model, Plugin, PluginError, Settings, Switchboard, hookimpl
from modelplug.testing import FakePlugin, FakeStrategy, Listener

Install = Callable[..., None]

GOOD = """
from modelplug import Hooks, Model, hookimpl
class plugin(Hooks):
    @hookimpl
    def provide_models(self, settings):
        return [Model(id="good/one", provider="good")]
"""


def load(settings: Settings, only: set[str] | None = None, **options: Any) -> tuple[Switchboard, dict[str, Plugin]]:
    """A board with the plugins of this test, and what became of each."""
    names = only or {"good", "bad"}
    board = Switchboard.load(only=names, settings=settings, **options)
    return board, {plugin.name: plugin for plugin in board.plugins if plugin.name in names}


def test_an_installed_plugin_is_found_and_says_what_it_brought(install: Install, settings: Settings) -> None:
    """A plugin is described by name, version, distribution, state, import time and what it brought."""
    install("good", GOOD)
    board, plugins = load(settings, {"good"})
    good = plugins["good"]
    assert (good.version, good.distribution, good.state, good.reason) == ("1.2", "good", "loaded", None)
    assert (good.models, good.hooks) == (1, ("provide_models",))
    assert good.seconds > 0
    assert [model.id for model in board.models] == ["good/one"]


HEAD = "from modelplug import hookimpl\nclass plugin:\n"
HOOKED = HEAD + "    @hookimpl\n"

BROKEN = {
    "import error": ("import no_such_module", "No module named 'no_such_module'"),
    "syntax error": ("def", "SyntaxError"),
    "SystemExit": ("raise SystemExit(3)", "SystemExit: 3"),
    "BaseException": ("class Odd(BaseException): pass\nraise Odd('x')", "Odd: x"),
    "missing attribute": ("", "AttributeError"),
    "constructor": ("class plugin:\n    def __init__(self): 1 / 0", "ZeroDivisionError"),
    "recursion": (
        "from modelplug import Switchboard\nclass plugin:\n    def __init__(self): plugin()",
        "RecursionError",
    ),
    "unmarked hook": (
        "class plugin:\n    def provide_models(self, settings): return []",
        "provide_models is not marked with @hookimpl",
    ),
    "unmarked hook of a subclass": (
        "from modelplug import Hooks\nclass plugin(Hooks):\n    def call_finished(self, call): pass",
        "call_finished is not marked with @hookimpl",
    ),
    "unknown hook": (
        HOOKED + "    def provide_model(self): pass",
        "provide_model",
    ),
    "unknown argument": (
        HOOKED + "    def wire_name(self, model, tenant): pass",
        "tenant",
    ),
    "async hook": (
        HOOKED + "    async def wire_name(self, model): pass",
        "wire_name is async; hooks are synchronous",
    ),
    "wrapped event": (
        HEAD + "    @hookimpl(wrapper=True)\n    def call_finished(self, call): return (yield)",
        "call_finished cannot be wrapped",
    ),
    "property that raises": (
        "from modelplug import hookimpl\nclass plugin:\n    @property\n    def wire_name(self): raise OSError('no')",
        "no",
    ),
    "wrong type of models": (
        HOOKED + "    def provide_models(self): return [{'id': 'x'}]",
        "provide_models brought a dict, not a Model",
    ),
    "models that raise": (
        HOOKED + "    def provide_models(self): raise SystemExit",
        "provide_models failed: SystemExit",
    ),
    "models without end": (
        HOOKED + "    def provide_models(self): return self.provide_models()",
        "provide_models failed: RecursionError",
    ),
    "defaults of the wrong shape": ("class plugin:\n    defaults = {'providers': 3}", "defaults"),
    "defaults that no setting may have": ("class plugin:\n    defaults = {'log': {'content': 'perhaps'}}", "log"),
    "defaults that raise": (
        "class Odd(dict):\n    def get(self, *name): 1 / 0\nclass plugin:\n    defaults = Odd(a=1)",
        "ZeroDivisionError",
    ),
    "a wrapper of pluggy's first kind": (
        HEAD + "    @hookimpl(hookwrapper=True)\n    def select_strategy(self, model): yield",
        "select_strategy is a hookwrapper",
    ),
    "an alias that is no text": (
        "from modelplug import Model\n" + HOOKED + "    def provide_models(self):\n"
        "        return [Model(id='bad/one', provider='bad', aliases=[['one']])]",
        "provide_models failed: TypeError",
    ),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_plugin_is_quarantined_alone(install: Install, settings: Settings, source: str, reason: str) -> None:
    """The broken plugin says why, nothing of it stays, and its neighbour works."""
    install("good", GOOD)
    install("bad", source)
    board, plugins = load(settings)
    assert plugins["bad"].state == "failed"
    assert reason in (plugins["bad"].reason or "")
    assert (plugins["bad"].hooks, plugins["bad"].models) == ((), 0)
    assert board.plugin("bad") is None
    assert plugins["good"].state == "loaded"
    assert [model.id for model in board.models] == ["good/one"]


TWO = """
from modelplug import ConfigError, Hooks, Model, hookimpl

class plugin(Hooks):
    problems = {}
    @hookimpl
    def provide_models(self, settings):
        wrong = settings.table("retry").get("attempts")
        self.problems = {"two": ConfigError("two", "is wrong", "Mend it.")} if wrong else {}
        known = [] if wrong else [Model(id="two/a", provider="two"), Model(id="two/b", provider="two")]
        return [Model(id="one/a", provider="one"), *known]
"""


def test_a_plugin_tells_of_a_provider_that_it_cannot_bring(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    """Its other providers are there, its record and the log say why, and a strict host does not start."""
    install("both", TWO)
    wrong = Settings(argument={"retry": {"attempts": 2}}, environment={})
    board, plugins = load(wrong, {"both"})
    assert [model.id for model in board.models] == ["one/a"]
    record = plugins["both"]
    assert (record.state, record.models, record.problems) == ("loaded", 1, {"two": "two: is wrong. Mend it."})
    assert [line.getMessage() for line in caplog.records] == ["provider 'two' has no models: two: is wrong. Mend it."]
    with pytest.raises(PluginError, match="plugin 'both': provider 'two': two: is wrong"):
        Switchboard.load(only={"both"}, settings=wrong, strict=True)


def test_a_provider_that_fails_at_a_refresh_keeps_its_models(settings: Settings) -> None:
    """Those that are not brought; what is brought of it is taken as it is now."""

    class Some(FakePlugin):
        problems: Mapping[str, ConfigError] = {}

    a, b = (Model(id=f"fake/{name}", provider="fake") for name in "ab")
    plugin = Some(a, b)
    board = Switchboard(settings=settings)
    board.add(plugin, name="some")
    plugin.models = (Model(id="fake/a", provider="fake", name="new"),)
    plugin.problems = {"fake": ConfigError("x", "y", "z")}
    board.refresh()
    assert [(model.id, model.name) for model in board.models] == [("fake/a", "new"), ("fake/b", b.name)]
    assert board.catalog.clashes == {}
    plugin.problems = {}
    board.refresh()
    assert [model.id for model in board.models] == ["fake/a"]


@pytest.mark.parametrize("told", ["7", "{'two': 'a text'}", "{2: 3}", "property(lambda self: 1 / 0)"])
def test_problems_of_another_kind_are_the_plugin_s_own(install: Install, settings: Settings, told: str) -> None:
    """An attribute of that name which is no mapping of providers to errors changes nothing."""
    install("good", GOOD + f"\nplugin.problems = {told}\n")
    board, plugins = load(settings)
    assert (plugins["good"].state, plugins["good"].problems) == ("loaded", {})
    assert [model.id for model in board.models] == ["good/one"]


def test_strict_raises_for_the_first_broken_plugin(install: Install, settings: Settings) -> None:
    """With strict a broken plugin stops the load, and the error names it."""
    install("bad", "import no_such_module")
    with pytest.raises(PluginError, match=r"plugin 'bad'.*no_such_module"):
        Switchboard.load(only={"bad"}, strict=True, settings=settings)


def test_two_distributions_with_one_name(install: Install, settings: Settings) -> None:
    """Of two plugins with one name the first distribution by name is loaded, and the other says who has the name."""
    install("good", GOOD, distribution="a-good")
    install("good", GOOD, distribution="b-good")
    board, _ = load(settings, {"good"})
    first, second = (plugin for plugin in board.plugins if plugin.name.startswith("good"))
    assert (first.distribution, first.state) == ("a-good", "loaded")
    assert (second.distribution, second.state) == ("b-good", "failed")
    assert "taken by distribution 'a-good'" in (second.reason or "")


def test_a_blocked_plugin_is_never_imported(install: Install, settings: Settings) -> None:
    """A blocked plugin is listed as blocked, and its module is not run."""
    install("bad", "raise RuntimeError('imported')")
    _, plugins = load(settings, {"bad"}, block={"bad"})
    assert plugins["bad"].state == "blocked"
    assert "installed_bad" not in sys.modules


@pytest.mark.parametrize(
    ("environment", "file"),
    [
        ({"MODELPLUG_BLOCK": "bad, other"}, {}),
        ({"MODELPLUG_PLUGINS": "good"}, {}),
        ({}, {"block": ["bad"]}),
        ({}, {"plugins": ["good"]}),
    ],
)
def test_blocking_and_allowing_by_setting(install: Install, environment: dict[str, str], file: dict[str, Any]) -> None:
    """The environment and config.toml block plugins and name those to load."""
    install("good", GOOD)
    install("bad", "raise RuntimeError('imported')")
    board = Switchboard.load(settings=Settings(environment=environment, file=file))
    states = {plugin.name: plugin.state for plugin in board.plugins}
    assert (states["good"], states["bad"]) == ("loaded", "blocked")


def test_an_allowed_plugin_that_is_not_installed_is_listed(settings: Settings) -> None:
    """A name in the allow-list that nothing brings is shown as failed, not passed over."""
    _, plugins = load(settings, {"nowhere"})
    assert "no installed package brings" in (plugins["nowhere"].reason or "")


def test_a_plugin_added_by_hand_twice_is_refused(settings: Settings) -> None:
    """One object is plugged in once, and one name is given once."""
    board, plugin = Switchboard(settings=settings), FakePlugin()
    board.add(plugin, name="fake")
    with pytest.raises(PluginError, match="already loaded as 'fake'"):
        board.add(plugin, name="again")
    with pytest.raises(PluginError, match="already loaded"):
        board.add(FakePlugin(), name="fake")
    assert [p.name for p in board.plugins] == ["fake"]


def test_a_broken_plugin_added_by_hand_leaves_nothing(settings: Settings) -> None:
    """A plugin that fails while it is added raises, and the board is as before."""

    class Bad(Hooks):
        defaults = {"providers": {"bad": {"api_base": "http://x/v1"}}}  # noqa: RUF012 - what plugin authors write

        @hookimpl
        def provide_models(self, settings: Settings) -> Any:
            raise ValueError("no models today")

        @hookimpl
        def wire_name(self, model: Model) -> str:
            raise AssertionError("asked after it failed")

    board = Switchboard(settings=settings)
    board.add(FakePlugin(), name="fake")
    with pytest.raises(PluginError, match="no models today"):
        board.add(Bad(), name="bad")
    assert [plugin.name for plugin in board.plugins] == ["fake"]
    assert board._plugged.wire_name(board.resolve("one")) == "one"
    assert board.settings.provider("bad").api_base is None


def test_two_plugins_with_defaults_for_one_provider(install: Install, settings: Settings) -> None:
    """The settings of a provider have one owner: a later plugin cannot move its base."""
    table = 'class plugin:\n    defaults = {{"providers": {{"acme": {{"api_base": "http://{}/v1"}}}}}}'
    install("bad", table.format("evil.test"))
    install("abc", table.format("acme.test"))
    board, plugins = load(settings, {"abc", "bad"})
    assert "already brought by plugin 'abc'" in (plugins["bad"].reason or "")
    assert board.settings.provider("acme").api_base == "http://acme.test/v1"


def test_a_module_can_be_a_plugin(install: Install, settings: Settings) -> None:
    """Hooks may be plain functions of a module."""
    install(
        "good",
        "import sys\nfrom modelplug import Model, hookimpl\nplugin = sys.modules[__name__]\n"
        "@hookimpl\ndef provide_models():\n    return [Model(id='m', provider='p')]\n",
    )
    board, _ = load(settings, {"good"})
    assert board.resolve("m").provider == "p"


class RaisingDefaults(FakePlugin):
    """Cannot even be asked for its defaults."""

    @property
    def defaults(self) -> Any:
        raise ZeroDivisionError("no defaults today")


@pytest.mark.parametrize("plugin", [RaisingDefaults(), 3, object(), "x"], ids=lambda plugin: type(plugin).__name__)
def test_what_is_no_plugin_is_refused_whole(settings: Settings, plugin: Any) -> None:
    """It raises PluginError, nothing of it stays, and its name is free."""
    board = Switchboard(settings=settings)
    with pytest.raises(PluginError):
        board.add(plugin, name="odd")
    assert board.plugins == ()
    board.add(FakePlugin(), name="odd")


@pytest.mark.parametrize("model_id", ["", " ", "a\nb", "a\0", "\ud800", 3, None], ids=repr)
def test_a_model_has_a_printable_id(model_id: Any) -> None:
    """Ids are shown, logged and used as labels."""
    with pytest.raises(ValueError, match="printable"):
        Model(id=model_id, provider="p")


def test_a_plugin_that_cannot_be_hashed_is_one_like_others(install: Install, settings: Settings) -> None:
    """A dataclass, for one; and another one beside it."""
    source = "from dataclasses import dataclass\n" + GOOD.replace("class ", "@dataclass\nclass ", 1)
    install("data", source.replace("good", "data"))
    install("good", GOOD)
    board, plugins = load(settings, {"data", "good"})
    assert [plugin.state for plugin in plugins.values()] == ["loaded", "loaded"]
    assert [model.id for model in board.models] == ["data/one", "good/one"]


def test_an_alias_of_the_host_is_never_a_plugins(settings: Settings) -> None:
    """A plugin's defaults cannot give another's model a name of its own."""

    class Greedy(Hooks):
        defaults: ClassVar = {"aliases": {"one": "greedy/one"}}

        @hookimpl
        def provide_models(self, settings: Settings) -> list[Model]:
            return [Model(id="greedy/one", provider="greedy")]

    board = Switchboard(settings=settings)
    board.add(FakePlugin())
    board.add(Greedy())
    assert board.resolve("one").id == "fake/one"


def test_a_config_that_became_wrong_changes_nothing(tmp_path: Path) -> None:
    """Refreshing raises ConfigError, and the board goes on with what it had, until the file is mended."""
    file = tmp_path / "config.toml"
    file.write_text("[aliases]\nmine = 'one'\n")
    board = Switchboard(settings=Settings.read(environment={"MODELPLUG_CONFIG": str(file)}))
    board.add(FakePlugin())
    before = board.settings
    for wrong in ("[aliases\n", "aliases = 3\n", "[log]\ncontent = 'perhaps'\n", "prices = 3\n", "providers = 3\n"):
        file.write_text(wrong)
        with pytest.raises(ConfigError):
            board.refresh()
        assert board.settings is before
        assert board.resolve("mine").id == "fake/one"
    file.write_text("[aliases]\nyours = 'one'\n")
    board.refresh()
    assert board.resolve("yours").id == "fake/one"


async def test_a_strategy_that_cannot_be_asked_for_its_name_is_its_plugins_fault(settings: Settings) -> None:
    """It fails the calls to its own models, each in one record."""

    class Nameless(FakeStrategy):
        @property
        def name(self) -> str:  # type: ignore[override]
            raise ZeroDivisionError

    board = Switchboard(settings=settings)
    board.add(FakePlugin(Model(id="odd/one", provider="odd", requires=()), strategy=Nameless()), name="odd")
    listener = Listener.on(board)
    with pytest.raises(PluginError, match="odd"):
        await board.complete("odd/one", [])
    assert [call.outcome for call in listener.finished] == ["failed"]
