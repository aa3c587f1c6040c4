"""The plugins of one board: each checked alone, asked and told so that none can harm another."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Generator, Mapping
from functools import wraps
from typing import Any

import pluggy
from attrs import evolve

from modelplug._entry_points import Plugin, said
from modelplug._listeners import Listeners
from modelplug._redaction import redact
from modelplug.errors import ConfigError, ModelplugError, PluginError
from modelplug.hooks import HOOK_NAMES, PROJECT, Hooks
from modelplug.models import Model
from modelplug.settings import Settings
from modelplug.strategy import Strategy, bursts_of, strategy_name

log = logging.getLogger("modelplug.plugins")

_ASKED_ONCE = ("wire_name", "select_strategy")


class Plugged:
    """The plugins of one board, in the order in which they were added."""

    def __init__(self) -> None:
        self.records: dict[str, Plugin] = {}
        self._pluggy = _new_pluggy()
        self.defaults: dict[str, Mapping[str, Any]] = {}
        self.listeners = Listeners()
        self.owner: Callable[[str], str | None] = lambda model_id: None

    def add(self, plugin: Any, record: Plugin) -> None:
        """Register a plugin. Raises PluginError, and then nothing of it stays."""
        name = record.name
        if name in self.records and self.records[name].state == "loaded":
            raise PluginError(name, "a plugin of this name is already loaded")
        known = next((known for known, other in self._pluggy.list_name_plugin() if other is plugin), None)
        if known is not None:
            raise PluginError(name, f"this object is already loaded as {known!r}")
        try:
            impls = self._register(plugin, name)
            self._claim_defaults(plugin, name)
        except BaseException as error:  # the border to foreign code: attributes of a plugin may do anything
            if self._pluggy.has_plugin(name):
                self._pluggy.unregister(name=name)
            if isinstance(error, (KeyboardInterrupt, PluginError)):
                raise
            reason = " ".join(str(error).split()) if isinstance(error, pluggy.PluginValidationError) else said(error)
            raise PluginError(name, reason) from None
        for hook, impl in impls:
            if hook in _ASKED_ONCE:
                guard = self._guarded_wrapper if impl.wrapper else self._guarded
                object.__setattr__(impl, "function", guard(name, hook, impl.function))
        self.records[name] = evolve(record, hooks=tuple(dict.fromkeys(hook for hook, _ in impls)))
        self.listeners.listen(self._pluggy.hook)

    def _register(self, plugin: Any, name: str) -> list[tuple[str, Any]]:
        """Give the plugin to pluggy. The hooks that it implements; raises for whatever is wrong with them."""
        _check_marks(plugin, name)
        self._pluggy.register(plugin, name)
        self._pluggy.check_pending()
        callers = [(hook, getattr(self._pluggy.hook, hook)) for hook in HOOK_NAMES]
        impls = [(hook, impl) for hook, caller in callers for impl in caller.get_hookimpls() if impl.plugin is plugin]
        if not impls and not hasattr(plugin, "defaults"):
            raise PluginError(name, f"a {type(plugin).__name__} without a hook and without defaults is no plugin")
        for hook, impl in impls:
            if impl.hookwrapper:
                raise PluginError(name, f"{hook} is a hookwrapper; mark it with @hookimpl(wrapper=True)")
            if hook not in _ASKED_ONCE and impl.wrapper:
                raise PluginError(name, f"{hook} cannot be wrapped; wrap select_strategy")
        return impls

    def remove(self, name: str, reason: str) -> Plugin:
        """Quarantine a plugin that is registered: nothing of it stays but its record."""
        self._pluggy.unregister(name=name)
        self.defaults.pop(name, None)
        self.records[name] = self.records[name].failed(reason)
        self.listeners.listen(self._pluggy.hook)
        return self.records[name]

    def object(self, name: str) -> Any:
        """The plugin itself, or None."""
        return self._pluggy.get_plugin(name)

    def models(self, name: str, settings: Settings) -> tuple[Model, ...]:
        """The models of one plugin. Raises PluginError for anything but an iterable of Model."""
        for impl in self._pluggy.hook.provide_models.get_hookimpls():
            if impl.plugin_name == name:
                try:
                    brought: Any = impl.function(*[settings for _ in impl.argnames])
                    models: tuple[Any, ...] = tuple(brought or ())
                except KeyboardInterrupt:
                    raise
                except BaseException as error:  # the border to foreign code
                    raise PluginError(name, f"provide_models failed: {said(error)}") from None
                wrong = next((model for model in models if not isinstance(model, Model)), None)
                if wrong is not None:
                    raise PluginError(name, f"provide_models brought a {type(wrong).__name__}, not a Model")
                return models
        return ()

    def problems(self, name: str) -> dict[str, str]:
        """Why one plugin could not bring some providers. An attribute of another shape is its own affair."""
        try:
            told = getattr(self.object(name), "problems", None)
            found = dict(told) if isinstance(told, Mapping) else {}
            return {
                provider: redact(" ".join(str(error).split()))
                for provider, error in found.items()
                if isinstance(provider, str) and isinstance(error, ConfigError)
            }
        except KeyboardInterrupt:
            raise
        except BaseException:  # the border to foreign code
            return {}

    def wire_name(self, model: Model) -> str:
        """The name that goes upstream for this model."""
        answer: str | None = self._pluggy.hook.wire_name(model=model)
        return model.id.removeprefix(f"{model.provider}/") if answer is None else answer

    def strategy(self, model: Model, settings: Settings) -> Strategy | None:
        """The strategy for this model with all layers around it, or None when every plugin declined."""
        strategy: Strategy | None = self._pluggy.hook.select_strategy(model=model, settings=settings)
        return strategy

    def _claim_defaults(self, plugin: Any, name: str) -> None:
        """Keep the plugin's defaults. A provider's table has one owner: no later plugin can move its base."""
        defaults = getattr(plugin, "defaults", {})
        if not isinstance(defaults, Mapping):
            if inspect.ismodule(plugin):
                return
            raise PluginError(name, "defaults is not a mapping in the shape of config.toml")
        providers = defaults.get("providers", {})
        if not isinstance(providers, Mapping) or not all(isinstance(table, Mapping) for table in providers.values()):
            raise PluginError(name, "defaults is not a mapping in the shape of config.toml")
        for other, others in self.defaults.items():
            if shared := sorted(set(providers) & set(others.get("providers", {}))):
                raise PluginError(name, f"defaults of provider {shared[0]!r} are already brought by plugin {other!r}")
        if defaults:
            self.defaults[name] = defaults

    def _declined(self, name: str, hook: str, model: Model | None, error: BaseException) -> None:
        """A plugin failed while it was asked: its own models cannot be called, all others go on without it."""
        if isinstance(error, (KeyboardInterrupt, ConfigError)):  # a wrong setting is for the host to see and mend
            raise error
        if model is not None and self.owner(model.id) == name:
            if isinstance(error, ModelplugError):
                raise error
            raise PluginError(name, f"{hook} failed for {model.id!r}: {said(error)}") from None
        reason = error.reason if isinstance(error, PluginError) else said(error)
        log.warning("plugin %r failed in %s and was passed over: %s", name, hook, reason)

    def _guarded(self, name: str, hook: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def guarded(*args: Any) -> Any:
            try:
                return _checked(function(*args), name, hook)
            except BaseException as error:  # the border to foreign code
                self._declined(name, hook, _model_of(args), error)
                return None

        return guarded

    def _guarded_wrapper(
        self, name: str, hook: str, function: Callable[..., Generator[None, Any, Any]]
    ) -> Callable[..., Generator[None, Any, Any]]:
        @wraps(function)
        def guarded(*args: Any) -> Generator[None, Any, Any]:
            layer = function(*args)
            try:
                next(layer)
            except BaseException as error:  # the border to foreign code
                self._declined(name, hook, _model_of(args), error)
                return (yield)
            inner = yield
            wrong: BaseException
            try:
                layer.send(inner)
            except StopIteration as stop:
                try:
                    return _checked(stop.value, name, hook, inner)
                except BaseException as error:  # as above
                    wrong = error
            except BaseException as error:  # as above
                wrong = error
            else:
                wrong = PluginError(name, f"its wrapper of {hook} yields twice")
            self._declined(name, hook, _model_of(args), wrong)
            return inner

        return guarded


def _new_pluggy() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    return manager


def _check_marks(plugin: Any, name: str) -> None:
    """Raises PluginError for a hook that is not marked, or not synchronous."""
    for hook in HOOK_NAMES:
        own = inspect.getattr_static(plugin, hook, None)
        if own is None or own is inspect.getattr_static(Hooks, hook):
            continue
        method = getattr(plugin, hook)
        if not hasattr(method, f"{PROJECT}_impl"):
            raise PluginError(name, f"{hook} is not marked with @hookimpl")
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            raise PluginError(name, f"{hook} is async; hooks are synchronous")


def _checked(answer: Any, name: str, hook: str, inner: Any = None) -> Any:
    """The answer to a hook that is asked once. Raises PluginError for a wrong one, and what its name or bursts raise.

    `inner` is what a wrapper was given.
    """
    if answer is None:
        if inner is not None:
            raise PluginError(name, f"its wrapper of {hook} was given an answer and returned None; return the answer")
    elif hook == "wire_name":
        if not isinstance(answer, str) or not answer:
            wrong = "an empty text" if isinstance(answer, str) else _a(answer)
            raise PluginError(name, f"wire_name answered {wrong}, not a name")
    elif not isinstance(answer, Strategy):
        raise PluginError(name, f"select_strategy answered {_a(answer)}, not a Strategy")
    else:
        strategy_name(answer), bursts_of(answer)
    return answer


def _a(answer: Any) -> str:
    return f"a {type(answer).__name__}"


def _model_of(args: tuple[Any, ...]) -> Model | None:
    return next((arg for arg in args if isinstance(arg, Model)), None)
