"""Writes the tables of pages in docs/ from the stored results.

    python benchmarks/tables.py

A table stands between `<!-- table NAME -->` and `<!-- end -->`. The results are what `magnify bench
--json` and the scripts beside this one print with `--json`. Where a run's own output was not kept,
its `machine` says so.
"""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bands import table as bands_table
from measuring import table as measuring_table
from memory import table as memory_table
from methods import reach_table, speed_table
from methods import table as methods_table

from magnify.cli.lab.sweeps import table_of as sweep_table
from magnify.cli.lab.tables import markdown_table
from magnify.lab.evaluation.sweeps import SWEEPS, Row

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "docs" / name
    for name in ("performance.md", "measuring.md", "methods.md", "evaluation.md")
]
RESULTS = ROOT / "benchmarks" / "results"
NAMES = {"lbvmm": "LBVMM", "fd4mm": "FD4MM", "quick": "Quick"}
PRECISIONS = {"fp32": "float32", "bf16": "bfloat16"}
BLOCK = re.compile(r"<!-- table (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def result(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text())


def complexity() -> str:
    found = result("complexity")
    rows = [
        [
            NAMES[name],
            f"{found[name]['parameters']:,}",
            f"{found[name]['published_operations'] / 1e9:.1f}",
            f"{found[name]['operations'] / 1e9:.1f}",
        ]
        for name in NAMES
    ]
    heads = [f"at {found['size']}", "parameters", "published, 10⁹ operations", "ours, static mode"]
    return markdown_table(heads, rows)


def networks() -> str:
    rows = [
        [
            f"{row['width']}x{row['height']}",
            NAMES[row["model"]],
            PRECISIONS[row["precision"]],
            duration(row["published_milliseconds"]),
            duration(row["milliseconds"]),
            f"{row['times_faster']:.1f}x",
            f"{row['share_of_ceiling']:.0%}",
        ]
        for row in result("speed_cpu")["networks"]
    ]
    heads = ["size", "network", "format", "published", "ours", "faster", "of the ceiling"]
    return markdown_table(heads, rows)


def duration(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1e3:.3g} s"


def commands() -> str:
    rows = [
        [row["size"], NAMES[row["model"]], row["mode"], f"{row['frames_per_second']:.2g}"]
        for row in result("speed_cpu")["commands"]
    ]
    return markdown_table(["size", "network", "mode", "frames/s"], rows)


def precision() -> str:
    found = result("precision")["costs"]
    alphas = sorted({cost["alpha"] for cost in found})
    rows: dict[str, list[str]] = {}
    for cost in found:
        low, high = cost["worst"]
        rows.setdefault(cost["weights"], []).append(f"{low:.1f} to {high:.1f} dB")
    heads = ["weights", *(f"alpha {alpha}" for alpha in alphas)]
    return markdown_table(heads, [[name, *cells] for name, cells in rows.items()])


def frame_memory() -> str:
    peaks = result("frame_memory")["peaks"]
    names = [name for name in NAMES if name in peaks[0]]
    rows = [[row["size"], *(f"{row[name]} MiB" for name in names)] for row in peaks]
    return markdown_table(["size", *(NAMES[name] for name in names)], rows)


def memory() -> str:
    return memory_table(result("memory"))


def gpu() -> str:
    rows = [
        [row["what"], f"{row['value']} {row['unit']}"] for row in result("gpu_h100")["measured"]
    ]
    return markdown_table(["H100", "measured"], rows)


def accuracy() -> str:
    return measuring_table(result("measuring")["accuracies"])


def methods() -> str:
    return methods_table(result("methods")["scores"])


def bands() -> str:
    return bands_table(result("bands")["rows"])


def method_reaches() -> str:
    return reach_table(result("methods")["reaches"])


def method_speeds() -> str:
    return speed_table(result("methods")["speeds"])


def sweep(name: str) -> str:
    rows = [Row.of(dict(row)) for row in result("sweeps")["rows"] if row["sweep"] == name]
    return sweep_table(rows)


TABLES: dict[str, Callable[[], str]] = {
    table.__name__: table
    for table in (
        complexity,
        networks,
        commands,
        precision,
        frame_memory,
        memory,
        gpu,
        accuracy,
        methods,
        bands,
        method_reaches,
        method_speeds,
    )
} | {name.replace("-", "_"): partial(sweep, name) for name in SWEEPS}


def filled(page: str) -> str:
    """Gives the page with every table written anew."""
    return BLOCK.sub(
        lambda block: f"<!-- table {block[1]} -->\n{TABLES[block[1]]()}\n<!-- end -->", page
    )


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page.read_text()))
