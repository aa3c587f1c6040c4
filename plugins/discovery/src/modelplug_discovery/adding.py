"""Adds a provider's table to config.toml: behind what is there, which stays as it is, comments and all."""

from __future__ import annotations

import json
import os
import re
import tomllib
from contextlib import suppress
from pathlib import Path

from modelplug import ConfigError, Settings

from modelplug_discovery.entries import entries

NAME = re.compile(r"[a-z][a-z0-9]*([-_.][a-z0-9]+)*")
BOM = "\ufeff"
"""What Windows' editors begin a file of UTF-8 with."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def table(name: str, *, base: str, key_variable: str | None, models: list[str], discover: bool) -> str:
    """The table as TOML. Raises ConfigError for what would not be read again."""
    check_name(name)
    if key_variable is not None and not VARIABLE.fullmatch(key_variable):
        step = "Give the name of a variable, such as ACME_KEY; the key itself is never written."
        raise ConfigError("--key-variable", "is no name of a variable", step)
    fields = [f"api_base = {_text(base)}"]
    fields += [f"api_key_env = {_text(key_variable)}"] if key_variable else []
    fields += [f"models = [{', '.join(map(_text, models))}]"] if models else []
    fields += ["discover = true"] if discover else []
    written = "\n".join([f"[providers.{_text(name) if '.' in name else name}]", *fields, ""])
    own = Settings(argument=tomllib.loads(written), environment={}).provider(name)
    for option, question in (("--base", lambda: own.api_base), ("--model", lambda: list(entries(own)))):
        try:
            question()
        except ConfigError as error:
            raise ConfigError(option, error.problem, error.next_step) from None
    return written


def check_name(name: str) -> None:
    """Raises ConfigError for what is no name of a provider."""
    if len(name) > 60 or not NAME.fullmatch(name):
        step = "Use words of small letters and digits with - between them, such as acme-ai."
        raise ConfigError(f"provider {name[:60]!r}", "is no name of a provider", step)


def add(path: Path, name: str, written: str) -> None:
    """Put the table behind what the file holds, with its line ends; the file is replaced as a whole.

    Raises ConfigError when there is such a table already, when the file is no TOML or would be none, and when it may
    not be written.
    """
    path = path.resolve()  # where a link leads to: the link stays one
    try:
        before = path.read_bytes().decode() if path.exists() else ""
        held = tomllib.loads(before.removeprefix(BOM))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"is no TOML: {error}", "Mend it, then add the provider.") from None
    except OSError as error:
        raise _refused(path, error.strerror) from None
    if name in held.get("providers", {}):
        raise ConfigError(f"[providers.{name}]", "is in config.toml already", "Change it there.")
    ends = "\r\n" if "\r\n" in before else "\n"
    text = f"{before.rstrip()}{ends * 2}{written.replace(chr(10), ends)}".lstrip("\r\n")
    try:
        tomllib.loads(text.removeprefix(BOM))
    except tomllib.TOMLDecodeError:
        step = f"Write its providers as tables of their own, [providers.NAME], then add {name}."
        raise ConfigError(str(path), "has its providers in one line, which nothing can be added to", step) from None
    _replace(path, text)


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        if path.exists() and not path.stat().st_mode & 0o222:
            raise _refused(path, "it is read-only")
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(text.encode())
        if path.exists():
            draft.chmod(path.stat().st_mode)
        draft.replace(path)
    except OSError as error:
        raise _refused(path, error.strerror) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _refused(path: Path, reason: str | None) -> ConfigError:
    return ConfigError(str(path), f"cannot be written: {reason}", "Look at its owner and rights; nothing was changed.")


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # a basic string of TOML
