"""The five hooks: everything that a plugin can do.

Three are asked, two are told. Every hook is synchronous; a plugin implements those it needs, leaves out
arguments it does not need, and marks each with `@hookimpl`:

    from modelplug import Hooks, Model, hookimpl

    class Acme(Hooks):
        @hookimpl
        def provide_models(self, settings):
            return [Model(id="acme/one", provider="acme")]

The class is named by an entry point in the group `modelplug`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from modelplug.calls import Call
    from modelplug.models import Model
    from modelplug.settings import Settings
    from modelplug.strategy import Request, Strategy

PROJECT = "modelplug"
"""pluggy's project name, and the group of entry points."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """Base class of plugins: gives every hook its signature, and does nothing.

    A plugin may also carry `defaults`, a mapping in the shape of config.toml: the lowest layer of the settings; and
    `problems`, a mapping of providers that it could not bring to the ConfigError that says why.
    """

    @hookspec
    def provide_models(self, settings: Settings) -> Iterable[Model]:
        """Asked at load and at every refresh: the models that this plugin brings.

        May not touch the network. An exception fails the plugin at load; at a refresh its earlier models stay.
        """
        return ()

    @hookspec(firstresult=True)
    def wire_name(self, model: Model) -> str | None:
        """Asked when a model is first used: the name to send upstream, or None to decline.

        When every plugin declines, it is the model's id without its leading `provider/`.
        """
        return None

    @hookspec(firstresult=True)
    def select_strategy(
        self, model: Model, settings: Settings
    ) -> Strategy | Generator[None, Strategy | None, Strategy | None] | None:
        """Asked when a model is first used, and remembered: the Strategy that carries its calls, or None to decline.

        A plugin that brings a strategy claims the models whose provider asks for it by name:
        `settings.provider(model.provider).strategy`. With `@hookimpl(wrapper=True)` the hook is a generator that puts a
        Layer around what the others selected; it passes on None when nobody claimed the model. A fallback is
        `@hookimpl(trylast=True)`.
        """
        return None

    @hookspec
    def call_started(self, request: Request) -> None:
        """Told of each call before its first attempt.

        Told by a thread of the plugin's own: a listener may take its time, and what it raises is logged and changes
        nothing. Events come in order; `board.flush()` waits for those so far. Context variables are those of the call.
        """

    @hookspec
    def call_finished(self, call: Call) -> None:
        """Told exactly once of each call that is over, whatever happened; by the same thread as `call_started`."""


HOOK_NAMES = ("provide_models", "wire_name", "select_strategy", "call_started", "call_finished")
