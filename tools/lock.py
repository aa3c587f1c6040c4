"""Brings requirements.lock up to date with the pyproject files: `./run lock [--upgrade | --upgrade-package NAME]`.

Pins that still fit stay as they are. The file names no package index, so it works with whichever one pip and uv use.
"""

import sys
import tomllib

import environment


def main(arguments: list[str]) -> int:
    """Resolves for every Python and platform that the members admit."""
    projects = [folder / "pyproject.toml" for folder in environment.members()]
    names = [tomllib.loads(project.read_text())["project"]["name"] for project in projects]
    ours = [word for name in names for word in ("--no-emit-package", name)]
    form = ["--universal", "--generate-hashes", "--no-header", "--group", "dev", "--output-file", str(environment.LOCK)]
    environment.run_uv("pip", "compile", *form, *ours, *arguments, *map(str, projects))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
