"""Writes the table of scores into weights/README.md, from weights/scores.json.

python weights/score_table.py
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CARD = HERE / "README.md"
BEGIN, END = "<!-- scores.json -->", "<!-- end of scores.json -->"

Row = dict[str, Any]

SYNTHETIC: list[tuple[str, Row]] = [
    ("SSIM, 10 px", {"measure": "SSIM", "peak": 10, "input": "clean"}),
    ("SSIM, 10 px, noise", {"measure": "SSIM", "peak": 10, "input": "noise of 3 levels"}),
    ("SSIM, 10 px, H.264", {"measure": "SSIM", "peak": 10, "input": "H.264"}),
    ("SSIM, 10 px, other colours", {"measure": "SSIM", "peak": 10, "input": "changing colours"}),
    ("SSIM, 25 px", {"measure": "SSIM", "peak": 25, "input": "clean"}),
    ("SSIM, 25 px, noise", {"measure": "SSIM", "peak": 25, "input": "noise of 3 levels"}),
    ("SSIM, 25 px, H.264", {"measure": "SSIM", "peak": 25, "input": "H.264"}),
    ("SSIM, 25 px, other colours", {"measure": "SSIM", "peak": 25, "input": "changing colours"}),
    ("Gain, 10 px", {"measure": "Gain", "peak": 10}),
    ("Gain, 25 px", {"measure": "Gain", "peak": 25}),
    ("PSNR at alpha 1", {"measure": "PSNR", "alpha": 1}),
    ("Unrest, noise", {"measure": "chroma", "input": "noise of 3 levels"}),
    ("Unrest, H.264", {"measure": "chroma", "input": "H.264"}),
]
"""Rows of the table: their label, and what the stored rows in their cells have in common."""

REAL = [
    ("Unrest, baby: mattress / cot / board", {"measure": "chroma", "clip": "baby"}),
    ("Unrest, guitar: below / above the strings", {"measure": "chroma", "clip": "guitar"}),
    ("Unrest, shelf: lower / upper wall", {"measure": "chroma", "clip": "shelf"}),
]


def table(stored: dict[str, Any]) -> str:
    """The scores as Markdown: the best of the three networks is bold."""
    methods: dict[str, str] = stored["methods"]
    lines = [f"| | {' | '.join(methods.values())} |", "|---" * (len(methods) + 1) + "|"]
    for label, wanted in SYNTHETIC:
        chosen = _select(stored["rows"], {"alpha": 20, "size": 256} | wanted)
        lines.append(_line(label, [row["scores"] for row in chosen], list(methods)))
    for label, wanted in REAL:
        chosen = _select(stored["rows"], wanted)
        scores = [row["without_sway"] | {"nothing": row["scores"]["nothing"]} for row in chosen]
        lines.append(_line(label, scores, list(methods)))
    return "\n".join(lines)


def _select(rows: list[Row], wanted: Row) -> list[Row]:
    chosen = [row for row in rows if wanted.items() <= row.items()]
    if not chosen:
        raise SystemExit(f"scores.json has no row with {wanted}")
    return chosen


def _line(label: str, scores: list[dict[str, float]], methods: list[str]) -> str:
    """One row, its cells as "a / b" where it stands for several scores."""
    best = [_best(label, score) for score in scores]
    cells = []
    for method in methods:
        values = []
        for score, top in zip(scores, best, strict=True):
            if method in score:
                text = _number(label, score[method])
                bold = method != "nothing" and score[method] == top
                values.append(f"**{text}**" if bold else text)
        cells.append(" / ".join(values))
    return f"| {label} | {' | '.join(cells)} |"


def _best(label: str, score: dict[str, float]) -> float:
    networks = [value for method, value in score.items() if method != "nothing"]
    if label.startswith("Gain"):
        return min(networks, key=lambda value: abs(value - 1))
    return min(networks) if label.startswith("Unrest") else max(networks)


def _number(label: str, value: float) -> str:
    if label.startswith("PSNR"):
        return f"{value:.1f}"
    return f"{value:.2f}" if label.startswith("Unrest") else f"{value:.3f}"


def with_table(card: str) -> str:
    """The card with its table written anew."""
    before, rest = card.split(BEGIN)
    _, after = rest.split(END)
    stored = json.loads((HERE / "scores.json").read_text(encoding="utf-8"))
    return f"{before}{BEGIN}\n\n{table(stored)}\n\n{END}{after}"


if __name__ == "__main__":
    CARD.write_text(with_table(CARD.read_text(encoding="utf-8")), encoding="utf-8")
