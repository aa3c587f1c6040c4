"""The board of one command."""

from __future__ import annotations

import logging

from modelplug import Switchboard


def load() -> Switchboard:
    """A board with all installed plugins. A plugin that failed is said in `plugins list` and, with -v, in the log."""
    logging.getLogger("modelplug").addHandler(logging.NullHandler())  # else Python prints warnings by itself
    return Switchboard.load()
