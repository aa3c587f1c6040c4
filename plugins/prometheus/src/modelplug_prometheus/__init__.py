"""The figures of modelplug-metrics for Prometheus: a collector, a Grafana dashboard and alert rules.

    registry.register(Collector(board.plugin("metrics").snapshot))      # in a host's own registry
    body, content_type = exposition(board.plugin("metrics").snapshot())  # or as an answer to a scrape

`python -m modelplug_prometheus dashboard` and `... rules` print what Grafana and Prometheus read.
"""

from modelplug_prometheus.collector import Collector, exposition

__all__ = ["Collector", "exposition"]
