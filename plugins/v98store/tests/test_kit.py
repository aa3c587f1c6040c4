"""v98store through the kit, carried by each strategy."""

from typing import ClassVar

from modelplug_testkit import Kit


class TestDirect(Kit):
    """As it is installed: LiteLLM translates."""

    model = "v98store/gpt-4o-mini"
    embedding_model = "v98store/text-embedding-3-small"
    claims: ClassVar = {"chat", "stream", "tools", "embeddings"}


class TestHttp(TestDirect):
    """After one setting: without LiteLLM."""

    settings: ClassVar = {"strategy": "http"}
