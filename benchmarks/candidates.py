"""Who is measured: name, environment, module in `clients/`, and the distributions whose versions are recorded."""

from __future__ import annotations

from typing import Any, NamedTuple


class Candidate(NamedTuple):
    """`needs` is what its worker imports as a client library: the cost of that is measured too."""

    name: str
    environment: str
    module: str
    needs: str
    distributions: tuple[str, ...]
    options: dict[str, Any]

    @property
    def ours(self) -> bool:
        """Whether it is modelplug."""
        return self.module == "ours"


def _peer(name: str, module: str, needs: str, *distributions: str, environment: str = "", **options: Any) -> Candidate:
    return Candidate(name, environment or name, module, needs, distributions, options)


CANDIDATES = (
    _peer("floor", "floor", "httptools", "httptools", "msgspec"),
    _peer("pyreqwest", "over_pyreqwest", "pyreqwest.client", "pyreqwest"),
    _peer("aiohttp", "over_aiohttp", "aiohttp", "aiohttp"),
    _peer("modelplug http", "ours", "modelplug", "modelplug", "aiohttp", environment="ours", strategy="http"),
    _peer("modelplug direct", "ours", "modelplug", "modelplug", "litellm", environment="ours", strategy="direct"),
    _peer("httpx", "over_httpx", "httpx", "httpx"),
    _peer("openai", "over_openai", "openai", "openai", "aiohttp"),
    _peer("openai httpx", "over_openai", "openai", "openai", "httpx", environment="openai", fast=False),
    _peer("any-llm", "over_any_llm", "any_llm", "any-llm-sdk", "openai"),
    _peer("pydantic-ai", "over_pydantic_ai", "pydantic_ai.models.openai", "pydantic-ai-slim", "openai"),
    _peer("langchain-openai", "over_langchain", "langchain_openai", "langchain-openai", environment="langchain"),
    _peer("llm", "over_llm", "llm", "llm", "openai"),
    _peer("litellm", "over_litellm", "litellm", "litellm", "openai"),
    _peer("litellm Router", "over_litellm", "litellm", "litellm", environment="litellm", router=True),
)


def chosen(names: list[str] | None) -> list[Candidate]:
    """The candidates with these names, all where there are none. Raises ValueError for an unknown name."""
    known = {candidate.name: candidate for candidate in CANDIDATES}
    for name in names or ():
        if name not in known:
            raise ValueError(f"{name!r} is no candidate; there are: {', '.join(known)}")
    return [candidate for candidate in CANDIDATES if not names or candidate.name in names]
