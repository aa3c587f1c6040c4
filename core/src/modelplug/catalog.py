"""All models at one moment, and how a name becomes one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modelplug.errors import AmbiguousModel, UnknownModel
from modelplug.models import Model


class Catalog:
    """An immutable snapshot of all models: `len`, iteration in order of id, and `resolve`.

    A name is an exact id first, then an alias of the host's own (`aliases`), then an alias that a model brings.
    """

    __slots__ = ("_clashes", "_models", "_names", "_owners")

    def __init__(self, brought: Mapping[str, tuple[Model, ...]], aliases: Mapping[str, str] | None = None) -> None:
        """`brought` maps a plugin's name to its models; `aliases` maps names of the host's choice to names here."""
        claims = [(plugin, model) for plugin, models in brought.items() for model in models if model.enabled]
        models: dict[str, Model] = {}
        owners: dict[str, str] = {}
        clashes: dict[str, list[str]] = {}
        for plugin, model in claims:
            first = models.setdefault(model.id, model)
            if first is model:
                owners[model.id] = plugin
            elif first != model or owners[model.id] != plugin:
                clashes.setdefault(model.id, [f"{owners[model.id]}: {model.id}"]).append(f"{plugin}: {model.id}")
        names: dict[str, Model] = {}
        for plugin, model in claims:
            for alias in model.aliases:
                if alias in models:
                    continue  # an exact id is before any alias
                first = names.setdefault(alias, model)
                if model.id in clashes:  # an alias of what is not clear is not clear either
                    clashes.setdefault(alias, list(clashes[model.id]))
                elif first.id != model.id:
                    clashes.setdefault(alias, [f"{owners[first.id]}: {first.id}"]).append(f"{plugin}: {model.id}")
        names.update(models)
        for alias, name in _followed(aliases or {}, models).items():
            if name in names and name not in clashes:
                names[alias] = names[name]
                clashes.pop(alias, None)
        for name in clashes:
            names.pop(name, None)
        self._models = dict(sorted(models.items()))
        self._owners = owners
        self._names = names
        self._clashes = clashes

    def resolve(self, name: str) -> Model:
        """The model that a name stands for. Raises UnknownModel with close matches, or AmbiguousModel with owners."""
        try:
            model = self._names.get(name)
        except TypeError:  # a host's mistake: a name is text, and this cannot even be looked up
            raise UnknownModel(f"<{type(name).__name__}>") from None
        if model is None:
            raise self._unresolved(str(name))
        return model

    def owner(self, model_id: str) -> str | None:
        """The name of the plugin that brought a model."""
        return self._owners.get(model_id)

    @property
    def clashes(self) -> Mapping[str, tuple[str, ...]]:
        """Names that several models share, each with its owners."""
        return {name: tuple(owners) for name, owners in self._clashes.items()}

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def __len__(self) -> int:
        return len(self._models)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def _unresolved(self, name: str) -> UnknownModel | AmbiguousModel:
        if name in self._clashes:
            return AmbiguousModel(name, self._clashes[name])
        if len(name) > 200:
            return UnknownModel(name)
        return UnknownModel(name, close_matches(name, self._names))


def _followed(aliases: Mapping[str, str], models: Mapping[str, Model]) -> dict[str, str]:
    """The aliases, each with the name at its end: one may stand for another. An exact id is before any alias."""
    followed = {}
    for alias in aliases.keys() - models.keys():
        name, passed = aliases[alias], {alias}
        while name in aliases and name not in models and name not in passed:
            passed.add(name)
            name = aliases[name]
        followed[alias] = name
    return followed


def close_matches(name: str, names: Mapping[str, Model]) -> tuple[str, ...]:
    """Up to three of the names that are written most like this one, whatever their letter case."""
    from difflib import get_close_matches  # costs start-up time, and only mistakes need it

    by_lower = {known.lower(): known for known in names}
    wanted = name.lower()
    tail = [known for lower, known in by_lower.items() if lower.rpartition("/")[2] == wanted.rpartition("/")[2]]
    alike = [by_lower[lower] for lower in get_close_matches(wanted, by_lower, n=3, cutoff=0.6)]
    return tuple(dict.fromkeys(sorted(tail)[:3] + alike))[:3]
