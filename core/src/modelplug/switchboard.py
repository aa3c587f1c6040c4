"""The one object that a host holds: plugins in, answers out."""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import evolve

from modelplug import _trace
from modelplug._calling import CallIds, checked_params, checked_timeout, unresolved
from modelplug._entry_points import Plugin, installed
from modelplug._own_prices import at_own_prices
from modelplug._plugged import Plugged
from modelplug._routes import DEFAULT_TIMEOUT, CredentialsFor, Route, Routes
from modelplug._running import Running
from modelplug._views import plain_messages
from modelplug.answers import Embeddings, Reply
from modelplug.calls import Call, Operation
from modelplug.catalog import Catalog
from modelplug.chunks import Chunks
from modelplug.credentials import Credentials
from modelplug.deadlines import Deadlines
from modelplug.errors import AmbiguousModel, ConfigError, ModelplugError, NoStrategy, PluginError, UnknownModel
from modelplug.models import Model
from modelplug.settings import Settings, names_in
from modelplug.strategy import Request, Strategy, close, embedding, strategy_name, warm

if TYPE_CHECKING:
    from concurrent.futures import Future

    from modelplug._sync import SyncSwitchboard

log = logging.getLogger("modelplug")

A = TypeVar("A", Reply, Embeddings)

_SHUT_DOWN = 1.0
"""Seconds for calls that are ended to say so."""


