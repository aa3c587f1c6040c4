"""Asking idle providers for their list of models, which is free, to know whether they are well before anybody calls.

Off unless `[metrics] probe` says how often. Traffic always knows better: a probe counts while there is none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from modelplug import AuthFailed, ConfigError, Credentials, Settings
from modelplug.failures import failure_from_response

from modelplug_metrics._exchange import exchange
from modelplug_metrics._rules import duration
from modelplug_metrics._ticking import Ticking
from modelplug_metrics.failures import next_step
from modelplug_metrics.health import Health, Status, Verdict, seconds_in_words

if TYPE_CHECKING:
    from modelplug_metrics.snapshot import Snapshot

LEAST = 10.0
"""Seconds between two probes at least."""

TIMEOUT = 10.0


class Probing:
    """What probes found, by provider. `look` gives the figures, `clock` Unix time."""

    def __init__(self, settings: Settings, look: Callable[[], Snapshot], clock: Callable[[], float]) -> None:
        self._settings, self._look, self._clock = settings, look, clock
        self._found: dict[str, Health] = {}
        self._ticking = Ticking(self._tick, name="modelplug-metrics-probing")
        self._ticking.every = duration(settings.table("metrics"), "probe", 300.0)
        if self._ticking.every < LEAST:
            raise ConfigError("[metrics] probe", "is too often", f"Write {LEAST:.0f} seconds or more, such as 5m.")

    def called(self) -> None:
        """There was a call: the process is at work, and idle providers are asked from now on."""
        self._ticking.start()

    def reports(self, known: Iterable[Health]) -> tuple[Health, ...]:
        """These reports, with what probes found where traffic says nothing."""
        reports = {(health.provider, health.model or ""): health for health in known}
        for provider, found in self._found.items():
            said = reports.get((provider, ""))
            if said is None or said.status == "no_data":
                reports[provider, ""] = found
        return tuple(reports[key] for key in sorted(reports))

    def probe(self) -> None:
        """Ask every provider that was not called in the last minute. Waits for the network."""
        busy = {row.provider for row in self._look().providers if row.in_flight or row.last_minute.calls}
        for provider in self._settings.providers:
            credentials = self._credentials(provider)
            if provider not in busy and credentials is not None:
                verdict, before = _verdict(credentials), self._found.get(provider)
                same = before is not None and before.status == verdict.status
                since = before.since if before is not None and same else self._clock()
                self._found[provider] = Health(provider=provider, since=since, verdict=verdict)

    def _tick(self) -> bool:
        self.probe()
        return True

    def _credentials(self, provider: str) -> Credentials | None:
        """How to reach a provider; None where there is no way, or one that we cannot take."""
        table = self._settings.provider(provider)
        try:
            credentials, proxy = table.credentials(), table.proxy
        except ConfigError:  # said at the first call
            return None
        return credentials if credentials.api_base and proxy is None else None


def _verdict(credentials: Credentials) -> Verdict:
    key = credentials.api_key
    headers = {"accept": "application/json", "user-agent": "modelplug", **dict(credentials.headers)}
    if key is not None:
        headers["authorization"] = f"Bearer {key.reveal()}"
    began = time.perf_counter()
    try:
        status, said, body = exchange("GET", f"{credentials.api_base}/models", headers, timeout=TIMEOUT)
    except TimeoutError:
        return _of("unhealthy", f"its list of models did not come within {TIMEOUT:.0f} s", "timeout")
    except OSError:
        return _of("unhealthy", "its list of models could not be asked for", "connect")
    if 200 <= status < 300:
        took = seconds_in_words(time.perf_counter() - began)
        return _of("healthy", f"its list of models came in {took}", None)
    failure = failure_from_response(status, said, body, secrets=credentials.secrets())
    if status >= 500 or isinstance(failure, AuthFailed):
        return _of("unhealthy", f"its list of models: {type(failure).__name__}, status {status}", failure.kind)
    # It is there, and has no such list or no time for it: a reseller's list may be refused while calls are not.
    return _of("no_data", f"its list of models: status {status}, which tells nothing", None)


def _of(status: Status, reason: str, kind: str | None) -> Verdict:
    return Verdict(status=status, reason=f"no calls lately; {reason}", next_step=next_step(kind) if kind else None)
