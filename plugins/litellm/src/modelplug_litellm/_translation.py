"""What LiteLLM makes of a request to a model of an OpenAI-compatible provider: its translation, without its client."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from types import ModuleType
from typing import Any

from attrs import evolve
from modelplug import BadRequest, CallFailed, Request, UnsupportedParameter

from modelplug_litellm._failures import failure_before_the_wire
from modelplug_litellm._providers import base_of

_TRANSLATED = frozenset(
    [
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "modalities",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "stop",
        "store",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    ]
)
"""OpenAI's parameters that LiteLLM translates. Every other name is none of its business and goes to the wire as it is:
handed to LiteLLM, some of them would be dropped and some would steer it."""

_SAME_WIRE = frozenset({"amazon_nova", "minimax", "mistral", "openai", "ovhcloud", "scaleway", "xiaomi_mimo"})
"""Providers on OpenAI's wire that LiteLLM does not list as such, because it has code of its own for them."""

_OURS = frozenset({"stream", "extra_body", "max_retries"})
"""What LiteLLM adds to the parameters, and the request says by itself."""

_REMEMBERED = 64


class Translation:
    """LiteLLM's translation for one provider and one wire name.

    What it makes of parameters with plain values is remembered: hosts send the same few again and again.
    """

    def __init__(self, llm: ModuleType, config: Any, provider: str, model: str) -> None:
        self._llm = llm
        self._config = config
        self._provider = provider
        self._model = model
        self._remembered: dict[Hashable, Mapping[str, Any]] = {}

    @classmethod
    def of(cls, llm: ModuleType, provider: str, model: str) -> Translation | None:
        """None where the wire is not OpenAI's, so that only LiteLLM's own client can speak to the provider."""
        if provider not in _SAME_WIRE and provider not in llm.openai_compatible_providers:
            return None
        config = llm.utils.ProviderConfigManager.get_provider_chat_config(
            model=model, provider=llm.LlmProviders(provider)
        )
        return cls(llm, config, provider, model) if isinstance(config, llm.OpenAIGPTConfig) else None

    def translated(self, request: Request) -> Request:
        """The request as the model takes it.

        Raises UnsupportedParameter or BadRequest for what LiteLLM knows that the model will not take.
        """
        base = base_of(request.model.provider, request.credentials.api_base)
        credentials = request.credentials
        if base != credentials.api_base:  # else they stay: to make new ones is to check the base again
            credentials = evolve(credentials, api_base=base)
        if request.operation == "embeddings":
            return evolve(request, credentials=credentials)
        body = request.body()
        known = {name: body.pop(name) for name in _TRANSLATED & body.keys()}
        try:
            translated: dict[str, Any] = self._config.transform_request(
                model=self._model,
                messages=_own(body.pop("messages")),
                optional_params=self._params({name: value for name, value in known.items() if value is not None}),
                litellm_params={"custom_llm_provider": self._provider, "api_base": base},
                headers={},
            )
        except CallFailed:
            raise
        except Exception as error:  # LiteLLM raises whatever its depths raise
            raise failure_before_the_wire(error) from None
        params = {**translated, **body, "extra_headers": request.headers}
        return evolve(request, messages=params.pop("messages"), params=params, credentials=credentials)

    def _params(self, given: Mapping[str, Any]) -> dict[str, Any]:
        try:
            key: Hashable = frozenset((name, type(value), value) for name, value in given.items())
            remembered = self._remembered.get(key)
        except TypeError:  # a value that cannot be hashed: tools, a schema
            return self._mapped(_own(given))
        if remembered is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            remembered = self._remembered[key] = self._mapped(given)
        return dict(remembered)

    def _mapped(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters under the names that the model takes; one that LiteLLM does not know of it is let through."""
        try:
            mapped: dict[str, Any] = self._llm.utils.get_optional_params(
                model=self._model,
                custom_llm_provider=self._provider,
                allowed_openai_params=list(given),
                drop_params=False,
                **given,
            )
        except self._llm.UnsupportedParamsError as error:
            raise UnsupportedParameter(_said(error), status=None) from None
        return {name: value for name, value in mapped.items() if value is not None and name not in _OURS}


def _own(value: Any) -> Any:
    """A copy of JSON-like data, for LiteLLM to change. Raises BadRequest for a file that it would fetch by itself."""
    if isinstance(value, Mapping):
        address = value.get("file_id")
        if isinstance(address, str) and address.startswith(("http://", "https://", "www.")):
            raise BadRequest("a file is given by its web address, which LiteLLM would fetch here; give its file_data")
        return {name: _own(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_own(item) for item in value]
    return value


def _said(error: Exception) -> str:
    return str(getattr(error, "message", error)).removeprefix("litellm.UnsupportedParamsError: ")