class Switchboard:
    """Holds plugins and carries calls.

        board = Switchboard.load()
        reply = await board.complete("local", [{"role": "user", "content": "Hello"}])
        async with board.stream("local", messages) as chunks:
            async for chunk in chunks:
                print(chunk.text, end="")

    Two boards share nothing. One board may be used by several event loops, one after another.
    """

    def __init__(
        self,
        *,
        settings: Settings | Mapping[str, Any] | None = None,
        credentials_for: CredentialsFor | None = None,
    ) -> None:
        """An empty board; `load` is what a host wants, and says what the arguments are."""
        self.catalog = Catalog({})
        self._ids = CallIds()
        self._plugged = Plugged()
        self._settle(settings if isinstance(settings, Settings) else Settings.read(settings))
        self._plugged.owner = lambda model_id: self.catalog.owner(model_id)
        self._brought: dict[str, tuple[Model, ...]] = {}
        self._strategies: dict[tuple[str, int], Strategy] = {}
        self._credentials_for = credentials_for
        self._routes = self._new_routes()
        self._running: set[Running] = set()
        self._deadlines = Deadlines()
        self._sync: SyncSwitchboard | None = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_forked(weakref.ref(self)))

    @classmethod
    def load(
        cls,
        *,
        block: Collection[str] = (),
        only: Collection[str] | None = None,
        strict: bool = False,
        settings: Settings | Mapping[str, Any] | None = None,
        credentials_for: CredentialsFor | None = None,
    ) -> Self:
        """A board with all installed plugins.

        `block` names plugins that are not to be imported, beside those of the setting `block` (`MODELPLUG_BLOCK`).
        `only` is an allow-list, in place of the setting `plugins` (`MODELPLUG_PLUGINS`). A plugin that fails is
        quarantined with its reason in `plugins`, and the others go on; so is a provider that its plugin cannot bring.
        With `strict` a PluginError is raised for either.
        `credentials_for(provider, tenant)` answers calls that name a `tenant`; None leaves that tenant without a call.
        Raises ConfigError when config.toml cannot be read. No network is touched and no thread started.
        """
        board = cls(settings=settings, credentials_for=credentials_for)
        own = board.settings.table()
        allowed = own.names("plugins") if only is None else names_in(only)
        blocked = {*(own.names("block") or ()), *names_in(block)}
        for record, plugin in installed(only=None if allowed is None else set(allowed), block=blocked):
            if record.state == "loaded":
                try:
                    board._plug(plugin, record)
                except PluginError as error:
                    board._plugged.records[record.name] = record.failed(error.reason)
            elif record.name in board._plugged.records:
                board._plugged.records[f"{record.name} ({record.distribution})"] = record
            else:
                board._plugged.records[record.name] = record
        board._collect(list(board._plugged.records))
        for record in board.plugins:
            if strict:
                for provider, reason in record.problems.items():
                    raise PluginError(record.name, f"provider {provider!r}: {reason}")
            if record.state == "failed":
                if strict:
                    raise PluginError(record.name, record.reason or "failed")
                log.warning("plugin %r was not loaded: %s", record.name, record.reason)
        return board

    def add(self, plugin: Any, *, name: str | None = None) -> Plugin:
        """Plug in an object, a class or a module by hand. Raises PluginError, and then nothing of it stays."""
        if isinstance(plugin, type):
            plugin = plugin()
        named = name or getattr(plugin, "name", None)
        record = Plugin(name=named if named and isinstance(named, str) else type(plugin).__name__.lower())
        self._plug(plugin, record)
        self._collect([record.name])
        added = self._plugged.records[record.name]
        if added.state == "failed":
            del self._plugged.records[record.name]
            raise PluginError(record.name, added.reason or "failed")
        return added

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """What became of each plugin, sorted by name."""
        return tuple(self._plugged.records[name] for name in sorted(self._plugged.records))

    def plugin(self, name: str) -> Any:
        """The loaded plugin itself, or None. Hosts read a listener's figures from it."""
        return self._plugged.object(name)

    @property
    def models(self) -> tuple[Model, ...]:
        """All models, sorted by id."""
        return tuple(self.catalog)

    def resolve(self, name: str) -> Model:
        """The model with this id or alias. Raises UnknownModel with close matches, or AmbiguousModel with owners."""
        return self.catalog.resolve(name)

    def ready(self, model: Model) -> bool:
        """Whether a call can be made now: every setting that the model requires is there and well-formed."""
        try:
            self._routes.credentials(model)
        except ConfigError:
            return False
        return True

    def route(self, model: Model) -> tuple[str, str]:
        """The name that a call to this model sends upstream, and the name of the strategy that carries it.

        Asks the plugins as a first call would. Raises NoStrategy, ConfigError or PluginError.
        """
        route = self._routes.to(model)
        return route.wire_name, route.strategy_name

    async def complete(
        self,
        name: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        timeout: float | None = None,
        credentials: Credentials | None = None,
        tenant: str | None = None,
        **params: Any,
    ) -> Reply:
        """The whole answer of the model called `name`.

        `messages` and `params` have OpenAI's names and shapes; a parameter that modelplug does not know is passed on. A
        message may be one that an answer brought, `reply.choices[0].message`.
        `timeout` is seconds for the whole call, retries included. `credentials` are used instead of the provider's
        settings for this call; `tenant` has them looked up by the board's `credentials_for`.
        Raises UnknownModel, AmbiguousModel, NoStrategy, ConfigError, or a kind of CallFailed.
        """
        running, route = self._begin(name, "chat", timeout, (credentials, tenant), params, messages=messages)
        return await _answer(running, lambda: route.strategy.complete(running.request))

    def stream(
        self,
        name: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        timeout: float | None = None,
        credentials: Credentials | None = None,
        tenant: str | None = None,
        **params: Any,
    ) -> Chunks:
        """The answer in chunks: `async with board.stream(...) as chunks`. Arguments and errors as in `complete`."""
        given = (credentials, tenant)
        return Chunks(lambda: self._begin(name, "chat", timeout, given, params, messages=messages, stream=True))

    async def embed(
        self,
        name: str,
        input: str | Sequence[Any],
        *,
        timeout: float | None = None,
        credentials: Credentials | None = None,
        tenant: str | None = None,
        **params: Any,
    ) -> Embeddings:
        """One vector for each text in `input`. Other arguments and errors as in `complete`."""
        running, route = self._begin(name, "embeddings", timeout, (credentials, tenant), params, input=input)
        return await _answer(running, lambda: embedding(route.strategy, running.request))

    def refresh(self) -> None:
        """Ask every plugin for its models again and swap the catalog. Running calls keep what they have.

        A plugin that fails now keeps its earlier models, and so does a provider that its plugin cannot bring now,
        with a warning in the log.
        """
        self._settle(self._given.again())
        self._collect([record.name for record in self.plugins if record.state == "loaded"], again=True)

    def warm(self, *names: str) -> Future[None]:
        """Import what the first calls to these models would: an HTTP client, or LiteLLM, which takes seconds.

        That is done by a thread; nothing is opened, and nobody has to wait for the Future (`asyncio.wrap_future` makes
        it awaitable). What goes wrong in there is logged, and told by the first call. Raises as `route` does.
        """
        strategies = {id(route.strategy): route.strategy for route in map(self._routes.to, map(self.resolve, names))}
        from concurrent.futures import Future  # late: loading and listing need neither
        from threading import Thread

        warmed: Future[None] = Future()

        def work() -> None:
            for strategy in strategies.values():
                try:
                    warm(strategy)
                except Exception as error:  # the border to foreign code: its first call says more
                    log.warning("strategy %r cannot be warmed: %s", strategy_name(strategy), type(error).__name__)
            warmed.set_result(None)

        Thread(target=work, name="modelplug-warm").start()  # no daemon: one killed in an import keeps its lock
        return warmed

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until every listener has been told of all calls that are over; False when `seconds` were not enough.

        Listeners are told by threads of their own, within some hundredths of a second. `aclose` and the end of the
        process flush too.
        """
        return self._plugged.listeners.flush(seconds)

    @property
    def dropped(self) -> Mapping[str, int]:
        """For each listening plugin the number of events that it was too slow for."""
        return self._plugged.listeners.dropped

    @property
    def sync(self) -> SyncSwitchboard:
        """The same board for code that is not async."""
        if self._sync is None:
            from modelplug._sync import SyncSwitchboard

            self._sync = SyncSwitchboard(self)
        return self._sync

    async def aclose(self, *, drain: float = 0.0) -> None:
        """Give running calls `drain` seconds to end, end the others with kind `shutdown`, close every strategy, flush.

        On SIGTERM a host calls it with the seconds it has. A board may be closed twice, and used again afterwards.
        """
        await self._drained(drain)
        strategies, self._strategies = self._strategies, {}
        self._routes = self._new_routes()
        for strategy in strategies.values():
            try:
                await close(strategy)
            except Exception as error:  # the border to foreign code: the other strategies are still to be closed
                log.warning("strategy %r failed while closing: %s", strategy_name(strategy), type(error).__name__)
        from asyncio import to_thread  # late: loading and listing need no event loop

        await to_thread(self.flush)

    async def _drained(self, seconds: float) -> None:
        from asyncio import sleep  # late, as below

        until = time.monotonic() + seconds
        while self._running and time.monotonic() < until:  # noqa: ASYNC110  # calls may run in several loops
            await sleep(0.01)
        for running in tuple(self._running):
            running.shut_down()
        until = time.monotonic() + _SHUT_DOWN
        while any(r.shut for r in self._running) and time.monotonic() < until:  # noqa: ASYNC110  # as above
            await sleep(0.001)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _plug(self, plugin: Any, record: Plugin) -> None:
        self._plugged.add(plugin, record)
        try:
            self._settle(self._given)
        except ConfigError as error:
            self._plugged.remove(record.name, str(error))
            del self._plugged.records[record.name]
            raise PluginError(record.name, f"its defaults cannot be used: {error}") from None

    def _settle(self, given: Settings) -> None:
        """Take these settings, over the defaults of the plugins that are loaded now. Raises ConfigError before it."""
        settings = given.over(self._plugged.defaults.values())
        content = settings.table("log").flag("content")
        settings.aliases, at_own_prices({}, settings)  # what is wrong with them is told before they count
        self._given, self.settings, self._log_content = given, settings, content

    def _collect(self, names: Iterable[str], *, again: bool = False) -> None:
        """Ask these plugins for their models and swap the catalog once."""
        brought = dict(self._brought)
        for name in names:
            record = self._plugged.records[name]
            if record.state != "loaded":
                continue
            try:
                brought[name] = self._plugged.models(name, self.settings)
            except PluginError as error:
                if again:
                    log.warning("plugin %r keeps its earlier models: %s", name, error.reason)
                    continue
                self._plugged.remove(name, error.reason)
                self._settle(self._given)
                continue
            problems = self._plugged.problems(name)
            brought[name] += self._kept(name, problems, {model.id for model in brought[name]})
            self._plugged.records[name] = evolve(record, models=len(brought[name]), problems=problems)
        catalog = Catalog(at_own_prices(brought, self.settings), self.settings.aliases)
        for name, owners in catalog.clashes.items():
            log.warning("the name %r is shared by %s", name, ", ".join(owners))
        self._brought, self.catalog, self._routes = brought, catalog, self._new_routes()

    def _kept(self, plugin: str, problems: Mapping[str, str], brought: Collection[str]) -> tuple[Model, ...]:
        """The earlier models of providers that their plugin cannot bring now; the log names each of them."""
        known = (model for model in self._brought.get(plugin, ()) if model.provider in problems)
        earlier = tuple(model for model in known if model.id not in brought)
        for provider, reason in problems.items():
            keeps = any(model.provider == provider for model in earlier)
            log.warning(
                "provider %r %s: %s", provider, "keeps its earlier models" if keeps else "has no models", reason
            )
        return earlier

    def _new_routes(self) -> Routes:
        return Routes(self._plugged, self.settings, self._strategies, self._credentials_for)

    def _finish(self, running: Running, call: Call) -> None:
        self._running.discard(running)
        self._plugged.listeners.finished(call)

    def _begin(
        self,
        name: str,
        operation: Operation,
        timeout: float | None,
        given: tuple[Credentials | None, str | None],
        params: Mapping[str, Any],
        *,
        messages: Sequence[Mapping[str, Any]] = (),
        input: Any = None,
        stream: bool = False,
    ) -> tuple[Running, Route]:
        """Everything before the first attempt: from the name to a running call and its route."""
        clock = perf_counter()
        try:
            model = self.catalog.resolve(name)
        except (UnknownModel, AmbiguousModel) as error:
            call = unresolved(self._ids.next(), error, name, operation, stream, clock)
            if _trace.ends_wanted():
                _trace.ended(call)
            self._plugged.listeners.finished(call)
            raise
        route: Route | None = None
        problem: BaseException | None = None
        asked: Sequence[Any] = ()
        try:
            route = self._routes.to(model)
            used = self._routes.credentials(model, *given)
            checked_params(params)
            asked = plain_messages(messages)
            timeout = route.timeout if timeout is None else checked_timeout(timeout)
        except ModelplugError as error:
            problem, used = error, given[0] or self._routes.known_credentials(model)
        request = Request(
            id=self._ids.next(),
            requested=name,
            model=model,
            wire_name=model.id if route is None else route.wire_name,
            operation=operation,
            stream=stream,
            messages=asked,
            input=input,
            params=params,
            credentials=used,
            tenant=given[1],
            deadline=time.monotonic() + (DEFAULT_TIMEOUT if problem is not None or timeout is None else timeout),
        )
        carrier = "none" if route is None else route.strategy_name
        running = Running(request, carrier, clock, self._finish, self._deadlines, content=self._log_content)
        self._running.add(running)
        self._plugged.listeners.started(request)
        if problem is not None or route is None:
            failure = running.failed(problem or NoStrategy(model.id, "none was selected"))
            raise failure
        return running, route


def _forked(board: weakref.ref[Switchboard]) -> Callable[[], None]:
    """What a forked process does for a board that it finds: it has no threads, no running calls, and new ids."""

    def begin_anew() -> None:
        alive = board()
        if alive is not None:
            alive._ids = CallIds()
            alive._running.clear()
            if alive._sync is not None:
                alive._sync.forked()
            alive._plugged.listeners.forked()

    return begin_anew


async def _answer(running: Running, carry: Callable[[], Awaitable[A]]) -> A:
    """Await an answer within the deadline, and finish the record whatever comes."""
    try:
        with running.deadline:
            answer = await carry()
        if not isinstance(answer, (Reply, Embeddings)):
            raise TypeError(f"it answered a {type(answer).__name__}")
        answer.call = running.succeeded(answer)
        return answer
    except BaseException as error:  # everything that can end a call ends in its record
        failure = running.failed(error)
    raise failure
