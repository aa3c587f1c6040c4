"""Counts calls, outcomes, tokens, cost and seconds by provider, model and strategy, and judges health.

    figures = board.plugin("metrics").snapshot().total.last_5_minutes

What a snapshot holds is in the modules `snapshot`, `figures`, `health` and `failures`, which are imported when they are
first needed.
"""

from modelplug_metrics.plugin import Metrics

__all__ = ["Metrics"]
