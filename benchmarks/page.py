"""Keeps the figures of docs/explanation: each table between its marks, on whichever page that is, and the pictures."""

from __future__ import annotations

import json
import re
from typing import Any

import aims
import pictures
import tables
from environments import ROOT

PAGES = ROOT / "docs" / "explanation"
PICTURE = ROOT / "docs" / "decisions" / "0011-layers.svg"
BEFORE = ROOT / "benchmarks" / "results" / "layers-before.json"
"""What decision 0011 began with."""
_CURVE = ("floor", "aiohttp", "modelplug http", "modelplug direct", "httpx", "openai", "pydantic-ai", "litellm")


def write(results: dict[str, Any]) -> None:
    """Replace what stands between the marks by these results."""
    parts = _parts(results)
    for page in sorted(PAGES.glob("*.md")):
        text = written = page.read_text()
        for name, part in parts.items():
            pattern = rf"(<!-- bench:{re.escape(name)} -->\n).*?(<!-- end -->)"
            text = re.sub(pattern, lambda found, part=part: found[1] + part + "\n" + found[2], text, flags=re.DOTALL)
        if text != written:
            page.write_text(text)


def _parts(results: dict[str, Any]) -> dict[str, str]:
    """What stands between the marks, by their names; the pictures are made on the way."""
    parts: dict[str, str] = {"machine": _machine(results)}
    if calls := results.get("calls"):
        for concurrency in sorted({r["concurrency"] for r in calls}):
            for shape in dict.fromkeys(r["shape"] for r in calls if r["concurrency"] == concurrency):
                parts[f"{shape}-{concurrency}"] = tables.markdown(tables.calls(calls, shape, concurrency))
        parts["chunks"] = tables.markdown(tables.chunk_costs(calls))
        shapes = (("json", "one JSON answer"), ("stream64", "a stream of 64 chunks"))
        _picture("speed-calls.svg", pictures.bars(calls, shapes))
        _picture("speed-chunks.svg", pictures.curve(calls, _CURVE))
    if starts := results.get("startup"):
        parts["startup"] = tables.markdown(tables.starts(starts))
        parts["startup-ratios"] = tables.markdown(tables.start_ratios(starts))
    if engine := results.get("engine"):
        parts["engine"] = tables.markdown(tables.engine(engine))
    if hooks := results.get("hooks"):
        parts["hooks"] = tables.markdown(tables.hooks(hooks))
    if layers := results.get("layers"):
        before = json.loads(BEFORE.read_text())
        PICTURE.write_text(pictures.layers({"before": before, "now": layers}))
    if endurance := results.get("endurance"):
        parts["endurance"] = tables.markdown(tables.endurance(endurance))
    if latency := results.get("latency"):
        parts["latency"] = tables.markdown(tables.latency(latency))
    if load := results.get("load"):
        parts["load"] = "```text\n" + load["report"].rstrip() + "\n```"
    parts["aims"] = tables.markdown(aims.aims(results))
    return parts


def _picture(name: str, svg: str) -> None:
    (PAGES / name).write_text(svg)


def _machine(results: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(results["versions"].items()))
    return f"{results['when']}, {results['machine']}. Bytecode compiled. {versions}."
