"""Makes sway.mp4: two towers whose tops sway by a fraction of a pixel, too little to see.

The left one sways 0.25 px at 1 Hz, the right one 0.25 px at 4 Hz; their feet stand still. Every
edge is drawn by the exact area it covers of each pixel, so the motion is known to be right.

    python examples/make_sway.py examples/sway.mp4
"""

import sys

import imageio.v2 as imageio
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 240, 320
FPS, FRAMES = 30, 90
AMPLITUDE = 0.25  # pixels, at a tower's top
TOWERS = ((60, 150, 1.0, (196, 120, 84)), (190, 280, 4.0, (96, 128, 176)))
"""Left and right edge in pixels, frequency in Hz, colour of each tower."""
TOP = 40


def main() -> None:
    writer = imageio.get_writer(
        sys.argv[1], fps=FPS, codec="libx264", macro_block_size=1, output_params=["-crf", "14"]
    )
    with writer:
        for number in range(FRAMES):
            writer.append_data(render(number / FPS))


def render(seconds: float) -> NDArray[np.uint8]:
    """The scene at that time: (240, 320, 3), RGB."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    sky = np.stack([150 + 0.3 * rows, 180 + 0.2 * rows, 215 + 0 * rows], axis=-1)
    hills = 150 + 25 * np.sin(columns / 31) + 12 * np.sin(columns / 11 + 1)
    picture = blend(sky, covered(rows, hills, HEIGHT), (92, 116, 84))
    height = np.clip((HEIGHT - rows) / (HEIGHT - TOP), 0, 1)
    for left, right, frequency, colour in TOWERS:
        shift = AMPLITUDE * height**2 * np.sin(2 * np.pi * frequency * seconds)
        x = columns - shift
        body = covered(x, left, right) * covered(rows, TOP, HEIGHT)
        picture = blend(picture, body, colour)
        for column in np.arange(left + 8, right - 8, 14):
            for row in np.arange(TOP + 10, HEIGHT - 12, 18):
                window = covered(x, column, column + 7) * covered(rows, row, row + 10)
                picture = blend(picture, window, (44, 52, 64))
    return np.rint(picture).astype(np.uint8)


def covered(
    position: NDArray[np.float64], start: float | NDArray[np.float64], end: float
) -> NDArray[np.float64]:
    """How much of the pixel from `position` to `position + 1` lies between `start` and `end`."""
    return np.clip(np.minimum(end, position + 1) - np.maximum(start, position), 0, 1)


def blend(
    below: NDArray[np.float64], share: NDArray[np.float64], colour: tuple[int, int, int]
) -> NDArray[np.float64]:
    return below + share[..., None] * (np.array(colour) - below)


if __name__ == "__main__":
    main()
