"""Lists of models as endpoints give them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelplug_discovery.dialects import following, read_list
from modelplug_discovery.entry import Entry

LISTS: dict[str, Any] = {
    "openai": {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "x"}]},
    "together": [{"id": "m", "context_length": 8192, "type": "chat", "pricing": {"input": 0.2, "output": 0.6}}],
    "openrouter": {
        "data": [
            {
                "id": "m",
                "name": "M the First",
                "context_length": 8192,
                "architecture": {"input_modalities": ["text", "image"]},
                "pricing": {"prompt": "0.0000002", "completion": "0.0000006", "input_cache_read": "-1"},
                "top_provider": {"max_completion_tokens": 4096},
                "supported_parameters": ["tools", "temperature", "structured_outputs"],
            }
        ]
    },
    "vllm": {"object": "list", "data": [{"id": "m", "max_model_len": 8192, "permission": []}]},
    "llama.cpp": {
        "models": [{"name": "m", "model": "m", "capabilities": ["completion", "multimodal"]}],
        "data": [{"id": "m", "meta": {"n_ctx_train": 8192}}],
    },
    "groq": {"data": [{"id": "m", "active": True, "context_window": 8192, "max_completion_tokens": 4096}]},
    "mistral": {
        "data": [{"id": "m", "max_context_length": 8192, "capabilities": {"completion_chat": True, "vision": False}}]
    },
    "deepinfra": {
        "data": [
            {"id": "m", "metadata": {"context_length": 8192, "pricing": {"input_tokens": 0.2, "output_tokens": 0.6}}}
        ]
    },
    "vercel": {"data": [{"id": "m", "context_window": 8192, "pricing": {"input": "0.0000002", "output": "0.0000006"}}]},
    "github": [{"id": "m", "limits": {"max_input_tokens": 8192}, "capabilities": ["streaming", "tool-calling"]}],
    "novita": {"data": [{"id": "m", "context_size": 8192}]},
    "lm studio": {"data": [{"id": "m", "type": "vlm", "max_context_length": 8192}]},
    "fireworks": {"data": [{"id": "m", "context_length": 8192, "supports_chat": True, "supports_tools": False}]},
    "azure": {"data": [{"id": "m", "capabilities": {"chat_completion": True, "embeddings": False}}]},
    "new-api": {
        "success": True,
        "object": "list",
        "data": [{"id": "m", "object": "model", "owned_by": "custom", "supported_endpoint_types": ["openai"]}],
    },
    "anthropic": {
        "data": [
            {
                "type": "model",
                "id": "m",
                "display_name": "M 1",
                "max_input_tokens": 8192,
                "capabilities": {"image_input": {"supported": True}, "thinking": {"supported": False}},
            }
        ],
        "has_more": False,
    },
    "ollama": {"object": "list", "data": [{"id": "m", "object": "model", "owned_by": "library"}]},
    "gemini for openai": {"object": "list", "data": [{"id": "models/m", "object": "model", "owned_by": "google"}]},
    "gemini": {"models": [{"name": "models/m", "inputTokenLimit": 8192, "outputTokenLimit": 4096}]},
    "names": {"models": ["m"]},
    "names alone": ["m"],
    "a table": {"data": {"m": {"context_window": "8192"}}},
}
NO_WINDOW = {"openai", "names", "names alone", "azure", "new-api", "ollama", "gemini for openai"}


@pytest.mark.parametrize("dialect", LISTS)
def test_each_dialect_is_read(dialect: str) -> None:
    """The name as it is called by, and the context window where it is told."""
    (entry,) = read_list(LISTS[dialect])
    assert (entry.id, entry.context_window) == ("m", None if dialect in NO_WINDOW else 8192)


def test_what_they_tell_beside() -> None:
    """Prices for a token and for a million, capabilities in their words, longest answers."""
    (entry,) = read_list(LISTS["openrouter"])
    assert (entry.name, entry.max_output) == ("M the First", 4096)
    assert entry.prices == {"input": Decimal("0.2"), "output": Decimal("0.6")}
    assert entry.capabilities == frozenset({"chat", "vision", "tools", "json_schema"})  # tools are called in a chat
    (entry,) = read_list(LISTS["together"])
    assert entry.prices == {"input": Decimal("0.2"), "output": Decimal("0.6")}
    assert entry.capabilities == frozenset({"chat"})
    assert read_list(LISTS["mistral"])[0].capabilities == frozenset({"chat"})


@pytest.mark.parametrize("dialect", ["together", "openrouter", "vercel", "deepinfra"])
def test_prices_are_for_a_million_tokens(dialect: str) -> None:
    """Whether the endpoint tells them for one token or for a million."""
    (entry,) = read_list(LISTS[dialect])
    assert entry.prices == {"input": Decimal("0.2"), "output": Decimal("0.6")}


@pytest.mark.parametrize(
    ("dialect", "capabilities"),
    [
        ("lm studio", {"chat", "vision"}),
        ("fireworks", {"chat"}),
        ("azure", {"chat"}),
        ("github", {"chat", "tools"}),
        ("anthropic", {"vision"}),
        ("new-api", None),
        ("ollama", None),
    ],
)
def test_flags_and_words_say_what_a_model_can(dialect: str, capabilities: set[str] | None) -> None:
    """In each endpoint's own way; a flag that is false says nothing."""
    assert read_list(LISTS[dialect])[0].capabilities == capabilities


