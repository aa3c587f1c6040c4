"""Counts calls, outcomes, tokens, cost and seconds by provider, model and strategy, and judges health."""

from modelplug_metrics.failures import FailedCall
from modelplug_metrics.figures import Distribution, Figures
from modelplug_metrics.health import Health, Verdict
from modelplug_metrics.plugin import Metrics
from modelplug_metrics.snapshot import Row, Snapshot

__all__ = ["Distribution", "FailedCall", "Figures", "Health", "Metrics", "Row", "Snapshot", "Verdict"]
