"""A board for code that exists.

    client = OpenAIFace(board)            # await client.chat.completions.create(model=..., messages=...)
    acompletion = acompletion_on(board)   # await acompletion(model=..., messages=...)
    client = openai_client(board)         # a real openai.AsyncOpenAI, whose requests the board answers

For code that is not async: `completion_on(board)`, and `sync_openai_client(board)`, a real openai.OpenAI.

Keys are the board's: what a request carries never chooses where one goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelplug_faces.faces import OpenAIFace, Stream, acompletion_on, completion_on

if TYPE_CHECKING:
    from modelplug_faces.transport import BoardTransport, openai_client, sync_openai_client

__all__ = [
    "BoardTransport",
    "OpenAIFace",
    "Stream",
    "acompletion_on",
    "completion_on",
    "openai_client",
    "sync_openai_client",
]


def __getattr__(name: str) -> Any:
    """What needs httpx, imported when it is asked for."""
    if name in ("BoardTransport", "openai_client", "sync_openai_client"):
        from modelplug_faces import transport

        return getattr(transport, name)
    raise AttributeError(name)
