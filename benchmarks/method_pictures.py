"""Draws docs/images/methods.png: the same frame of examples/sway.mp4 by every model.

python benchmarks/method_pictures.py
"""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from command_line import run

from magnify.analysis.panels import above, beside, labelled
from magnify.analysis.png import write_png
from magnify.pipeline.keywords import magnify_frames
from magnify.pipeline.prepare import load_engine
from magnify.video import VideoReader

ROOT = Path(__file__).parents[1]
CLIP = ROOT / "examples" / "sway.mp4"
PICTURE = ROOT / "docs" / "images" / "methods.png"
MODELS = ("lbvmm", "fd4mm", "quick", "steerable", "riesz", "linear")
ALPHA = 20.0
FRAMES, SHOWN = 9, 8
ROWS, COLUMNS = slice(20, 130), slice(190, 290)
"""The top of the tower that sways faster."""

ENLARGED = 2


def panel(pictures: Any, name: str) -> Any:
    part = pictures[SHOWN][ROWS, COLUMNS].repeat(ENLARGED, 0).repeat(ENLARGED, 1)
    return labelled(part, name)


def main() -> None:
    """Magnify the example by every model, and put one frame of each together."""
    with VideoReader(CLIP) as reader:
        clip = np.stack([frame.picture for frame in islice(reader, FRAMES)])
    panels = [panel(clip, "the clip")]
    for name in MODELS:
        engine = load_engine(name, "cpu", "fp32")
        made = magnify_frames(clip, alpha=ALPHA, weights=engine, fps=30)
        panels.append(panel(made, f"--model {name}"))
    write_png(above([beside(panels[:4]), beside(panels[4:])]), PICTURE)


if __name__ == "__main__":
    run(main)
