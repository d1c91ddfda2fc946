"""Draws one picture of two clips: a frame of each, and an x-t slice of each below it.

    magnify run examples/sway.mp4 --alpha 20
    python examples/make_picture.py examples/sway.mp4 examples/sway_x20_static.mp4 sway.png

An x-t slice is one row of pixels over time: what stands still draws a straight line, what sways a
wave.
"""

import sys

import imageio.v2 as imageio
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from PIL import Image

FPS = 30
FRAME = 24  # both towers are near their turning points, one to the left, one to the right
ROW = 55  # across the windows of the top floor


def main() -> None:
    before, after, output = sys.argv[1:]
    figure, axes = plt.subplots(
        2, 2, figsize=(8, 4.6), dpi=110, height_ratios=(2.2, 1), sharex=True, layout="constrained"
    )
    clips = {"before": read(before), "after: 20 times the motion": read(after)}
    for column, (title, frames) in enumerate(clips.items()):
        picture, slice_ = axes[:, column]
        picture.imshow(frames[FRAME], aspect="auto")
        picture.axhline(ROW, color="white", linewidth=1, linestyle="--")
        picture.set_title(title, loc="left")
        picture.axis("off")
        slice_.imshow(
            frames[:, ROW], aspect="auto", extent=(0, frames.shape[2], len(frames) / FPS, 0)
        )
        slice_.set_xticks([])
        slice_.set_ylabel("seconds" if column == 0 else "")
        slice_.set_yticks([0, 1, 2, 3], labels=None if column == 0 else [""] * 4)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    Image.fromarray(pixels).quantize(128).save(output)  # a third of the bytes of all colours


def read(path: str) -> NDArray[np.uint8]:
    """All frames: (frames, height, width, 3), RGB."""
    with imageio.get_reader(path) as reader:
        return np.stack([*reader.iter_data()])


if __name__ == "__main__":
    main()
