"""`python -m modelplug_cli`: the command where no script is on PATH."""

from modelplug_cli import main

if __name__ == "__main__":
    main()
