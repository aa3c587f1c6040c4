"""The table of metrics, from which the exposition, the dashboard and the alert rules are made.

Where OpenTelemetry's conventions for generative AI have a name, it stands behind `modelplug_`. The bare name belongs to
instruments that see each call, as those of plugins/otel do: one Prometheus may read both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from modelplug_metrics.health import WORSE

from modelplug_prometheus.family import Alarm, Family, Labels, Panel, Query, Sample, Scrape

CALL: Labels = ("provider", "model", "strategy")


def _numbers(*names: str, prefix: str = "", suffix: str = "") -> Callable[[Scrape], Iterator[Sample]]:
    """Figures of each row. The name without prefix and suffix is the value of a last label, where there are several."""

    def samples(scrape: Scrape) -> Iterator[Sample]:
        for labels, figures in scrape.rows:
            for name in names:
                own = (name.removeprefix(prefix).removesuffix(suffix),) if len(names) > 1 else ()
                yield labels + own, float(getattr(figures, name))

    return samples


def _distribution(name: str) -> Callable[[Scrape], Iterator[Sample]]:
    def samples(scrape: Scrape) -> Iterator[Sample]:
        for labels, figures in scrape.rows:
            seconds = getattr(figures, name)
            if seconds.count:
                yield labels, seconds

    return samples


def _errors(scrape: Scrape) -> Iterator[Sample]:
    for labels, figures in scrape.rows:
        for kind, count in figures.errors.items():
            yield (*labels, kind), float(count)


def _in_flight(scrape: Scrape) -> Iterator[Sample]:
    for row in scrape.snapshot.models:
        yield (str(row.provider), str(row.model)), float(row.in_flight or 0)


def _provider_health(scrape: Scrape) -> Iterator[Sample]:
    for health in scrape.snapshot.health:
        if health.model is None:
            yield (health.provider,), float(WORSE[health.status])


def _model_health(scrape: Scrape) -> Iterator[Sample]:
    for health in scrape.snapshot.health:
        if health.model is not None:
            yield (health.provider, health.model), float(WORSE[health.status])


def _since(scrape: Scrape) -> Iterator[Sample]:
    yield (), scrape.snapshot.since


def _over_time(title: str, by: str, *, unit: str, stacked: bool = False, factor: str = "") -> Panel:
    """How fast a counter grows."""
    query = Query(text=f"sum by ({by}) (rate(NAME{{WHERE}}[$__rate_interval])){factor}", legend=f"{{{{{by}}}}}")
    return Panel(title=title, queries=(query,), unit=unit, stacked=stacked)


def _percentiles(title: str) -> Panel:
    """The median and the 95th percentile of a histogram, by model."""
    text = "histogram_quantile({rank}, sum by (model, le) (rate(NAME{{WHERE}}[$__rate_interval])))"
    queries = [Query(text=text.format(rank=r), legend=f"{{{{model}}}} p{r * 100:g}") for r in (0.5, 0.95)]
    return Panel(title=title, queries=tuple(queries), unit="s")


FAMILIES: tuple[Family, ...] = (
    Family(
        name="modelplug_provider_health",
        type="gauge",
        help="How the provider is: 0 no data, 1 healthy, 2 degraded, 3 unhealthy.",
        labels=("provider",),
        samples=_provider_health,
        panels=(
            Panel(
                title="Health of providers",
                queries=(Query(text="max by (provider) (NAME{provider=~'$provider'})", legend="{{provider}}"),),
                shape="state-timeline",
            ),
        ),
        alarms=(
            Alarm(
                name="ModelplugProviderUnhealthy",
                query="max by (provider) (NAME) == 3",
                lasting="1m",
                severity="critical",
                summary="{{ $labels.provider }} is unhealthy",
                description="More than a fifth of its recent calls fail; modelplug's health endpoint says why.",
            ),
            Alarm(
                name="ModelplugProviderDegraded",
                query="max by (provider) (NAME) == 2",
                lasting="5m",
                summary="{{ $labels.provider }} is degraded",
                description="It is slow or some of its calls fail; modelplug's health endpoint says why.",
            ),
        ),
    ),
    Family(
        name="modelplug_model_health",
        type="gauge",
        help="How the model is: 0 no data, 1 healthy, 2 degraded, 3 unhealthy.",
        labels=("provider", "model"),
        samples=_model_health,
        panels=(
            Panel(
                title="Health of models",
                queries=(Query(text="max by (model) (NAME{WHERE})", legend="{{model}}"),),
                shape="state-timeline",
            ),
        ),
    ),
    Family(
        name="modelplug_calls",
        type="counter",
        help="Calls that are over, by outcome: ok, failed, cancelled or abandoned.",
        labels=(*CALL, "outcome"),
        samples=_numbers("ok", "failed", "cancelled", "abandoned"),
        panels=(
            _over_time("Calls by outcome", "outcome", unit="reqps", stacked=True),
            _over_time("Calls by model", "model", unit="reqps", stacked=True),
            Panel(
                title="Calls that succeed",
                queries=(
                    Query(
                        text="sum by (provider) (rate(NAME{WHERE,outcome='ok'}[$__rate_interval])) / "
                        "sum by (provider) (rate(NAME{WHERE,outcome=~'ok|failed'}[$__rate_interval]))",
                        legend="{{provider}}",
                    ),
                ),
                unit="percentunit",
            ),
        ),
        alarms=(
            Alarm(
                name="ModelplugErrorRate",
                query="sum by (provider, model) (rate(NAME{outcome='failed'}[5m])) / "
                "sum by (provider, model) (rate(NAME{outcome=~'ok|failed'}[5m])) > 0.1 "
                "and sum by (provider, model) (increase(NAME[5m])) >= 10",
                lasting="2m",
                summary="{{ $value | humanizePercentage }} of the calls to {{ $labels.model }} fail",
                description="More than a tenth of at least ten calls in five minutes.",
            ),
        ),
    ),
    Family(
        name="modelplug_errors",
        type="counter",
        help="Calls that failed, by the kind of their error; a stream that was cut is `cut`.",
        labels=(*CALL, "kind"),
        samples=_errors,
        panels=(_over_time("Failures by kind", "kind", unit="reqps", stacked=True),),
    ),
    Family(
        name="modelplug_calls_in_flight",
        type="gauge",
        help="Calls that are under way.",
        labels=("provider", "model"),
        samples=_in_flight,
        panels=(
            Panel(
                title="Calls under way",
                queries=(Query(text="sum by (model) (NAME{WHERE})", legend="{{model}}"),),
                stacked=True,
            ),
        ),
    ),
    Family(
        name="modelplug_gen_ai_client_operation_duration_seconds",
        type="histogram",
        help="Seconds of calls that ended ok, from the host's request to the end of the answer.",
        labels=CALL,
        samples=_distribution("seconds"),
        panels=(_percentiles("Seconds of a call"),),
        alarms=(
            Alarm(
                name="ModelplugSlow",
                query="histogram_quantile(0.95, sum by (provider, model, le) (rate(NAME[5m]))) > 30",
                lasting="5m",
                summary="{{ $labels.model }} takes {{ $value | humanizeDuration }}",
                description="The 95th percentile of its answered calls in five minutes is above 30 seconds.",
            ),
        ),
    ),
    Family(
        name="modelplug_gen_ai_client_operation_time_to_first_chunk_seconds",
        type="histogram",
        help="Seconds from the host's request to the first chunk of a stream.",
        labels=CALL,
        samples=_distribution("first_chunk"),
        panels=(_percentiles("Seconds to the first chunk"),),
        alarms=(
            Alarm(
                name="ModelplugSlowFirstChunk",
                query="histogram_quantile(0.95, sum by (provider, model, le) (rate(NAME[5m]))) > 5",
                lasting="5m",
                summary="{{ $labels.model }} takes {{ $value | humanizeDuration }} to the first chunk",
                description="The 95th percentile of its streams in five minutes is above 5 seconds.",
            ),
        ),
    ),
    Family(
        name="modelplug_seconds_per_output_token",
        type="histogram",
        help="Seconds of calls that ended ok, divided by their output tokens.",
        labels=CALL,
        samples=_distribution("seconds_per_token"),
        panels=(_percentiles("Seconds per output token"),),
    ),
    Family(
        name="modelplug_tokens",
        type="counter",
        help="Tokens of calls that said how many; cached and cache_write are inside input, reasoning inside output.",
        labels=(*CALL, "type"),
        samples=_numbers(
            *("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens"),
            suffix="_tokens",
        ),
        panels=(
            Panel(
                title="Tokens a second",
                queries=(
                    Query(
                        text="sum by (type) (rate(NAME{WHERE,type=~'input|output'}[$__rate_interval]))",
                        legend="{{type}}",
                    ),
                ),
                stacked=True,
            ),
        ),
    ),
    Family(
        name="modelplug_usage",
        type="counter",
        help="Calls by where their tokens are from: reported by the provider, estimated, or absent.",
        labels=(*CALL, "source"),
        samples=_numbers("usage_reported", "usage_estimated", "usage_absent", prefix="usage_"),
    ),
    Family(
        name="modelplug_cost_usd",
        type="counter",
        help="US dollars of calls whose cost is known.",
        labels=CALL,
        samples=_numbers("cost"),
        panels=(_over_time("US dollars an hour", "model", unit="currencyUSD", stacked=True, factor=" * 3600"),),
        alarms=(
            Alarm(
                name="ModelplugCost",
                query="sum(rate(NAME[1h])) * 3600 > 50",
                lasting="5m",
                summary="Calls cost {{ $value | humanize }} US dollars an hour",
                description="Of the calls whose cost is known, in the last hour.",
            ),
        ),
    ),
    Family(
        name="modelplug_cost_unknown_calls",
        type="counter",
        help="Calls whose cost is not known.",
        labels=CALL,
        samples=_numbers("cost_unknown"),
    ),
    Family(
        name="modelplug_attempts",
        type="counter",
        help="Tries on the wire.",
        labels=CALL,
        samples=_numbers("attempts"),
    ),
    Family(
        name="modelplug_retries",
        type="counter",
        help="Tries after a call's first.",
        labels=CALL,
        samples=_numbers("retries"),
        panels=(_over_time("Tries after the first", "model", unit="reqps"),),
    ),
    Family(
        name="modelplug_start_time_seconds",
        type="gauge",
        help="Unix time since which is counted.",
        labels=(),
        samples=_since,
    ),
)
