"""The kit: a faulty upstream, a table of what it does, and what a plugin must make of it.

# tests/test_kit.py
from modelplug_testkit import Kit

class TestAcme(Kit):
    model = "acme/anvil-large"
    claims = {"chat", "stream", "tools"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelplug_testkit.kit import Kit

__all__ = ["Kit"]


def __getattr__(name: str) -> Any:
    """Kit, imported when it is asked for: every pytest run imports this package."""
    if name == "Kit":
        from modelplug_testkit.kit import Kit

        return Kit
    raise AttributeError(name)
