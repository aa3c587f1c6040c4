"""The board of one command."""

from __future__ import annotations

import gc
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelplug import Switchboard


def load() -> Switchboard:
    """A board with all installed plugins. A plugin that failed is said in `plugins list` and, with -v, in the log."""
    logging.getLogger("modelplug").addHandler(logging.NullHandler())  # else Python prints warnings by itself
    gc.disable()  # thousands of objects that live as long as the process: looking for garbage in them took 20 of 120 ms
    try:
        from modelplug import Switchboard

        return Switchboard.load()
    finally:
        gc.freeze()
        gc.enable()
