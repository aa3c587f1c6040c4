"""The local plugin through the kit: its upstream is its own child, so only the contract; the rest is tested beside."""

from typing import ClassVar

from modelplug_testkit import Kit


class TestLocal(Kit):
    """It claims nothing that a foreign upstream could prove."""

    model = "local"
    claims: ClassVar[set[str]] = set()
