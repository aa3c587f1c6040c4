"""The kit: a faulty upstream, a table of what it does, and what a plugin must make of it."""

from __future__ import annotations

__all__: list[str] = []
