"""The pytest plugin: what the kit adds to a test run."""

from __future__ import annotations