def test_details_leave_the_operation_to_what_is_known_elsewhere() -> None:
    """A list that says `vision` alone does not say that nobody can chat with the model."""
    listed, known = Entry(id="m", capabilities=frozenset({"vision"})), Entry(id="m", capabilities=frozenset({"chat"}))
    assert listed.over(known).capabilities == frozenset({"vision", "chat"})
    assert Entry(id="m", capabilities=frozenset({"embeddings"})).over(known).capabilities == frozenset({"embeddings"})


def test_a_model_that_is_switched_off_is_left_out() -> None:
    """Groq lists them too."""
    assert read_list({"data": [{"id": "m", "active": False}]}) == ()


def test_ollama_without_models_lists_none() -> None:
    """Which is no failure."""
    assert read_list({"object": "list", "data": None}) == ()


@pytest.mark.parametrize(
    ("sent", "query"),
    [
        (LISTS["openai"], None),
        ({"data": [{"id": "a"}], "has_more": False, "last_id": "a"}, None),
        ({"data": [{"id": "a"}], "has_more": True, "last_id": "a"}, {"after_id": "a"}),
        ({"object": "list", "data": [{"id": "a"}, {"id": "b"}], "has_more": True}, {"after": "b"}),
        ({"models": [{"name": "models/a"}], "nextPageToken": "t"}, {"pageToken": "t"}),
        ({"models": [{"name": "a"}], "next_page_token": "t"}, {"page_token": "t"}),
        ([], None),
    ],
)
def test_a_page_says_how_to_ask_for_the_next(sent: Any, query: dict[str, str] | None) -> None:
    """Anthropic, OpenAI, Gemini and Cohere; a list that is whole asks for nothing."""
    assert following(sent) == query


def test_it_is_never_guessed_that_a_model_can_chat() -> None:
    """A list of names says nothing of what they can."""
    assert read_list(LISTS["openai"])[0].capabilities is None


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "models",
        7,
        {},
        {"error": {"message": "no"}},
        {"data": None},
        {"data": "x"},
        {"success": False, "message": "no", "data": []},
        {"error": {"message": "no"}, "data": []},
    ],
)
def test_what_is_no_list_is_refused(sent: object) -> None:
    """Rather than read as a provider without models."""
    with pytest.raises(ValueError, match="no list"):
        read_list(sent)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["m", "chat", "-1"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["id", "name", "data", "models", "pricing", "prompt", "meta", "n_ctx", "type", "capabilities"]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JSON | st.builds(lambda rows: {"data": rows}, st.lists(JSON, max_size=5)))
def test_any_json_is_a_list_or_is_none(sent: object) -> None:
    """Law: entries whose names can be shown and sent, each once, that are kept as they are; or ValueError."""
    try:
        entries = read_list(sent)
    except ValueError:
        return
    assert len({entry.id for entry in entries}) == len(entries)
    for entry in entries:
        model = entry.model("acme")
        assert model.id.isprintable() and (model.context_window is None or model.context_window > 0)
        assert Entry.from_json(json.loads(json.dumps(entry.as_json()))) == entry
