"""The models of v98store: chat and embedding models of many vendors, with their makers' list prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from modelplug import Model
from modelplug_discovery.entry import PRICES, Entry

_TABLE = """
# name                             | context|longest| capabilities,                           | $ per million tokens:
#                                  |  window| answer| `chat` left out                         | in, out, cached, written

# OpenAI
gpt-4o                             |  128000 |  16384 | tools vision json_schema                | 2.5  10   1.25  -
gpt-4o-mini                        |  128000 |  16384 | tools vision json_schema                | 0.15 0.6  0.075 -
gpt-4.1                            | 1047576 |  32768 | tools vision json_schema                | 2    8    0.5   -
gpt-4.1-mini                       | 1047576 |  32768 | tools vision json_schema                | 0.4  1.6  0.1   -
gpt-5                              |  272000 | 128000 | tools vision json_schema reasoning      | 1.25 10   0.125 -
gpt-5-mini                         |  272000 | 128000 | tools vision json_schema reasoning      | 0.25 2    0.025 -
gpt-5-nano                         |  272000 | 128000 | tools vision json_schema reasoning      | 0.05 0.4  0.005 -
gpt-5.1                            |  272000 | 128000 | tools vision json_schema reasoning      | 1.25 10   0.125 -
gpt-5.2                            |  272000 | 128000 | tools vision json_schema reasoning      | 1.75 14   0.175 -
o3                                 |  200000 | 100000 | tools vision json_schema reasoning      | 2    8    0.5   -
text-embedding-3-small             |    8191 |      - | embeddings                              | 0.02 0    -     -
text-embedding-3-large             |    8191 |      - | embeddings                              | 0.13 0    -     -
text-embedding-ada-002             |    8191 |      - | embeddings                              | 0.1  0    -     -

# Anthropic: exact dated ids only. `thinking` is dropped on the way; ids ending in -thinking reason by themselves.
claude-haiku-4-5-20251001          |  200000 |  64000 | tools vision                            | 1    5    0.1   1.25
claude-sonnet-4-5-20250929         |  200000 |  64000 | tools vision                            | 3    15   0.3   3.75
claude-sonnet-4-5-20250929-thinking|  200000 |  64000 | tools vision reasoning                  | 3    15   0.3   3.75
claude-opus-4-5-20251101           |  200000 |  64000 | tools vision                            | 5    25   0.5   6.25
claude-opus-4-5-20251101-thinking  |  200000 |  64000 | tools vision reasoning                  | 5    25   0.5   6.25

# Google
gemini-2.5-pro                     | 1048576 |  65536 | tools vision audio json_schema reasoning| 1.25 10   0.125 -
gemini-2.5-flash                   | 1048576 |  65536 | tools vision audio json_schema reasoning| 0.3  2.5  0.03  -
gemini-2.5-flash-lite              | 1048576 |  65536 | tools vision audio json_schema reasoning| 0.1  0.4  0.01  -
gemini-3-flash-preview             | 1048576 |  65536 | tools vision audio json_schema reasoning| 0.5  3    0.05  -
gemini-embedding-001               |    2048 |      - | embeddings                              | 0.15 0    -     -

# DeepSeek
deepseek-chat                      |  131072 |   8192 | tools                                   | 0.28 0.42 0.028 -
deepseek-reasoner                  |  131072 |  65536 | reasoning                               | 0.28 0.42 0.028 -
deepseek-ai/DeepSeek-R1            |  131072 |  32768 | reasoning                               | -    -    -     -
deepseek-ai/DeepSeek-V3.1          |  131072 |   8192 | tools                                   | -    -    -     -

# Alibaba
qwen-plus                          |  129024 |  16384 | tools                                   | 0.4  1.2  -     -
qwen-max                           |   30720 |   8192 | tools                                   | 1.6  6.4  -     -
qwen3-max                          |  258048 |  65536 | tools                                   | -    -    -     -
qwen3-coder-plus                   |  997952 |  65536 | tools                                   | -    -    -     -

# Mistral
mistral-large-latest               |  262144 |      - | tools vision json_schema                | 0.5  1.5  0.05  -
mistral-small-latest               |  262144 |      - | tools vision json_schema                | 0.15 0.6  0.015 -

# xAI
grok-4                             |  256000 |      - | tools vision json_schema reasoning      | 3    15   0.75  -
grok-code-fast-1                   |  256000 |      - | tools json_schema reasoning             | 1    2    0.2   -

# Moonshot
kimi-k2-0905-preview               |  262144 |      - | tools                                   | 0.6  2.5  0.15  -
kimi-k2.5                          |  262144 |      - | tools vision reasoning                  | 0.6  3    0.1   -

# Zhipu
glm-4.5-air                        |  128000 |  32000 | tools                                   | 0.2  1.1  -     -
glm-4.6                            |  200000 | 128000 | tools reasoning                         | 0.6  2.2  0.11  -
glm-4.7                            |  200000 | 128000 | tools reasoning                         | 0.6  2.2  0.11  -
"""


def models(ratio: Decimal, named: Iterable[Entry] = (), listed: Iterable[Entry] = ()) -> Iterator[Model]:
    """All models, their list prices multiplied by the ratio of the key's price group.

    What settings say of a model (`named`) wins over this table, and the table over what the provider lists.
    """
    tabled = {entry.id: entry for entry in _tabled()}
    known = {**{entry.id: entry for entry in listed}, **tabled}
    for entry in named:
        known[entry.id] = entry.over(known.get(entry.id))
    for entry in known.values():
        yield _model(entry, ratio)


def _model(entry: Entry, ratio: Decimal) -> Model:
    return Model(
        id=f"openai-compatible/{entry.id}",
        name=entry.name or entry.id,
        provider="v98store",
        aliases=(f"{entry.id}-v98", f"v98store/{entry.id}", *entry.aliases),
        context_window=entry.context_window,
        max_output=entry.max_output,
        capabilities=entry.capabilities or (),
        prices=entry.priced(ratio),
    )


def _tabled() -> Iterator[Entry]:
    for line in _TABLE.splitlines():
        if line and not line.startswith("#"):
            name, context, longest, capabilities, prices = (cell.strip() for cell in line.split("|"))
            yield Entry(
                id=name,
                context_window=_tokens(context),
                max_output=_tokens(longest),
                capabilities=_capabilities(capabilities),
                list_prices={
                    kind: Decimal(cell) for kind, cell in zip(PRICES, prices.split(), strict=True) if cell != "-"
                },
            )


def _capabilities(cell: str) -> frozenset[str]:
    words = frozenset(cell.split())
    return words if "embeddings" in words else words | {"chat"}


def _tokens(cell: str) -> int | None:
    return None if cell == "-" else int(cell)
