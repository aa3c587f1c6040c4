"""What was set as an aim before anything was built, beside what one run measured."""

from __future__ import annotations

from typing import Any

from startup import RATIOS
from tables import Figures, Table, kilobytes, milliseconds

OURS, DIRECT, BARE, WHOLE = "modelplug http", "modelplug direct", "aiohttp", "litellm"
_SLACK = 1.2
"""By so much a ratio to the floor may grow with many calls at once."""


def aims(results: dict[str, Any]) -> Table:
    """Each aim with what was measured of it, and whether it was kept."""
    rows: list[tuple[str, str, bool]] = []
    if calls := results.get("calls"):
        rows += _of_calls({(r["candidate"], r["shape"], r["concurrency"]): r for r in calls if "cpu" in r})
    if latency := results.get("latency"):
        rows += _of_latency(latency)
    if endurance := results.get("endurance"):
        rows += _of_endurance(endurance)
    if starts := results.get("startup"):
        rows += _of_starts({r["start"]: r for r in starts})
    if engine := results.get("engine"):
        rows += _of_engine(engine)
    return ["aim", "measured", ""], [[aim, said, "kept" if kept else "**missed**"] for aim, said, kept in rows]


def _of_calls(found: dict[tuple[str, str, int], Figures]) -> list[tuple[str, str, bool]]:
    def floors(shape: str, concurrency: int = 1) -> float:
        return float(found[OURS, shape, concurrency]["ratio"])

    def over(name: str, other: str, shape: str) -> float:
        return float(found[name, shape, 1]["cpu"] / found[other, shape, 1]["cpu"])

    rows = [
        ("`http`, JSON: 2.0 x floor", f"{floors('json'):.1f}", floors("json") <= 2.0),
        ("`http`, 64 chunks: 2.5 x floor", f"{floors('stream64'):.1f}", floors("stream64") <= 2.5),
    ]
    short, long = (found[OURS, f"stream{n}", 1]["cpu"] / n * 1e6 for n in (64, 512))
    rows.append(("512 chunks cost no more each than 64", f"{long:.1f} us, {short:.1f} us", long <= short))
    for shape, title in (("json", "JSON"), ("stream64", "64 chunks"), ("stream64-apart", "64 chunks one by one")):
        times = over(OURS, BARE, shape)
        rows.append((f"`http` within 25 % of aiohttp used bare, {title}", f"{times:.2f} x", times <= 1.25))
    for shape, title, part in (("json", "a fifth", 5), ("stream64", "a tenth", 10)):
        share = over(WHOLE, DIRECT, shape)
        rows.append((f"`direct` {title} of `litellm.acompletion`, {shape}", f"1/{share:.0f}", share >= part))
    for shape, many in (("json", 64), ("json", 1_000), ("stream64", 64)):
        alone, together = floors(shape), floors(shape, many)
        said = f"{together:.1f}, alone {alone:.1f}"
        rows.append(
            (f"x floor no more than a fifth higher with {many:,} at once, {shape}", said, together <= alone * _SLACK)
        )
    return rows


def _of_latency(found: Figures) -> list[tuple[str, str, bool]]:
    ours, bare = found["ours"], found["aiohttp"]
    added = ours["p99"] - bare["p99"]
    return [
        ("p99 of the latency that we add, 64 at once: under 1 ms", milliseconds(added), added < 0.001),
        (
            "event loop never late by more than 20 ms, 64 at once",
            f"{milliseconds(ours['lag'])}; aiohttp {milliseconds(bare['lag'])}",
            ours["lag"] < 0.02,
        ),
    ]


def _of_endurance(found: Figures) -> list[tuple[str, str, bool]]:
    rows = [
        (
            f"memory under 1 kB for each 1,000 of {found[name]['calls']:,} {title}",
            kilobytes(found[name]["growth"]),
            found[name]["growth"] < 1_000,
        )
        for name, title in (("calls", "JSON calls"), ("streams", "streams"))
    ]
    idle = found["idle"]
    return [
        *rows,
        (f"{idle['streams']:,} open streams, each under 30 kB", kilobytes(idle["bytes"]), idle["bytes"] < 30e3),
    ]


def _of_starts(found: dict[str, Figures]) -> list[tuple[str, str, bool]]:
    rows = []
    for ours, theirs, promised in RATIOS:
        clock = "wall" if ours.startswith("first") else "cpu"
        ratio = found[ours][clock] / found[theirs][clock]
        rows.append((f"{ours}: {promised:.2f} of {theirs}", f"{ratio:.2f}", ratio <= promised))
    memory = found["load modelplug, list every model"]["rss"]
    return [*rows, ("load and list in 30 MB", f"{memory / 1e6:.0f} MB", memory < 30e6)]


def _of_engine(found: Figures) -> list[tuple[str, str, bool]]:
    call, names = found["call"] * 1e6, max(found["resolve_id"], found["resolve_alias"]) * 1e6
    said = f"{call:.0f} us; {found['call_here'] * 1e6:.0f} of them in the caller's thread"
    return [
        ("the engine with its listeners in 15 us a call", said, call <= 15),
        ("a name in 1 us", f"{names:.2f} us", names < 1),
        ("a Catalog of 10,000 models in 50 ms", milliseconds(found["catalog"]), found["catalog"] < 0.05),
    ]
