"""Counts calls, outcomes, tokens, cost and seconds by provider, model and strategy."""

from modelplug_metrics.figures import Distribution, Figures
from modelplug_metrics.plugin import Metrics
from modelplug_metrics.snapshot import Row, Snapshot

__all__ = ["Distribution", "Figures", "Metrics", "Row", "Snapshot"]
