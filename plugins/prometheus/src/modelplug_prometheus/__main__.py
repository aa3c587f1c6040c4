"""`python -m modelplug_prometheus dashboard` (or `rules`) prints what Grafana (or Prometheus) reads."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from modelplug_prometheus.dashboard import dashboard
from modelplug_prometheus.rules import rules_text

USAGE = "usage: python -m modelplug_prometheus dashboard|rules\n"


def main(words: Sequence[str]) -> int:
    """Print one of the two."""
    if list(words) == ["dashboard"]:
        sys.stdout.write(json.dumps(dashboard(), indent=2) + "\n")
        return 0
    if list(words) == ["rules"]:
        sys.stdout.write(rules_text())
        return 0
    sys.stderr.write(USAGE)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
