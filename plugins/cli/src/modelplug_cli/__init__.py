"""The `modelplug` command."""

from modelplug_cli._main import main

__all__ = ["main"]
