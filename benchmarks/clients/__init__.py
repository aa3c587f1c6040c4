"""The candidates, one module each: `async def opened(base, shape)` gives the function that makes one call.

That function sends MESSAGES as a chat completion, a stream where the shape has events, and returns the text and the
completion tokens (None where the candidate does not tell them). Each is set up as its documentation says is fastest,
keeps its connection, and tries once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Call = Callable[[], Awaitable[tuple[str, int | None]]]
