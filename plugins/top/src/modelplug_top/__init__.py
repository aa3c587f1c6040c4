"""`modelplug top`: the figures of a running server as a live table in the terminal."""

from modelplug_top.command import top

__all__ = ["top"]
