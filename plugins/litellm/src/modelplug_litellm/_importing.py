"""LiteLLM itself: imported at the first call, without the network and without reading `.env` files."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

from modelplug_litellm._discretion import keep_discreet

_QUIET: Mapping[str, str] = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else the import fetches the price map from the network
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",  # else the first call to Anthropic fetches a list of headers
    "LITELLM_MODE": "PRODUCTION",  # else the import puts the variables of the nearest .env into this process
}
_PYDANTICS_WARNING = r"Item '\w+' on TypedDict class"
"""What pydantic says of LiteLLM's types in their first use: nothing that a user of ours could mend."""

_lock = threading.Lock()


async def litellm() -> ModuleType:
    """The module, imported in a thread the first time: the import takes seconds, and the event loop goes on."""
    module = sys.modules.get("litellm")
    ready = module is not None and getattr(module, "suppress_debug_info", False)
    return module if module is not None and ready else await asyncio.to_thread(load)


def load() -> ModuleType:
    """The module, imported here and now."""
    with _lock, _environment(_QUIET):
        module: Any = importlib.import_module("litellm")
        with suppress(ImportError, AttributeError):  # older releases have no such list
            importlib.import_module("litellm.anthropic_beta_headers_manager").reload_beta_headers_config()

        warnings.filterwarnings("ignore", _PYDANTICS_WARNING, UserWarning)
        module.telemetry = False
        keep_discreet()
        module.suppress_debug_info = True  # else it prints to standard output when a call fails
    loaded: ModuleType = module
    return loaded


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables for the time being, where the user has not set them."""
    added = [name for name in values if name not in os.environ]
    os.environ.update({name: values[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
