"""The project of a new plugin: what it is made of, and its files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from attrs import frozen
from modelplug import ConfigError

Template = Literal["provider", "strategy", "listener"]
TEMPLATES = Path(__file__).with_name("templates")
LICENSES = ("Apache-2.0", "MIT", "none")
TAKEN = (
    *("Any", "AsyncGenerator", "Call", "Chunk", "ClassVar", "Counter", "Echo", "False", "Hooks", "Iterable", "Mapping"),
    *("Model", "None", "Reply", "Request", "Settings", "Strategy", "True"),
)
"""Names in the templates, and words of Python, that the class of a plugin cannot have."""

DESCRIPTION: Mapping[Template, str] = {
    "provider": "The models of {name}, for modelplug.",
    "strategy": "The strategy {name}, for modelplug.",
    "listener": "The listener {name}, for modelplug.",
}


@frozen(kw_only=True)
class Project:
    """What is asked for: a plugin's name, such as `acme-ai`, and what its template needs to know."""

    template: Template
    name: str
    license: str = "Apache-2.0"
    author: str = "its authors"
    base: str = "https://api.example.com/v1"
    model: str = "large"
    strategy: str = "http"

    @property
    def distribution(self) -> str:
        """The name that pip installs."""
        return f"modelplug-{self.name}"

    @property
    def package(self) -> str:
        """The name that Python imports."""
        return self.distribution.replace("-", "_")

    @property
    def cls(self) -> str:
        """The name of the plugin's class."""
        words = "".join(word.capitalize() for word in self.name.split("-"))
        return f"{words}Plugin" if words in TAKEN else words

    def values(self) -> dict[str, Any]:
        """What templates are filled with."""
        variable = re.sub(r"[^A-Z0-9]", "_", self.name.upper())
        brings = {"http": "modelplug-http>=0.1", "direct": "modelplug-litellm>=0.1"}
        return {
            "name": self.name,
            "distribution": self.distribution,
            "package": self.package,
            "cls": self.cls,
            "kind": self.template,
            "variable": variable,
            "description": DESCRIPTION[self.template].format(name=self.name),
            "license": None if self.license == "none" else self.license,
            "author": self.author,
            "year": datetime.now(tz=UTC).year,
            "needs": [brings[self.strategy]] if self.template == "provider" else [],
            "base": self.base,
            "model": self.model,
            "strategy": self.strategy,
        }


def write(project: Project, folder: Path) -> list[Path]:
    """Write the project into a folder that is new or empty; the files, sorted.

    Raises ConfigError for a folder that holds something.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    check_room(folder)
    values, written = project.values(), []
    for root in (TEMPLATES / "common", TEMPLATES / project.template):
        environment = Environment(  # noqa: S701  # it makes Python and TOML, and no pages
            loader=FileSystemLoader([root, TEMPLATES]), undefined=StrictUndefined, keep_trailing_newline=True
        )
        for template in sorted(root.rglob("*.jinja")):
            place = template.relative_to(root)
            text = environment.get_template(place.as_posix()).render(values)
            if text:  # without a licence there is no file of it
                path = folder / str(place).removesuffix(".jinja").replace("PACKAGE", project.package)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
                written.append(path)
    typed = folder / "src" / project.package / "py.typed"
    typed.touch()
    return sorted([*written, typed])


def check_room(folder: Path) -> None:
    """Raises ConfigError for a folder that holds something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(str(folder), "is there already", "Choose another with --directory.")
