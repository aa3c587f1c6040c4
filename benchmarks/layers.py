"""Where the work of a call is done: Python's bytecodes by layer, counted, and so the same on every machine.

What C does for them (sockets, HTTP's parser, JSON) is not in it. Run in .venv with the upstream's address; prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

from clients import ours
from shapes import shape

SHAPES = ("json", "stream64", "stream512")
LAYERS = {
    "/benchmarks/": "the host",
    "/modelplug_http/": "our wire",
    "/modelplug_": "other plugins",
    "/modelplug/": "the core",
    "attrs generated": "the core",
    "/site-packages/": "aiohttp",
}
"""By a part of the path of the code, the first that fits; everything else is the event loop's."""
EVENT_LOOP = "the event loop"
WARM, CALLS = 20, 20


async def main(base: str) -> dict[str, dict[str, int]]:
    """Bytecodes of one call by shape and layer."""
    found = {}
    for name in SHAPES:
        wanted = shape(name)
        call = await ours.opened(base + wanted.path, wanted, strategy="http")
        for _ in range(WARM):
            await call()
        found[name] = await _counted(call)
    return found


async def _counted(call: Callable[[], Awaitable[object]]) -> dict[str, int]:
    counts: Counter[str] = Counter()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            counts[frame.f_code.co_filename] += 1
        return trace

    async def several() -> None:
        for _ in range(CALLS):
            await call()

    sys.settrace(trace)
    try:
        await asyncio.ensure_future(several())
    finally:
        sys.settrace(None)
    layers: Counter[str] = Counter()
    for path, number in counts.items():
        layers[next((layer for part, layer in LAYERS.items() if part in path), EVENT_LOOP)] += number
    return {layer: round(number / CALLS) for layer, number in sorted(layers.items())}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1]))))
