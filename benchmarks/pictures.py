"""Pictures for the documentation, as SVG: bars on a log scale, a chunk's cost by the stream's length, layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

Figures = dict[str, Any]

OURS, PEER, BOUND = "#2563eb", "#9ca3af", "#16a34a"
_STYLE = """<style>
  text { font: 13px system-ui, sans-serif; fill: #111827 } .ground { fill: #ffffff }
  @media (prefers-color-scheme: dark) { text { fill: #e6e9ef } .ground { fill: #131416 } line { opacity: .35 } }
</style>"""


def bars(results: Sequence[Figures], shapes: Sequence[tuple[str, str]]) -> str:
    """CPU of one call, a panel for each shape (name, title), cheapest first, logarithmic."""
    panels = []
    for shape, title in shapes:
        mine = [r for r in results if r["shape"] == shape and r["concurrency"] == 1 and "cpu" in r]
        panels.append((title, sorted((r["cpu"] * 1e3, r["candidate"]) for r in mine)))
    least = 10 ** math.floor(math.log10(min(cost for _, rows in panels for cost, _ in rows)))
    most = max(cost for _, rows in panels for cost, _ in rows) * 1.1
    left, width, line = 150, 520, 22

    def across(cost: float) -> float:
        return left + width * math.log(cost / least) / math.log(most / least)

    parts, y = [], 10.0
    for title, rows in panels:
        parts.append(_text(10, y + 16, title, weight="600"))
        top, y = y + 26, y + 26
        for cost, name in rows:
            colour = _colour(name)
            size = f'width="{across(cost) - left:.1f}" height="{line - 6}"'
            parts.append(f'<rect x="{left}" y="{y + 3:.0f}" {size} fill="{colour}"/>')
            parts.append(
                _text(left - 8, y + 16, name, anchor="end", weight="600" if name.startswith("modelplug") else "400")
            )
            parts.append(_text(across(cost) + 6, y + 16, f"{cost:.3g} ms"))
            y += line
        for power in range(math.ceil(math.log10(least)), math.floor(math.log10(most)) + 1):
            x = across(10.0**power)
            parts.append(_line(x, x, top, y, "#d1d5db"))
            parts.append(_text(x, y + 14, f"{10.0**power:g} ms", anchor="middle"))
        y += 34
    return _svg(left + width + 100, y, parts, "CPU time of one call by client, logarithmic")


def curve(results: Sequence[Figures], names: Sequence[str]) -> str:
    """CPU of a stream over its chunks, against their number, both logarithmic."""
    points: dict[str, list[tuple[int, float]]] = {name: [] for name in names}
    for r in results:
        number = r["shape"].removeprefix("stream")
        if r["candidate"] in points and number.isdigit() and r["concurrency"] == 1 and "cpu" in r:
            points[r["candidate"]].append((int(number), r["cpu"] / int(number) * 1e6))
    every = [point for line in points.values() for point in line]
    xs, ys = sorted({x for x, _ in every}), [y for _, y in every]
    low, high = 10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys)))
    left, top, width, height = 80, 40, 460, 320

    def place(x: float, y: float) -> tuple[float, float]:
        across = math.log(x / xs[0]) / math.log(xs[-1] / xs[0])
        return left + width * across, top + height * (1 - math.log(y / low) / math.log(high / low))

    parts = [_text(10, 20, "CPU for each chunk, by the number of chunks in the stream", weight="600")]
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        _, y = place(xs[0], 10.0**power)
        parts.append(_line(left, left + width, y, y, "#e5e7eb"))
        parts.append(_text(left - 8, y + 4, f"{10.0**power:g} us", anchor="end"))
    for x in xs:
        parts.append(_text(place(x, low)[0], top + height + 20, f"{x}", anchor="middle"))
    taken: list[float] = []
    for name, line in sorted(points.items(), key=lambda item: min((y for _, y in item[1]), default=0.0)):
        line.sort()
        if not line:
            continue
        corners = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in line)
        thick = 3 if name.startswith("modelplug") else 1.5
        parts.append(f'<polyline points="{corners}" fill="none" stroke="{_colour(name)}" stroke-width="{thick}"/>')
        end = place(*line[-1])[1] + 4
        while any(abs(end - other) < 14 for other in taken):
            end -= 2
        taken.append(end)
        parts.append(_text(left + width + 8, end, name, weight="600" if thick > 2 else "400"))
    return _svg(left + width + 150, top + height + 40, parts, "CPU time for each chunk by length of stream")


_LAYERS = {
    "the event loop": "#d1d5db",
    "aiohttp": "#9ca3af",
    "our wire": "#1d4ed8",
    "the core": "#60a5fa",
    "other plugins": "#a78bfa",
    "the host": "#16a34a",
}


def layers(runs: dict[str, dict[str, dict[str, int]]]) -> str:
    """Bytecodes of one call by layer: for each shape a bar for each run, as long as the longest of the shape."""
    left, width, line = 160, 560, 24
    parts = [_text(10, 22, "Python's bytecodes of one call, by layer", weight="600")]
    x = 10.0
    for layer, colour in _LAYERS.items():
        parts.append(f'<rect x="{x:.0f}" y="36" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(x + 17, 47, layer))
        x += 34 + 7 * len(layer)
    y = 68.0
    for shape in next(iter(runs.values())):
        most = max(sum(run[shape].values()) for run in runs.values())
        parts.append(_text(10, y + 14, shape, weight="600"))
        for name, run in runs.items():
            parts.append(_text(left - 8, y + 14, name, anchor="end"))
            x = float(left)
            for layer, colour in _LAYERS.items():
                wide = width * run[shape].get(layer, 0) / most
                parts.append(f'<rect x="{x:.1f}" y="{y:.0f}" width="{wide:.1f}" height="{line - 6}" fill="{colour}"/>')
                x += wide
            parts.append(_text(x + 6, y + 14, f"{sum(run[shape].values()):,}"))
            y += line
        y += 14
    return _svg(left + width + 80, y, parts, "Bytecodes of one call by layer, before and now")


def _colour(name: str) -> str:
    return OURS if name.startswith("modelplug") else BOUND if name == "floor" else PEER


def _text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "400") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} style="font-weight: {weight}">{escape(words)}</text>'


def _line(x1: float, x2: float, y1: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _svg(width: float, height: float, parts: list[str], title: str) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    ground = f'<rect class="ground" width="{width:.0f}" height="{height:.0f}"/>'
    body = "\n".join([f"<title>{escape(title)}</title>", _STYLE, ground, *parts])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n{body}\n</svg>\n'
