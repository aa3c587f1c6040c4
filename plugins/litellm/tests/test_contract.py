"""What this plugin uses of LiteLLM beyond its documented functions, and the versions in which it holds.

When a new LiteLLM fails here, mend the plugin first and move the upper bound in pyproject.toml after.
"""

from __future__ import annotations

import inspect
import json
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import pytest
from modelplug_http.endpoint import CHAT, endpoint
from modelplug_http.options import Options
from modelplug_http.pools import Pools
from modelplug_litellm import _importing
from modelplug_litellm._ear import Ear
from modelplug_litellm._providers import API_BASES, dialect, provider_of
from modelplug_litellm._translation import _TRANSLATED, Translation
from packaging.requirements import Requirement

llm = _importing.load()

LEFT_OUT = {
    "aihubmix", "anyscale", "chatgpt", "coralbricks", "crusoe", "fal_ai", "github_copilot", "gmi", "inferenceapis",
    "llamagate", "microsoft_365_copilot", "nlp_cloud", "oci", "openinfer", "sarvam", "scaledown",
}  # fmt: skip
"""Providers of the price map that LiteLLM cannot call by that name, or that need a login of their own."""


def listed_providers() -> set[str]:
    """The providers of all chat and embedding models in the price map."""
    path = Path(llm.__path__[0], "model_prices_and_context_window_backup.json")
    entries = json.loads(path.read_text()).values()
    return {entry["litellm_provider"] for entry in entries if entry.get("mode") in ("chat", "embedding")}


def driven(provider: str) -> Any:
    """The translation for some model of this provider; None where LiteLLM carries the calls itself."""
    return Translation.of(llm, dialect(llm, provider), "some-model")


DRIVEN = sorted(name for name in API_BASES if driven(name) is not None and dialect(llm, name) == name)


def test_this_litellm_is_within_the_bounds() -> None:
    """What is tested here is what may be installed."""
    (bounds,) = [r for r in map(Requirement, requires("modelplug-litellm") or ()) if r.name == "litellm"]
    assert version("litellm") in bounds.specifier


def test_every_provider_of_the_map_is_known() -> None:
    """Each is brought or left out on purpose, and what is brought LiteLLM can call."""
    unknown = {name for name in listed_providers() if provider_of(name) is None}
    assert unknown == LEFT_OUT & listed_providers()
    assert set(API_BASES) <= set(llm.provider_list)


@pytest.mark.parametrize("provider", DRIVEN)
def test_the_base_is_litellms(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The public base that is written down here is the one that LiteLLM has."""
    for name in ("API_BASE", "BASE_URL"):
        monkeypatch.delenv(f"{provider.upper()}_{name}", raising=False)
    base = llm.get_llm_provider("some-model", custom_llm_provider=provider, api_key="k")[3]
    assert base is None or API_BASES[provider] == base


@pytest.mark.parametrize("provider", DRIVEN)
def test_the_address_is_litellms(provider: str) -> None:
    """Our wire calls the address that LiteLLM would call."""
    base = API_BASES[provider] or "http://127.0.0.1:9/v1"
    config: Any = driven(provider)._config
    url = config.get_complete_url(base, "k", "some-model", {}, {}, stream=True)
    assert url == endpoint(base, CHAT)


@pytest.mark.parametrize("provider", DRIVEN)
def test_the_key_travels_as_a_bearer_token(provider: str) -> None:
    """Our wire sends the header that LiteLLM would send."""
    config: Any = driven(provider)._config
    headers = config.validate_environment(
        {}, "some-model", [], {}, {}, api_key="sk-x", api_base="http://127.0.0.1:9/v1"
    )
    assert headers["Authorization"] == "Bearer sk-x"


def test_get_optional_params_takes_what_is_translated() -> None:
    """Every name that is handed to LiteLLM's translation is one of its arguments."""
    arguments = inspect.signature(llm.utils.get_optional_params).parameters
    assert _TRANSLATED - arguments.keys() == set()
    assert {"model", "custom_llm_provider", "allowed_openai_params", "drop_params"} <= arguments.keys()


@pytest.mark.parametrize("provider", DRIVEN)
def test_the_translation_can_be_driven_alone(provider: str) -> None:
    """transform_request gives a body with the model and the messages; nothing is fetched, nothing raised."""
    config: Any = driven(provider)._config
    messages = [{"role": "user", "content": "hi"}]
    body = config.transform_request(
        model="some-model",
        messages=messages,
        optional_params={"max_tokens": 3},
        litellm_params={"custom_llm_provider": provider, "api_base": "http://127.0.0.1:9/v1"},
        headers={},
    )
    assert body["model"].endswith("some-model")
    assert (body["messages"], body["max_tokens"]) == (messages, 3)


def test_litellms_client_takes_a_transport() -> None:
    """The ear on the wire is a transport under LiteLLM's own client, whose client can be replaced."""
    ear = Ear(llm, Pools(), Options())
    assert isinstance(ear.client, llm.llms.custom_httpx.http_handler.AsyncHTTPHandler)
    assert ear.client.client._transport is ear


def test_a_discarded_router_leaves_nothing_behind() -> None:
    """LiteLLM's Router hooks itself into its module; a host's own callbacks are not touched."""
    from modelplug_litellm.router import _add, _new_router

    names = ("callbacks", "success_callback", "_async_success_callback", "failure_callback", "_async_failure_callback")
    before, prices = [list(getattr(llm, name)) for name in names], len(llm.model_cost)
    for _ in range(3):
        _add(llm, _new_router(llm), "openai/gpt-4o-mini", 2)
    assert [list(getattr(llm, name)) for name in names] == before
    assert len(llm.model_cost) == prices
