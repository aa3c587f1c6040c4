"""What health is judged by: recent calls of a provider or a model, what was thought before, and how a model used to be.

Figures are looked at with every slice of time in which there were calls, and by every reader; readers change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from modelplug_metrics._recent import OLDEST, SLICES, Recent
from modelplug_metrics._tally import Tally, merged
from modelplug_metrics.health import Faults, Health, Status, Verdict, of_outcomes, slowness

USUAL_LIMIT = 2_000
"""Values of the past at full weight; beyond, all are halved, so that what is long ago fades."""

_MEASURES = ("first_chunk.", "seconds.")


class ModelWatch:
    """One model: its recent calls, and its usual speed, which is learnt while it is not slow.

    What has been slow for an hour is the new usual.
    """

    def __init__(self, provider: str, model: str, *, seconds: float) -> None:
        self.provider, self.model = provider, model
        self._recent = Recent(seconds)
        self._slice = seconds / SLICES
        self._changes = 0
        self._seen = (-1, 0.0)
        self._looked: tuple[int, Faults, str | None] = (0, Faults(), None)
        self._usual: Tally = {}
        self._slow_since: float | None = None
        self._status: Status = "no_data"
        self._since = 0.0

    def take(self, moment: float, tally: Tally) -> None:
        """One more slice of its calls."""
        self._changes += 1
        self._recent.take(moment, tally, calls=tally.get("ok", 0) + sum(_faults(tally).values()))

    def decide(self, *, now: float) -> None:
        """Settle on a status, which the next one must beat; learn what is usual."""
        for tally in self._recent.leaving(now=now):
            if self._slow_since is None:
                self._learn(tally)
        self._changes += 1
        if self.slow(now=now) is None:
            self._slow_since = None
        elif self._slow_since is None:
            self._slow_since = now
        elif now - self._slow_since > OLDEST:
            self._usual, self._slow_since = {}, None
        self._changes += 1
        status = self._verdict(now).status
        if status != self._status:
            self._status, self._since = status, now

    def slow(self, *, now: float) -> str | None:
        """In words how slow the model is; None when it is not."""
        return self._look(now)[2]

    def health(self, *, now: float) -> Health:
        """How the model is."""
        verdict = self._verdict(now)
        since = self._since if verdict.status == self._status else now
        return Health(provider=self.provider, model=self.model, since=since, verdict=verdict)

    def _verdict(self, now: float) -> Verdict:
        ok, faults, slow = self._look(now)
        return of_outcomes(ok, faults, before=self._status).but_slow(slow)

    def _look(self, now: float) -> tuple[int, Faults, str | None]:
        """Recent answers, failures and slowness: looked up once for each slice of time and each change."""
        seen = (self._changes, now // self._slice)
        if self._seen != seen:
            recent = self._recent.tally(now=now)
            slow = slowness(recent, self._usual, slow=self._slow_since is not None)
            self._seen, self._looked = seen, (recent.get("ok", 0), _faults(recent), slow)
        return self._looked

    def _learn(self, tally: Tally) -> None:
        measured = {name: n for name, n in tally.items() if name.startswith(_MEASURES) and not name.endswith(".sum")}
        self._usual = merged((self._usual, measured))
        if sum(self._usual.values()) > USUAL_LIMIT:
            self._usual = {name: (n + 1) // 2 for name, n in self._usual.items() if n > 1}


class ProviderWatch:
    """One provider: the recent calls of all its models, and which of them failed how."""

    def __init__(self, provider: str, *, seconds: float) -> None:
        self.provider = provider
        self.models: dict[str, ModelWatch] = {}
        self._seconds = seconds
        self._recent = Recent(seconds)
        self._status: Status = "no_data"
        self._since = 0.0

    def take(self, moment: float, tally: Tally, model: str) -> None:
        """One more slice of calls to one of its models."""
        self._model(model).take(moment, tally)
        ok, faults = tally.get("ok", 0), {name: n for name, n in tally.items() if name.startswith("faults.")}
        kept = {"ok": ok, f"used.{model}": ok, **{f"{name}.{model}": n for name, n in faults.items()}}
        self._recent.take(moment, kept, calls=ok + sum(faults.values()))

    def decide(self, model: str, *, now: float) -> None:
        """Settle on the status of this model, and on the provider's own."""
        self._model(model).decide(now=now)
        self._recent.leaving(now=now)
        status = self._verdict(now).status
        if status != self._status:
            self._status, self._since = status, now

    def health(self, *, now: float) -> Health:
        """How the provider is."""
        verdict = self._verdict(now)
        return Health(
            provider=self.provider, since=self._since if verdict.status == self._status else now, verdict=verdict
        )

    def _model(self, model: str) -> ModelWatch:
        watch = self.models.get(model)
        if watch is None:
            watch = self.models[model] = ModelWatch(self.provider, model, seconds=self._seconds)
        return watch

    def _verdict(self, now: float) -> Verdict:
        recent = self._recent.tally(now=now)
        by_scope: dict[str, Faults] = {
            "provider": Faults(),
            "model": Faults(),
            "upstream": Faults(),
            "masked": Faults(),
        }
        used, failing = set[str](), set[str]()
        for name, n in recent.items():
            if name.startswith("used.") and n:
                used.add(name.removeprefix("used."))
            elif name.startswith("faults."):
                _, scope, kind, of_type, model = name.split(".", 4)
                by_scope[scope][kind, of_type] += n
                used.add(model)
                if scope in ("upstream", "masked"):
                    failing.add(model)
        blamed = by_scope["provider"]
        # One model that fails is no proof against its provider; two are, and so is the only one in use that says why.
        if len(failing) > 1 or used == failing:
            blamed.update(by_scope["upstream"])
        if len(failing) > 1:
            blamed.update(by_scope["masked"])
        verdict = of_outcomes(recent.get("ok", 0), blamed, before=self._status)
        if verdict.status == "no_data" and failing:
            return Verdict(status="no_data", reason=f"{min(failing)} fails, for a reason that the provider hides")
        return verdict.but_slow(self._slow(used, now))

    def _slow(self, used: set[str], now: float) -> str | None:
        """A provider is slow when half of its models in use are."""
        slow = [(model, words) for model in sorted(used) if (words := self.models[model].slow(now=now))]
        if not slow or 2 * len(slow) < len(used):
            return None
        return f"{len(slow)} of {len(used)} models slow: {slow[0][0]}, {slow[0][1]}"


def _faults(tally: Mapping[str, int]) -> Faults:
    faults = Faults()
    for name, n in tally.items():
        if name.startswith("faults."):
            _, _, kind, of_type = name.split(".")
            faults[kind, of_type] += n
    return faults
