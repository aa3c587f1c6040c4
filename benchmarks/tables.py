"""The figures as tables: for the terminal, and as Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from startup import RATIOS

Figures = dict[str, Any]
Table = tuple[list[str], list[list[str]]]


def calls(results: Sequence[Figures], shape: str, concurrency: int) -> Table:
    """One shape: CPU per call, ratio to the floor and to ours, calls per second, waits, memory, import."""
    mine = [r for r in results if r["shape"] == shape and r["concurrency"] == concurrency]
    costs = {r["candidate"]: r["cpu"] for r in mine if "cpu" in r}
    http, direct = costs.get("modelplug http"), costs.get("modelplug direct")
    lag = concurrency > 1
    head = [f"{shape}" + (f", {concurrency} at once" if lag else ""), "CPU a call", "x floor", "x http", "x direct"]
    head += ["calls/s", "p50", "p99", *(["lag, most"] if lag else []), "memory", "import"]
    rows = []
    for r in sorted(mine, key=lambda r: r.get("cpu", float("inf"))):
        if "failed" in r:
            rows.append([r["candidate"], f"failed: {r['failed'][:60]}"] + [""] * (len(head) - 2))
            continue
        cells = [r["candidate"], milliseconds(r["cpu"]), _times(r["ratio"]), _ratio(r["cpu"], http)]
        cells += [_ratio(r["cpu"], direct), f"{r['rate']:,.0f}", milliseconds(r["p50"]), milliseconds(r["p99"])]
        cells += [milliseconds(r["lag"])] if lag else []
        rows.append([*cells, megabytes(r["rss"]), milliseconds(r["import_cpu"])])
    return head, rows


def chunk_costs(results: Sequence[Figures]) -> Table:
    """CPU for each chunk of a stream, by its length: the cost of a whole call over its chunks."""
    mine = [r for r in results if "cpu" in r and r["concurrency"] == 1 and r["shape"].removeprefix("stream").isdigit()]
    lengths = sorted({int(r["shape"].removeprefix("stream")) for r in mine})
    costs = {(r["candidate"], int(r["shape"].removeprefix("stream"))): r["cpu"] for r in mine}
    names = sorted({name for name, _ in costs}, key=lambda name: costs.get((name, lengths[-1]), float("inf")))
    rows = [[n, *(f"{costs[n, x] / x * 1e6:,.1f} us" if (n, x) in costs else "-" for x in lengths)] for n in names]
    return ["CPU a chunk, of a stream of", *(f"{length}" for length in lengths)], rows


def starts(results: Sequence[Figures]) -> Table:
    """Start-up in new processes."""
    rows = [
        [r["start"], milliseconds(r["cpu"]), milliseconds(r["wall"]), megabytes(r["rss"]) if r["rss"] else "-"]
        for r in results
    ]
    return ["start, in a new process", "CPU", "wall", "memory, most"], rows


def start_ratios(results: Sequence[Figures]) -> Table:
    """What was promised of starts, and what came."""
    known = {r["start"]: r for r in results}
    rows = []
    for ours, theirs, promised in RATIOS:
        clock = "wall" if ours.startswith("first") else "cpu"
        ratio = known[ours][clock] / known[theirs][clock]
        rows.append([f"{ours} / {theirs}", f"{ratio:.3f}", f"{promised:.3f}", "yes" if ratio <= promised else "no"])
    return ["ratio", "measured", "promised", "kept"], rows


def engine(results: Figures) -> Table:
    """The engine alone."""
    rows = [
        ["a call, all threads", f"{results['call'] * 1e6:.1f} us", "15 us"],
        ["a call, in the caller's thread", f"{results['call_here'] * 1e6:.1f} us", "-"],
        ["a chunk", f"{results['chunk'] * 1e6:.2f} us", "-"],
        ["a Catalog of 10,000 models", milliseconds(results["catalog"]), "50 ms"],
        ["a name among them, by id", f"{results['resolve_id'] * 1e6:.3f} us", "1 us"],
        ["by alias", f"{results['resolve_alias'] * 1e6:.3f} us", "1 us"],
    ]
    return ["engine", "CPU", "promised, at most"], rows


def hooks(results: Figures) -> Table:
    """What asynchronous hooks would see and cost, beside what ours do."""
    saw, took = results["wrapper_saw"] * 1e6, results["call_took"] * 1e3
    rows = [
        [f"of a call of {took:.0f} ms a wrapper round an asynchronous hook sees", f"{saw:.0f} us"],
        ["three listeners that are awaited cost a call", f"{results['awaiting'] * 1e6:.0f} us"],
        ["three listeners with threads of their own cost it", f"{results['telling'] * 1e6:.1f} us"],
        ["a layer round the strategy costs it", f"{results['layer'] * 1e6:.2f} us"],
    ]
    return ["what", "measured"], rows


def endurance(results: Figures) -> Table:
    """Memory over many calls and of open streams."""
    rows = []
    for name, what in (("calls", "JSON calls"), ("streams", "streams")):
        found = results[name]
        rows.append([f"growth for each 1,000 of {found['calls']:,} {what}", kilobytes(found["growth"]), "1.0 kB"])
    idle = results["idle"]
    rows.append([f"a stream that is open and silent, of {idle['streams']:,}", kilobytes(idle["bytes"]), "30.0 kB"])
    return ["memory", "measured", "promised, less than"], rows


def layers(results: Figures) -> Table:
    """Bytecodes of one call, by layer."""
    names = sorted({layer for found in results.values() for layer in found})
    rows = [[name, *(f"{found.get(name, 0):,}" for found in results.values())] for name in names]
    return [
        "bytecodes of one call",
        *results,
    ], [*rows, ["all", *(f"{sum(found.values()):,}" for found in results.values())]]


def latency(results: Figures) -> Table:
    """What a call waits beyond its provider, with 64 at once, beside aiohttp bare; and how late the event loop was."""
    ours, bare = results["ours"], results["aiohttp"]
    rows = [
        [name, milliseconds(ours[key]), milliseconds(bare[key]), milliseconds(ours[key] - bare[key]), promised]
        for name, key, promised in (
            ("waited longer than the provider took, p50", "p50", "-"),
            ("p90", "p90", "-"),
            ("p99", "p99", "1 ms added"),
            ("event loop late, p99", "lag_p99", "-"),
            ("most", "lag", "20 ms"),
        )
    ]
    return ["64 at once, answers after 50 ms", "modelplug http", "aiohttp", "added", "promised, less than"], rows


def text(table: Table) -> str:
    """For a terminal."""
    head, rows = table
    wide = [row for row in [head, *rows] if row[-1]]  # a row that failed has one long cell and no last one
    widths = [max(len(row[place]) for row in wide) for place in range(len(head))]
    lines = []
    for row in [head, ["-" * width for width in widths], *rows]:
        cells = [
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown(table: Table) -> str:
    """For the documentation; our rows stand out."""
    head, rows = table
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    for row in rows:
        cells = [
            f"**{cell}**" if cell and row[0].startswith("modelplug") and not place else cell
            for place, cell in enumerate(row)
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def milliseconds(seconds: float | None) -> str:
    """Three digits that count."""
    if seconds is None:
        return "-"
    number = seconds * 1e3
    return f"{number:.3f} ms" if number < 1 else f"{number:.2f} ms" if number < 10 else f"{number:,.0f} ms"


def kilobytes(size: float) -> str:
    """A tenth of a kilobyte."""
    return f"{size / 1e3:.1f} kB"


def megabytes(size: float) -> str:
    """Whole megabytes."""
    return f"{size / 1e6:.0f} MB"


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1f}" if ratio < 20 else f"{ratio:,.0f}"


def _ratio(cost: float, ours: float | None) -> str:
    return "-" if ours is None else _times(cost / ours) if cost / ours >= 0.95 else f"{cost / ours:.2f}"
