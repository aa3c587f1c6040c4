"""What is taken out of a text before it leaves modelplug: keys, and in the words of others also where they run."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "[redacted]"

_RUN = 8
"""So many characters of a known secret in a row are masked, wherever they stand."""

_SHORTEST = 4
"""A shorter secret is a placeholder of a local server, and part of too many words."""

_TOKEN = r"[\w+/=.~*…-]"  # noqa: S105  # what keys are made of, with the marks of shortened ones

# Patterns are text, compiled when the first failure is shown and not at import.
_KEYS = rf"""
      (?P<scheme>\b(?:Bearer|Basic|Token)\s{{1,3}}) (?:(?=\S{{0,60}}?[\d*…]){_TOKEN}{{6,}}|{_TOKEN}{{20,}})
    | (?P<header>\b(?:(?:proxy-)?authorization|cookie)["']?\s{{0,3}}[:=]\s{{0,3}}["']?)
      [^\s"',;}}]+ (?:\s{{1,3}}{_TOKEN}{{6,}})?
    | (?P<named>(?:\b|_)(?:api[-_ ]?key|apikey|key|token|secret|password|passwd|pwd|signature|sig)["']?\s?=\s?["']?)
      [^\s"'&,;}})]{{4,}}
    | (?P<said>(?:api[-_ ]?key|apikey|secret|password|access[-_ ]token)["'`]?
        (?:\s(?:provided|given|is|was|used|value|invalid)){{0,3}}\s{{0,2}}[:(\s]\s{{0,2}}["'`]?)
      (?=[^\s"'`]{{0,60}}?[\d*]) {_TOKEN}{{8,}}
    | (?P<long>\bkeys?\W{{0,4}}(?:\w{{1,12}}\W{{1,3}}){{0,3}}?) (?=[A-Za-z+/_=-]{{0,60}}\d)[A-Za-z0-9+/_=-]{{24,}}
    | (?<![A-Za-z0-9])sk[-_] {_TOKEN}{{3,}}
    | (?<![A-Za-z0-9])(?:pk|rk|ak|dsk|csk|gsk|xai|pplx|nvapi|hf|r8|fw|tgp|ghp|gho|ghs|glpat|github_pat)[-_]
      (?=\S{{0,60}}?[\d*]) {_TOKEN}{{8,}}
    | (?<![A-Za-z0-9])(?-i:AIza{_TOKEN}{{8,}}|(?:AKIA|ASIA)[A-Z0-9*]{{8,}}|eyJ[\w-]{{8,}}(?:\.[\w-]*)*)
    | (?<![\w+/=.*-])[\w+/=.-]* \*{{3,}} [\w*+/=.-]*
    """
"""The usual shapes of keys, whole or shortened (`sk-abc***xyz`), and the words that come before others."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without these secrets, without any eight characters in a row of one, and without usual keys."""
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            from urllib.parse import quote

            for form in dict.fromkeys((secret, quote(secret, safe=""))):
                text = _without(text, form)
    return re.sub(_KEYS, _masked, text, flags=re.VERBOSE | re.IGNORECASE)


def mask_place(text: str, base: str) -> str:
    """The text without the base URL, its host, and those parts of its path that are long enough to be a secret.

    A host without a dot is left, other than with its port: it may be any word.
    """
    from urllib.parse import urlsplit

    parts = urlsplit(base)
    names = [base, parts.netloc, *(segment for segment in parts.path.split("/") if len(segment) >= _RUN)]
    if parts.hostname and "." in parts.hostname:
        names.append(parts.hostname)
    for name in names:
        if name != parts.netloc or parts.port is not None:
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", "[address]", text, flags=re.IGNORECASE)
    return text


def _masked(match: re.Match[str]) -> str:
    return (match["scheme"] or match["header"] or match["named"] or match["said"] or match["long"] or "") + MASK


def _without(text: str, secret: str) -> str:
    """The text with the secret, and every run of its characters that is long enough to tell, masked."""
    if len(secret) <= _RUN:
        return text.replace(secret, MASK)
    runs = {secret[i : i + _RUN] for i in range(len(secret) - _RUN + 1)}
    kept: list[str] = []
    start, i, last = 0, 0, len(text) - _RUN
    while i <= last:
        if text[i : i + _RUN] not in runs:
            i += 1
            continue
        end = i + _RUN
        while end < len(text) and text[end - _RUN + 1 : end + 1] in runs:
            end += 1
        kept += (text[start:i], MASK)
        start = i = end
    return "".join((*kept, text[start:]))


_READ_AT_MOST = 20_000
"""Characters of somebody else's text that are looked at."""

_SHOWN_AT_MOST = 1_500

_SCRIPTS = r"<(script|style|svg)\b[^<]*(?:<(?!/\1)[^<]*)*"
_TAGS = r"<(?:!--|[a-z/!?])[^<>]*(?:>|$)|<(?=[a-z/!?])"
_URLS = r"\b[a-z][a-z0-9+.-]{1,15}://[^\s\"'<>]*|\bwww\.[^\s\"'<>]+"
_ADDRESSES = (
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.]*\d)|(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{0,4}|"
    r"(?<![\w:])(?:[0-9a-f]{1,4}:){1,7}:(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?"
)
_PATHS = r"(?<![\w.>\]])(?:~|\.{1,2})?/(?:[\w.@+-]+/)*[\w.@+-]+(?:/|\b)|\b[a-z]:\\[^\s\"'<>|]+"
_SPACE = r"[\s\x00-\x1f\x7f-\x9f]+"


def safe_text(text: str, secrets: Iterable[str] = ()) -> str:
    """What somebody else's program said, fit to show: one bounded line without keys, HTML, URLs, addresses, paths."""
    text = text[:_READ_AT_MOST].encode("utf-8", "replace").decode()
    if "<" in text:
        import html

        text = html.unescape(_replaced(_TAGS, " ", _replaced(_SCRIPTS, " ", text)))
        text = _replaced(_TAGS, " ", text)  # what was escaped twice
    text = redact(_replaced(_SPACE, " ", text), secrets).strip()
    for pattern, mark in ((_URLS, "[url]"), (_ADDRESSES, "[address]"), (_PATHS, "[path]")):
        text = _replaced(pattern, mark, text)
    return text if len(text) <= _SHOWN_AT_MOST else text[: _SHOWN_AT_MOST - 3] + "..."


def _replaced(pattern: str, by: str, text: str) -> str:
    return re.sub(pattern, by, text, flags=re.IGNORECASE)
