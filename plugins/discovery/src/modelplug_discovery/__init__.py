"""Providers without code: a table of config.toml is one.

[providers.acme]
api_base = "https://llm.acme.com/v1"
api_key_env = "ACME_KEY"
models = ["large", { id = "small", context_window = 32_000, prices = { input = 0.1, output = 0.4 } }]
discover = true  # and what the endpoint lists: `modelplug models refresh acme`

A host refreshes with `modelplug_discovery.refreshing`, which is imported when it is needed.
"""

from modelplug_discovery.kept import listed
from modelplug_discovery.plugin import Discovery

__all__ = ["Discovery", "listed"]
