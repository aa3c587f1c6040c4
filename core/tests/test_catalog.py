"""Names: exact ids, then aliases; clashes and mistakes are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelplug import AmbiguousModel, Catalog, Model, UnknownModel

NAMES = st.text("abc/-", min_size=1, max_size=4)
MODELS = st.lists(
    st.builds(Model, id=NAMES, provider=st.just("p"), aliases=st.lists(NAMES, max_size=3)), max_size=8
).map(tuple)


@given(st.dictionaries(st.sampled_from(["x", "y", "z"]), MODELS))
def test_every_name_is_one_model_or_a_told_clash(brought: dict[str, tuple[Model, ...]]) -> None:
    """Each id and alias resolves to a model that carries it, or raises AmbiguousModel with at least two owners."""
    catalog = Catalog(brought)
    every = [model for models in brought.values() for model in models]
    for model in every:
        for name in (model.id, *model.aliases):
            if name in catalog.clashes:
                with pytest.raises(AmbiguousModel):
                    catalog.resolve(name)
                assert len(catalog.clashes[name]) >= 2
            else:
                found = catalog.resolve(name)
                assert name == found.id or name in found.aliases
                assert catalog.resolve(found.id) is found


def test_an_exact_id_is_before_any_alias() -> None:
    """An alias that is also an id means the model with that id."""
    one, two = Model(id="one", provider="p"), Model(id="two", provider="p", aliases=("one",))
    assert Catalog({"x": (two, one)}).resolve("one") is one


def test_a_clash_names_both_plugins() -> None:
    """Two plugins with one id, or one alias: the error names them, and the host's own alias settles it."""
    mine, yours = (Model(id=f"{p}/m", provider=p, aliases=("m",)) for p in ("mine", "yours"))
    brought = {"plug-a": (mine,), "plug-b": (yours,)}
    with pytest.raises(AmbiguousModel, match=r"plug-a: mine/m, plug-b: yours/m"):
        Catalog(brought).resolve("m")
    assert Catalog(brought, {"m": "yours/m"}).resolve("m") is yours
    same = {"plug-a": (mine,), "plug-b": (Model(id="mine/m", provider="other"),)}
    with pytest.raises(AmbiguousModel, match=r"plug-a: mine/m, plug-b: mine/m"):
        Catalog(same).resolve("mine/m")


def test_an_unknown_name_offers_close_matches() -> None:
    """Misspelt, in other letter case, or without its prefix."""
    catalog = Catalog({"x": (Model(id="acme/gpt-4o-mini", provider="acme", aliases=("gpt-mini",)),)})
    for wrong in ("acme/gpt-4o-mni", "ACME/GPT-4O-MINI", "gpt-4o-mini"):
        with pytest.raises(UnknownModel) as caught:
            catalog.resolve(wrong)
        assert "acme/gpt-4o-mini" in caught.value.close_matches


@pytest.mark.parametrize("name", ["../../admin/keys?x=1#y", "a\r\nb", "a\0b", "x" * 10_000, ""])
def test_names_that_are_attacks_are_unknown(name: str) -> None:
    """They are unknown models; the message is short and holds no control character."""
    with pytest.raises(UnknownModel) as caught:
        Catalog({}).resolve(name)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


def test_a_disabled_model_cannot_be_called() -> None:
    """Only enabled models are in the catalog."""
    assert len(Catalog({"x": (Model(id="old", provider="p", enabled=False),)})) == 0


def test_aliases_of_the_host_may_stand_for_one_another() -> None:
    """In whatever order they are written; those that go round in a circle stand for nothing."""
    brought = {"x": (Model(id="acme/one", provider="acme"),)}
    catalog = Catalog(brought, {"best": "fast", "fast": "acme/one", "a": "b", "b": "a"})
    assert catalog.resolve("best") is catalog.resolve("fast") is catalog.resolve("acme/one")
    for name in ("a", "b"):
        with pytest.raises(UnknownModel):
            catalog.resolve(name)
