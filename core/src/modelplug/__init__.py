"""modelplug: call language models through providers that are installed as plugins."""

from modelplug._entry_points import Plugin
from modelplug.answers import Chunk, Embeddings, Reply, ToolCall, Usage
from modelplug.calls import Attempt, Call, Failure
from modelplug.catalog import Catalog
from modelplug.chunks import Chunks
from modelplug.credentials import Credentials, Secret
from modelplug.errors import (
    AmbiguousModel,
    AuthFailed,
    BadReply,
    BadRequest,
    CallFailed,
    ConfigError,
    ContentRefused,
    ContextTooLong,
    EmptyReply,
    ModelNotFound,
    ModelplugError,
    NoStrategy,
    PluginError,
    QuotaExhausted,
    RateLimited,
    StreamCut,
    TimedOut,
    Unavailable,
    UnknownModel,
    Unreachable,
    UnsupportedParameter,
)
from modelplug.hooks import Hooks, hookimpl
from modelplug.models import Model, Prices
from modelplug.settings import ProviderSettings, Settings, Table
from modelplug.strategy import Layer, Request, Strategy
from modelplug.switchboard import Switchboard

__all__ = [
    "AmbiguousModel",
    "Attempt",
    "AuthFailed",
    "BadReply",
    "BadRequest",
    "Call",
    "CallFailed",
    "Catalog",
    "Chunk",
    "Chunks",
    "ConfigError",
    "ContentRefused",
    "ContextTooLong",
    "Credentials",
    "Embeddings",
    "EmptyReply",
    "Failure",
    "Hooks",
    "Layer",
    "Model",
    "ModelNotFound",
    "ModelplugError",
    "NoStrategy",
    "Plugin",
    "PluginError",
    "Prices",
    "ProviderSettings",
    "QuotaExhausted",
    "RateLimited",
    "Reply",
    "Request",
    "Secret",
    "Settings",
    "Strategy",
    "StreamCut",
    "Switchboard",
    "Table",
    "TimedOut",
    "ToolCall",
    "Unavailable",
    "UnknownModel",
    "Unreachable",
    "UnsupportedParameter",
    "Usage",
    "hookimpl",
]
