"""Laws of LiteLLM's translation as it is driven here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelplug import Credentials, Model, Request, UnsupportedParameter
from modelplug_litellm import _importing
from modelplug_litellm._translation import _TRANSLATED, Translation

llm = _importing.load()
MODELS = ["some-model", "gpt-4o-mini", "gpt-5-mini", "o3", "claude-haiku-4-5-20251001", "deepseek-ai/DeepSeek-R1"]
TRANSLATIONS = {name: Translation.of(llm, "openai", name) for name in MODELS}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(0, 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
said_elsewhere = {"model", "messages", "stream", "stream_options", "extra_body", "extra_headers"}
litellms = sorted(set(llm.types.utils.all_litellm_params) | {"metadata", "drop_params", "max_retries", "api_version"})
names = (st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12) | st.sampled_from(litellms)).filter(
    lambda name: name not in _TRANSLATED and name not in said_elsewhere
)


def translated(model: str, params: dict[str, Any], messages: list[Any] | None = None) -> dict[str, Any]:
    """The body that goes out for these parameters."""
    request = Request(
        id="1",
        requested=model,
        model=Model(id=f"acme/{model}", provider="acme"),
        wire_name=model,
        messages=[{"role": "user", "content": "hi"}] if messages is None else messages,
        params=params,
        credentials=Credentials(api_key="k", api_base="http://127.0.0.1:9/v1"),
    )
    translation = TRANSLATIONS[model]
    assert translation is not None
    return translation.translated(request).body()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MODELS), st.dictionaries(names, json_values, max_size=5))
def test_every_unknown_name_reaches_the_wire(model: str, params: dict[str, Any]) -> None:
    """Whatever it is called, and LiteLLM's own options too: it is the provider who judges."""
    body = translated(model, params)
    assert body == {**params, "model": model, "messages": [{"role": "user", "content": "hi"}], "stream": False}


@pytest.mark.parametrize("name", sorted(_TRANSLATED - {"temperature", "max_tokens"}))
@pytest.mark.parametrize("model", MODELS)
def test_every_known_name_reaches_the_wire(model: str, name: str) -> None:
    """Also where LiteLLM's table says that the model does not take it: resellers' models are not in that table."""
    value: Any = {"response_format": {"type": "json_object"}, "tools": [], "functions": [{"name": "f"}]}.get(name, 1)
    if name in ("tool_choice", "function_call"):
        body = translated(model, {name: "auto", "tools": [{"type": "function", "function": {"name": "f"}}]})
        assert body[name] == "auto"
    else:
        try:
            assert translated(model, {name: value})[name] == value
        except UnsupportedParameter:  # LiteLLM knows that this family refuses them while it reasons
            assert (model, name) in [("gpt-5-mini", sampling) for sampling in ("logprobs", "top_logprobs", "top_p")]


@pytest.mark.parametrize("model", ["gpt-5-mini", "o3"])
def test_reasoning_models_get_max_completion_tokens(model: str) -> None:
    """The name that they take; the others keep the one they were given."""
    assert translated(model, {"max_tokens": 5})["max_completion_tokens"] == 5
    assert "max_tokens" not in translated(model, {"max_tokens": 5})
    assert translated("some-model", {"max_tokens": 5})["max_tokens"] == 5


def test_what_is_remembered_keeps_its_type() -> None:
    """1, 1.0 and true are equal in Python and are not the same JSON."""
    for value, written in ((1, "1"), (1.0, "1.0"), (True, "true"), (1, "1")):
        assert json.dumps(translated("some-model", {"seed": value})["seed"]) == written


def test_what_is_remembered_is_nobodys_to_change() -> None:
    """A caller who changes one body does not change the next."""
    translated("some-model", {"seed": 1})["seed"] = 2
    assert translated("some-model", {"seed": 1})["seed"] == 1


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20), st.sampled_from(["user", "system", "assistant", "developer"]))
def test_messages_arrive_as_they_were_said(text: str, role: str) -> None:
    """No word of a conversation is changed on the way."""
    messages = [{"role": role, "content": text}, {"role": "user", "content": [{"type": "text", "text": text}]}]
    assert translated("some-model", {}, messages)["messages"] == messages
