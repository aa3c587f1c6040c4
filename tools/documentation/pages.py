"""The pages as the site has them: those of docs/ with the README in front, and what they link to outside of docs/."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"(\]\()([^)#:\s]+)((?:#[^)]*)?\))")
GROUP = re.compile(r"^(?:##+ |\*\*)([^*:\n]+)", re.MULTILINE)
LISTED = re.compile(r"\]\(((?!\.\.)[^):#]+)\.md\)")
LANGUAGES = {".py": "python", ".toml": "toml", ".html": "html", ".json": "json", ".yaml": "yaml"}
UNSHOWN = frozenset({"tests", "__pycache__"})


def pages(code: Mapping[str, str]) -> dict[str, bytes]:
    """Every file that the site is made of, by its place; `code` are the pages that are made from the code."""
    made = {place: text.encode() for place, text in code.items()}
    for path in sorted(DOCS.rglob("*")):
        place = path.relative_to(DOCS).as_posix()
        if path.suffix == ".md":
            made[place] = _fitted(path, place).encode()
        elif path.is_file():
            made[place] = path.read_bytes()
    front = _fitted(ROOT / "README.md", "index.md")
    made["index.md"] = (front + "".join(_sidebar((DOCS / "README.md").read_text("utf-8"), code))).encode()
    for path in _linked():
        made[_place_of(path)] = "\n".join(_source(path)).encode()
    return made


def _sidebar(listed: str, code: Mapping[str, str]) -> Iterator[str]:
    """The lists of docs/README.md, and what no list there names page by page."""
    yield _toctree(None, ["README"])
    parts = GROUP.split(listed)
    for group, text in zip(parts[1::2], parts[2::2], strict=True):
        if names := list(dict.fromkeys(LISTED.findall(text))):
            yield _toctree(group.strip(), names)
    yield _toctree("Reference, from the code", [place.removesuffix(".rst") for place in code])
    yield _toctree("Decisions", ["decisions/*"])


def _toctree(caption: str | None, names: list[str]) -> str:
    options = [":hidden:", ":glob:", ":titlesonly:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["\n```{toctree}", *options, "", *names, "```\n"])


def _place_of(path: Path) -> str:
    """Where the site has a file or a folder."""
    if path == ROOT / "README.md":
        return "index.md"
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    return f"source/{path.relative_to(ROOT).as_posix().replace('/', '-')}.md"


def _fitted(path: Path, place: str) -> str:
    """A page whose links lead to the places of the site."""

    def fitted(link: re.Match[str]) -> str:
        target = (path.parent / link[2]).resolve()
        there = os.path.relpath(_place_of(target), Path(place).parent) if target.exists() else link[2]
        return f"{link[1]}{there}{link[3]}"

    return LINK.sub(fitted, path.read_text("utf-8"))


def _linked() -> set[Path]:
    """The files and folders outside of docs/ that pages lead to, at once or by a README."""
    found: set[Path] = set()
    waiting = [ROOT / "README.md", *DOCS.rglob("*.md")]
    while waiting:
        page = waiting.pop()
        targets = {(page.parent / link[2]).resolve() for link in LINK.finditer(page.read_text("utf-8"))}
        new = {path for path in targets if _place_of(path).startswith("source/") and path.exists()} - found
        found |= new
        waiting += filter(None, map(_text_of, new))
    return found


def _text_of(path: Path) -> Path | None:
    text = path / "README.md" if path.is_dir() else path
    return text if text.suffix == ".md" and text.exists() else None


def _source(path: Path) -> Iterator[str]:
    """The page of a file, or of a folder: what its README says, then its files."""
    yield "---\norphan: true\n---\n"
    text, title = _text_of(path), path.relative_to(ROOT).as_posix()
    yield f"# {title}\n" if text is None else _fitted(text, _place_of(path))
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.suffix in LANGUAGES and UNSHOWN.isdisjoint(file.parts):
            heading = f"## {file.relative_to(path).as_posix()}\n\n" if path.is_dir() else ""
            yield f"{heading}```{LANGUAGES[file.suffix]}\n{file.read_text('utf-8')}```\n"
