"""The models of LiteLLM's price map."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from modelplug import Model, Switchboard
from modelplug_litellm import LiteLLMPlugin
from modelplug_litellm._catalogue import models
from modelplug_litellm._price_map import rows
from modelplug_litellm._providers import API_BASES, MAKERS


@pytest.fixture(scope="module")
def by_id(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """All models on a day on which few are deprecated."""
    return {model.id: model for model in models(today="2026-01-01", cache=tmp_path_factory.mktemp("cache"))}


def test_a_model_has_its_facts(by_id: dict[str, Model]) -> None:
    """Context window, capabilities and exact prices per million tokens are taken over."""
    model = by_id["openai/gpt-4o-mini"]
    assert (model.provider, model.aliases, model.requires) == ("openai", ("gpt-4o-mini",), ("api_key",))
    assert (model.context_window, model.max_output) == (128_000, 16_384)
    assert model.capabilities == {"chat", "tools", "vision", "json_schema"}
    assert str(model.prices.input) == "0.15"
    assert str(model.prices.output) == "0.6"
    assert model.prices.cached_input == Decimal("0.075")
    assert model.prices.cache_write is None


def test_the_standard_providers_are_there(by_id: dict[str, Model]) -> None:
    """Chat and embedding models of more than fifty providers."""
    assert len({model.provider for model in by_id.values()}) > 50
    assert len(by_id) > 2_000
    for model_id in ("anthropic/claude-haiku-4-5-20251001", "gemini/gemini-embedding-001", "mistral/mistral-embed"):
        assert model_id in by_id
    assert by_id["openai/text-embedding-3-small"].capabilities == {"embeddings"}
    assert {model.provider for model in by_id.values()} <= API_BASES.keys()


def test_a_bare_name_belongs_to_the_maker(by_id: dict[str, Model]) -> None:
    """No two models share an alias, no alias is an id, and a reseller's model has none."""
    aliases = [alias for model in by_id.values() for alias in model.aliases]
    assert len(aliases) == len(set(aliases))
    assert not by_id.keys() & set(aliases)
    assert {model.provider for model in by_id.values() if model.aliases} <= set(MAKERS)
    assert by_id["azure/gpt-4o"].aliases == ()


def test_a_board_loads_it_without_noise(caplog: pytest.LogCaptureFixture) -> None:
    """No clash, no warning; a bare name resolves."""
    board = Switchboard(settings={})
    board.add(LiteLLMPlugin)
    assert board.catalog.clashes == {}
    assert caplog.records == []
    assert board.resolve("gpt-4o-mini").id == "openai/gpt-4o-mini"


def test_what_providers_require(by_id: dict[str, Model]) -> None:
    """Clouds need to be enabled, servers of the user's own a base, Azure key and base."""
    requires = {model.provider: model.requires for model in by_id.values()}
    assert requires["bedrock"] == requires["vertex_ai"] == ("enabled",)
    assert requires["ollama"] == ("api_base",)
    assert requires["azure"] == ("api_key", "api_base")


def test_unknown_is_not_zero(by_id: dict[str, Model]) -> None:
    """Where the map says 0 for both directions nothing is known, except on the user's own machine."""
    free = [m for m in by_id.values() if m.prices.input == 0 and m.prices.output == 0]
    assert {model.provider for model in free} <= {"ollama", "lemonade"}


def test_deprecated_models_go_on_their_day(tmp_path: Path) -> None:
    """A model past its date of deprecation is not brought."""
    dated = next(row for row in rows(cache=None) if row.deprecated and row.deprecated > "2026-01-01")
    before = {model.id for model in models(today="2026-01-01", cache=tmp_path)}
    after = {model.id for model in models(today="2999-01-01", cache=tmp_path)}
    assert dated.id in before
    assert dated.id not in after


def test_the_kept_rows_are_the_rows(tmp_path: Path) -> None:
    """Reading the cache gives what reading the map gave."""
    fresh = rows(cache=tmp_path)
    assert rows(cache=tmp_path) == fresh == rows(cache=None)
    assert [path.name for path in tmp_path.iterdir()] == ["litellm-price-map.json"]


@pytest.mark.parametrize("damage", ["", "{", "null", "[]", '{"key": 1}', '{"key": "x", "rows": []}'])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: str) -> None:
    """Whatever the file holds, the rows are right, and so is the file afterwards."""
    kept = tmp_path / "litellm-price-map.json"
    fresh = rows(cache=tmp_path)
    good = kept.read_text()
    kept.write_text(damage)
    assert rows(cache=tmp_path) == fresh
    assert kept.read_text() == good


def test_rows_of_the_wrong_length_are_read_anew(tmp_path: Path) -> None:
    """A cache of another format is not believed."""
    fresh = rows(cache=tmp_path)
    kept = tmp_path / "litellm-price-map.json"
    content = json.loads(kept.read_text())
    kept.write_text(json.dumps({**content, "rows": [["only", "two"]]}))
    assert rows(cache=tmp_path) == fresh


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    """A file where the folder should be changes nothing."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert len(rows(cache=blocked / "inside")) > 2_000


def test_loading_and_listing_do_not_import_litellm(tmp_path: Path) -> None:
    """Neither LiteLLM nor an HTTP client nor asyncio's thread pool: the plugin reads one file."""
    script = (
        "import sys; from modelplug import Switchboard; from modelplug_litellm import LiteLLMPlugin\n"
        "board = Switchboard(settings={}); board.add(LiteLLMPlugin); assert len(board.models) > 2000\n"
        "import threading; assert threading.active_count() == 1\n"
        "print([m for m in ('litellm', 'openai', 'httpx', 'aiohttp', 'pydantic', 'msgspec') if m in sys.modules])"
    )
    env = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PATH": ""}
    out = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
