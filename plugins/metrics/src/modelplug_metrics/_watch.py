"""What health is judged by: recent calls of a provider or a model, what was thought before, and how a model used to be.

With every slice of time in which there were calls, a status is settled on, which the next one must beat. Readers look
at the same and change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from modelplug_metrics._blame import SCOPES
from modelplug_metrics._recent import JUDGED, OLDEST, SLICES, Recent, Sketches
from modelplug_metrics._sketch import percentile
from modelplug_metrics._tally import Tally
from modelplug_metrics._usual import FEWEST_RECENT, RANK, Usual, is_slow
from modelplug_metrics.health import Faults, Health, Status, Verdict, seconds_in_words, status_of, verdict_of

MEASURES: Mapping[str, str] = {"first_chunk": "to first chunk", "seconds": "of a call"}
"""What speed is judged by: the first chunk where calls are streamed, else the whole call."""


class ModelWatch:
    """One model: its recent calls, and its usual speed, which is learnt while it is not slow.

    What has been slow for an hour is the new usual.
    """

    def __init__(self, provider: str, model: str, *, seconds: float) -> None:
        self.provider, self.model = provider, model
        self._recent = Recent(seconds)
        self._usual = {measure: Usual() for measure in MEASURES}
        self._slow_since: float | None = None
        self._status: Status = "no_data"
        self._since = self._last = 0.0

    def take(self, moment: float, tally: Tally) -> None:
        """One more slice of its calls."""
        self._last = max(self._last, moment)
        ok = tally.get("ok", 0)
        short = {"ok": ok, JUDGED: ok} if ok else {}
        sketches: Sketches = {}
        for name, n in tally.items():
            told = _told(name)
            if told is None:
                continue
            measure, key = told
            if key is None:
                _count(short, name, n)
                _count(short, JUDGED, n)
                continue
            usual = self._usual[measure]
            sketches.setdefault(measure, {})[key] = n
            _count(short, f"{measure}.all", n)
            if key > usual.still_slow:
                _count(short, f"{measure}.still", n)
            if key > usual.slow:
                _count(short, f"{measure}.slow", n)
        self._recent.take(moment, short, sketches)

    def decide(self, *, now: float) -> None:
        """Settle on a status; learn what is usual."""
        for sketches in self._recent.trim(now=now):
            if self._slow_since is None:
                for measure, buckets in sketches.items():
                    self._usual[measure].learn(buckets)
        recent = self._recent.short(now=now)
        slow = self._slow_measure(recent) is not None
        if not slow:
            self._slow_since = None
        elif self._slow_since is None:
            self._slow_since = now
        elif now - self._slow_since > OLDEST:
            self._usual, self._slow_since = {measure: Usual() for measure in MEASURES}, None
        status = status_of(recent.get("ok", 0), recent.get(JUDGED, 0), slow=slow, before=self._status)
        if status != self._status:
            self._status, self._since = status, now

    def slow(self, *, now: float) -> str | None:
        """In words how slow the model is; None when it is not."""
        measure = self._slow_measure(self._recent.short(now=now))
        if measure is None:
            return None
        p95 = percentile(self._recent.sketch(measure, now=now), RANK) or 0.0
        usual = self._usual[measure].p95 or 0.0
        return f"p95 {MEASURES[measure]} {seconds_in_words(p95)}, usually {seconds_in_words(usual)}"

    def is_slow(self, *, now: float) -> bool:
        """Whether it is slower than it used to be."""
        return self._slow_measure(self._recent.short(now=now)) is not None

    def health(self, *, now: float) -> Health:
        """How the model is."""
        verdict = self._verdict(now)
        since = self._since if verdict.status == self._status else self._last  # what the last calls changed
        return Health(provider=self.provider, model=self.model, since=since, verdict=verdict)

    def _slow_measure(self, recent: Tally) -> str | None:
        limit = "slow" if self._slow_since is None else "still"
        for measure in MEASURES:
            if (count := recent.get(f"{measure}.all", 0)) >= FEWEST_RECENT:
                over = recent.get(f"{measure}.{limit}", 0)
                return measure if over and self._usual[measure].p95 is not None and is_slow(count, over) else None
        return None

    def _verdict(self, now: float) -> Verdict:
        recent = self._recent.short(now=now)
        faults = Faults()
        for name, n in recent.items():
            if name.startswith("faults."):
                _, _, kind, of_type = name.split(".")
                faults[kind, of_type] += n
        return verdict_of(recent.get("ok", 0), faults, slow=self.slow(now=now), before=self._status)


class ProviderWatch:
    """One provider: the recent calls of all its models, and which of them failed how."""

    def __init__(self, provider: str, *, seconds: float) -> None:
        self.provider = provider
        self.models: dict[str, ModelWatch] = {}
        self._seconds = seconds
        self._recent = Recent(seconds)
        self._decided = -1
        self._status: Status = "no_data"
        self._since = self._last = 0.0

    def take(self, moment: float, tally: Tally, model: str) -> None:
        """One more slice of calls to one of its models."""
        self._last = max(self._last, moment)
        self._model(model).take(moment, tally)
        ok = tally.get("ok", 0)
        short = {"ok": ok, f"used.{model}": ok, JUDGED: ok} if ok else {}
        for name, n in tally.items() if "failed" in tally else ():
            if name.startswith("faults."):
                _count(short, f"{name}.{model}", n)
                _count(short, JUDGED, n)
        self._recent.take(moment, short)

    def decide(self, model: str, *, now: float) -> None:
        """Settle on the status of this model and, once in a slice of time, on the provider's own."""
        self._model(model).decide(now=now)
        place = int(now * SLICES // self._seconds)
        if place != self._decided:
            self._decided = place
            self._recent.trim(now=now)
            status = self._verdict(now).status
            if status != self._status:
                self._status, self._since = status, now

    def health(self, *, now: float) -> Health:
        """How the provider is."""
        verdict = self._verdict(now)
        since = self._since if verdict.status == self._status else self._last  # what the last calls changed
        return Health(provider=self.provider, since=since, verdict=verdict)

    def _model(self, model: str) -> ModelWatch:
        watch = self.models.get(model)
        if watch is None:
            watch = self.models[model] = ModelWatch(self.provider, model, seconds=self._seconds)
        return watch

    def _verdict(self, now: float) -> Verdict:
        recent = self._recent.short(now=now)
        by_scope = {scope: Faults() for scope in SCOPES}
        used, failing = set[str](), set[str]()
        for name, n in recent.items():
            if name.startswith("used."):
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
        ok = recent.get("ok", 0)
        if failing and not ok and not blamed:
            return Verdict(status="no_data", reason=f"{min(failing)} fails, for a reason that the provider hides")
        return verdict_of(ok, blamed, slow=self._slow(used, now), before=self._status)

    def _slow(self, used: Iterable[str], now: float) -> str | None:
        """A provider is slow when half of its models in use are."""
        watches = [self.models[model] for model in sorted(used)]
        slow = [watch for watch in watches if watch.is_slow(now=now)]
        if not slow or 2 * len(slow) < len(watches):
            return None
        return f"{len(slow)} of {len(watches)} models slow: {slow[0].model}, {slow[0].slow(now=now)}"


@cache
def _told(name: str) -> tuple[str, int | None] | None:
    """What a name of a tally says of health: a fault, a measure and its bucket, or None for nothing."""
    subject, _, rest = name.partition(".")
    if subject == "faults":
        return subject, None
    return (subject, int(rest)) if subject in MEASURES and rest != "sum" else None


def _count(tally: Tally, name: str, n: int) -> None:
    tally[name] = tally.get(name, 0) + n
