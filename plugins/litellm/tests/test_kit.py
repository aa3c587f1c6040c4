"""The Router through the kit."""

from typing import ClassVar

from modelplug_testkit import Kit


class TestRouter(Kit):
    """A standard provider, without a setting but its key."""

    model = "openai/gpt-4o-mini"
    embedding_model = "openai/text-embedding-3-small"
    claims: ClassVar = {"chat", "stream", "tools", "embeddings"}
