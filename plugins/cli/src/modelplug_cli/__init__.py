"""The `modelplug` command."""

import sys

__all__ = ["main"]


def main() -> None:
    """Runs the command with the process's arguments and ends the process."""
    try:
        from modelplug_cli._main import main as run  # here, so that Ctrl-C ends us quietly from the start

        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
