"""What is to be loaded: the small model of the cache, or another that the settings name."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen
from modelplug import ConfigError, Settings

PROVIDER = "local"


@frozen(kw_only=True)
class Loading:
    """What a server is to load: a GGUF file (None: the small model of the cache) and how much context a call has.

    `name` is what the server calls the model. `context_window` is tokens for each call, prompt and answer together.
    `slots` is how many calls run at once; more of them wait their turn.
    """

    path: Path | None = None
    name: str = "smollm2-135m"
    context_window: int = 2048
    slots: int = 2


def loading_of(settings: Settings) -> Loading:
    """What the settings say is to be loaded. Raises ConfigError for a context window that is no whole number."""
    provider = settings.provider(PROVIDER)
    found = provider.find("context_window")
    tokens = provider.number("context_window", Loading().context_window)
    if found is not None and (tokens is None or tokens < 1 or tokens != int(tokens)):
        raise ConfigError(found.setting, "is not a number of tokens", "Write a whole number such as 2048.")
    context_window = int(tokens or 0)
    path = provider.get("model_path")
    if not path:
        return Loading(context_window=context_window)
    path = Path(str(path)).expanduser()
    return Loading(path=path, name=path.stem.lower(), context_window=context_window)
