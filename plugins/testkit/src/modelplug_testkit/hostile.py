"""Broken plugins as data: a host's test installs them beside its own and sees that nothing else changes.

In a test of the host's:

    @pytest.mark.parametrize("fault", FAULTS)
    def test_my_host_goes_on(fault, tmp_path, monkeypatch):
        monkeypatch.syspath_prepend(install(fault, tmp_path))
        ...
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

NAME = "hostile"
"""The name of the plugin that is installed."""

_HEAD = "from modelplug import Hooks, Model, hookimpl\n\nclass Plugin(Hooks):\n"
_MODEL = (
    f"{_HEAD}    @hookimpl\n    def provide_models(self, settings):\n"
    "        return [Model(id='hostile/one', provider='hostile', requires=())]\n\n"
)

AT_LOAD: Mapping[str, str] = {
    "import error": "import no_such_module_at_all\n",
    "SystemExit": "raise SystemExit(3)\n",
    "BaseException": "class Odd(BaseException): ...\nraise Odd('odd')\n",
    "syntax error": "def\n",
    "no such attribute": "",
    "constructor raises": _HEAD + "    def __init__(self):\n        1 / 0\n",
    "unmarked hook": _HEAD + "    def provide_models(self, settings):\n        return []\n",
    "unknown hook": _HEAD + "    @hookimpl\n    def provide_model(self):\n        return []\n",
    "unknown argument": _HEAD + "    @hookimpl\n    def wire_name(self, model, tenant):\n        return None\n",
    "async hook": _HEAD + "    @hookimpl\n    async def wire_name(self, model):\n        return None\n",
    "models of a wrong type": _HEAD + "    @hookimpl\n    def provide_models(self, settings):\n        return [{}]\n",
    "provide_models raises": _HEAD + "    @hookimpl\n    def provide_models(self, settings):\n        raise OSError\n",
    "provide_models exits": _HEAD
    + "    @hookimpl\n    def provide_models(self, settings):\n        raise SystemExit\n",
    "recursion": _HEAD + "    @hookimpl\n    def provide_models(self, settings):\n"
    "        return self.provide_models(settings)\n",
}
"""Plugins that are refused when they are loaded, by what is wrong with them."""

AT_CALL: Mapping[str, str] = {
    "select_strategy raises": _MODEL
    + "    @hookimpl\n    def select_strategy(self, model, settings):\n        1 / 0\n",
    "select_strategy answers a text": _MODEL + "    @hookimpl\n    def select_strategy(self, model, settings):\n"
    "        return 'strategy' if model.provider == 'hostile' else None\n",
    "wire_name raises": _MODEL + "    @hookimpl\n    def wire_name(self, model):\n        1 / 0\n",
    "listeners raise": _MODEL + "    @hookimpl\n    def call_finished(self, call):\n        raise SystemExit\n\n"
    "    @hookimpl\n    def call_started(self, request):\n        1 / 0\n",
    "a listener hangs": _MODEL + "    @hookimpl\n    def call_finished(self, call):\n"
    "        import time; time.sleep(2)\n",
}
"""Plugins that load, and fail when they are asked or told; calls to other plugins' models go on."""

FAULTS: Mapping[str, str] = {**AT_LOAD, **AT_CALL}


def install(fault: str, folder: Path | str) -> str:
    """Installs the plugin with this fault into a folder as pip would, and answers the folder, for `sys.path`.

    Each fault has a module of its own, so that one process can load several one after another.
    """
    module = "hostile_" + "".join(c if c.isalnum() else "_" for c in fault)
    info = Path(folder, f"{module}-1.0.dist-info")
    info.mkdir(parents=True)
    (info.parent / f"{module}.py").write_text(FAULTS[fault], "utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(f"[modelplug]\n{NAME} = {module}:Plugin\n", "utf-8")
    return str(folder)
