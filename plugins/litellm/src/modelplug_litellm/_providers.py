"""The providers of LiteLLM whose models this plugin brings, with what each of them needs."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from urllib.parse import urlsplit

_LOCAL = ("ollama", "lemonade")

API_BASES: Mapping[str, str | None] = {
    "ai21": "https://api.ai21.com/studio/v1",
    "amazon_nova": "https://api.nova.amazon.com/v1",
    "anthropic": "https://api.anthropic.com",
    "azure": None,
    "azure_ai": None,
    "baseten": "https://inference.baseten.co/v1",
    "bedrock": None,
    "bedrock_mantle": "https://bedrock-mantle.us-east-1.api.aws/v1",
    "cerebras": "https://api.cerebras.ai/v1",
    "cloudflare": None,
    "codestral": "https://codestral.mistral.ai/v1",
    "cognition": "https://api.cognition.ai/v1",
    "cohere": None,
    "darkbloom": "https://api.darkbloom.dev/v1",
    "dashscope": "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "databricks": None,
    "deepinfra": "https://api.deepinfra.com/v1/openai",
    "deepseek": "https://api.deepseek.com/beta",
    "featherless_ai": "https://api.featherless.ai/v1",
    "fireworks_ai": "https://api.fireworks.ai/inference/v1",
    "friendliai": "https://api.friendli.ai/serverless/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
    "gigachat": "https://gigachat.devices.sberbank.ru/api/v1",
    "gradient_ai": "https://inference.do-ai.run",
    "groq": "https://api.groq.com/openai/v1",
    "heroku": None,
    "hyperbolic": "https://api.hyperbolic.xyz/v1",
    "inception": "https://api.inceptionlabs.ai/v1",
    "lambda_ai": "https://api.lambda.ai/v1",
    "lemonade": "http://localhost:8000/api/v1",
    "libertai": "https://api.libertai.io/v1",
    "meta": "https://api.meta.ai/v1",
    "meta_llama": "https://api.llama.com/compat/v1",
    "minimax": "https://api.minimax.io/v1",
    "mistral": "https://api.mistral.ai/v1",
    "moonshot": "https://api.moonshot.ai/v1",
    "morph": "https://api.morphllm.com/v1",
    "nebius": "https://api.studio.nebius.ai/v1",
    "novita": "https://api.novita.ai/v3/openai",
    "nscale": "https://inference.api.nscale.com/v1",
    "ollama": "http://localhost:11434/v1",
    "openai": "https://api.openai.com/v1",
    "ovhcloud": "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1",
    "perplexity": "https://api.perplexity.ai",
    "pinstripes": "https://pinstripes.io/v1",
    "prism": "https://api.prisminference.com/v1",
    "publicai": "https://api.publicai.co/v1",
    "qwen_ai_platform": "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "qwencloud": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    "replicate": "https://api.replicate.com/v1",
    "sagemaker": None,
    "sail": "https://api.sailresearch.com/v1",
    "sambanova": "https://api.sambanova.ai/v1",
    "scaleway": "https://api.scaleway.ai/v1",
    "scx-ai": "https://api.scx.ai/v1",
    "snowflake": None,
    "tencent": "https://tokenhub-intl.tencentcloudmaas.com/v1",
    "tensormesh": "https://serverless.tensormesh.ai/v1",
    "together_ai": "https://api.together.ai/v1",
    "v0": "https://api.v0.dev/v1",
    "vercel_ai_gateway": "https://ai-gateway.vercel.sh/v1",
    "vertex_ai": None,
    "volcengine": "https://ark.cn-beijing.volces.com/api/v3",
    "voyage": "https://api.voyageai.com/v1/embeddings",
    "wandb": "https://api.inference.wandb.ai/v1",
    "watsonx": None,
    "xai": "https://api.x.ai/v1",
    "xiaomi_mimo": "https://api.xiaomimimo.com/v1",
    "zai": "https://api.z.ai/api/paas/v4",
}
"""Each provider's public base URL; None where there is none for everybody.

Written down here, as LiteLLM has them, because LiteLLM takes a base that nobody gave from its environment: a tenant's
key would go to another's base. A test compares this table with the installed LiteLLM.
"""

_OWN_SPELLINGS: Mapping[str, str] = {
    "bedrock_converse": "bedrock",
    "cohere_chat": "cohere",
    "fireworks_ai-embedding-models": "fireworks_ai",
}

_REQUIRES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_LOCAL, ("api_base",)),  # whether a server runs there, only the host knows
    **dict.fromkeys(("bedrock", "sagemaker", "vertex_ai"), ("enabled",)),
    **dict.fromkeys(
        ("azure", "azure_ai", "cloudflare", "databricks", "heroku", "snowflake", "watsonx"), ("api_key", "api_base")
    ),
}

MAKERS = (
    "openai",
    "anthropic",
    "gemini",
    "mistral",
    "deepseek",
    "xai",
    "moonshot",
    "zai",
    "minimax",
    "cohere",
    "ai21",
    "meta",
    "xiaomi_mimo",
    "voyage",
)
"""Providers that sell models of their own making. A bare name such as `gpt-4o` is an alias of the maker's model, of the
first in this order that has it, and never of a reseller's."""


def provider_of(listed: str) -> str | None:
    """The provider's name in calls, for its name in LiteLLM's price map; None when this plugin leaves it out."""
    name = "vertex_ai" if listed.startswith("vertex_ai") else _OWN_SPELLINGS.get(listed, listed)
    return name if name in API_BASES else None


def requires(provider: str) -> tuple[str, ...]:
    """The settings without which no call can be made.

    Clouds that find their own credentials (AWS, Google) are asked for only where the host says `enabled = true`.
    """
    return _REQUIRES.get(provider, ("api_key",))


def is_local(provider: str) -> bool:
    """Whether the provider runs on the user's own machine, where a price of zero is true."""
    return provider in _LOCAL


def dialect(llm: ModuleType, provider: str) -> str:
    """The provider whose dialect LiteLLM is to speak: its own of that name, or OpenAI's.

    Servers on the user's own machine speak OpenAI's too. In their own dialects LiteLLM asks them about the model first,
    with a blocking request that stops the event loop.
    """
    own = provider in API_BASES and provider in llm.provider_list and provider not in _LOCAL
    return provider if own else "openai"


def base_of(provider: str, given: str | None) -> str | None:
    """The base to call: the one given, or the provider's public one."""
    if given is not None and provider == "ollama" and not urlsplit(given).path.strip("/"):
        return f"{given}/v1"  # as its users write it, and LiteLLM has it: without the path of OpenAI's dialect
    return given or API_BASES.get(provider)
