"""Builds the documentation's site: `./run docs`. What Sphinx warns of is an error: a dead link, a page in no list."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import from_code
import pages

SITE = pages.ROOT / ".site"


def main(arguments: list[str]) -> int:
    """Arguments are Sphinx's own, such as `-E`, which forgets the last build."""
    gathered = SITE / "pages"
    _write(gathered, pages.pages(from_code.reference()))
    sphinx = [sys.executable, "-m", "sphinx", "--conf-dir", str(Path(__file__).parent), "--fail-on-warning", "--quiet"]
    code = subprocess.run([*sphinx, *arguments, str(gathered), str(SITE / "html")], cwd=pages.ROOT).returncode
    if code == 0:
        print(SITE / "html" / "index.html")
    return code


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Leaves what is as it was: Sphinx reads again what is newer."""
    for gone in {path for path in folder.rglob("*") if path.is_file()} - {folder / place for place in files}:
        gone.unlink()
    for place, content in files.items():
        path = folder / place
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
