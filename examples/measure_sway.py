"""Shows that a band-pass magnifies what sways inside the band, and nothing else.

Makes a clip of two blocks that sway by 0.2 px, one at 2 Hz and one at 6 Hz, and measures how far
each sways in any video of the clip, at either frequency:

    python examples/measure_sway.py make sway_2_6.mkv
    magnify bandpass sway_2_6.mkv --low 1 --high 3 --alpha 10 --lossless -o slow.mkv
    python examples/measure_sway.py measure sway_2_6.mkv slow.mkv
"""

import sys

import imageio.v2 as imageio
import numpy as np
from numpy.typing import NDArray

from magnify.motion.registration import displacement

HEIGHT, WIDTH = 128, 224
FPS, FRAMES = 30, 120
AMPLITUDE = 0.2  # pixels, sideways
BLOCKS = {2.0: (32, 32, 64, 64), 6.0: (128, 32, 64, 64)}
"""Left, top, width and height of each block, by its frequency in Hz."""
MARGIN = 6
"""Pixels inside a block's edge that are left out of the measurement."""
SETTLED = slice(30, 90)
"""Frames that count: whole periods of both, away from the start and end of the filters."""


def main() -> None:
    match sys.argv[1:]:
        case ["make", clip]:
            make(clip)
        case ["measure", clip, *videos] if videos:
            measure(clip, videos)
        case _:
            sys.exit(__doc__)


def make(path: str) -> None:
    """Writes the clip without loss, as 0.2 px is less than what many codecs keep."""
    with imageio.get_writer(
        path, fps=FPS, codec="ffv1", pixelformat="bgr0", macro_block_size=1
    ) as writer:
        for number in range(FRAMES):
            writer.append_data(render(number / FPS))


def render(seconds: float) -> NDArray[np.uint8]:
    """The scene at that time, (128, 224, 3): patterns of waves, evaluated where they have moved."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    picture = pattern(columns, rows, seed=0)
    for seed, (frequency, (left, top, width, height)) in enumerate(BLOCKS.items(), start=1):
        x = columns - AMPLITUDE * np.sin(2 * np.pi * frequency * seconds)
        share = covered(x, left, left + width) * covered(rows, top, top + height)
        picture += share[..., None] * (pattern(x, rows, seed) - picture)
    return np.rint(picture).clip(0, 255).astype(np.uint8)


def pattern(x: NDArray[np.float64], y: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Random waves of 6 to 60 pixels, in colours of their own: (..., 3) around mid-grey."""
    random = np.random.default_rng(seed)
    levels = np.full((*x.shape, 3), 127.5) + random.uniform(-25, 25, 3)
    for length in np.geomspace(6, 60, 16):
        angle, phase = random.uniform(0, 2 * np.pi, 2)
        wave = np.sin(2 * np.pi / length * (x * np.cos(angle) + y * np.sin(angle)) + phase)
        levels += random.uniform(8, 14, 3) * wave[..., None]
    return levels


def covered(position: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
    """How much of the pixel centred on `position` lies between `start` and `end`."""
    return np.clip(np.minimum(end, position + 0.5) - np.maximum(start, position - 0.5), 0, 1)


def measure(clip: str, videos: list[str]) -> None:
    """Prints each block's sway in pixels at both frequencies, in the clip and in each video."""
    reference = next(iter(read(clip)))
    print(f"{'video':24} {'block':>7} {'at 2 Hz':>9} {'at 6 Hz':>9}  own frequency, clip = 1")
    own_in_clip: dict[float, float] = {}
    for video in [clip, *videos]:
        frames = read(video)[SETTLED]
        for frequency, (left, top, width, height) in BLOCKS.items():
            mask = np.zeros((HEIGHT, WIDTH), bool)
            rows = slice(top + MARGIN, top + height - MARGIN)
            mask[rows, left + MARGIN : left + width - MARGIN] = True
            sideways = np.array([displacement(reference, frame, mask).dx for frame in frames])
            sways = {wanted: amplitude(sideways, wanted) for wanted in BLOCKS}
            ratio = sways[frequency] / own_in_clip.setdefault(frequency, sways[frequency])
            columns = " ".join(f"{sway:9.3f}" for sway in sways.values())
            print(f"{video[-24:]:24} {frequency:4g} Hz {columns}  {ratio:8.2f}")


def read(path: str) -> list[NDArray[np.uint8]]:
    with imageio.get_reader(path) as reader:
        return [np.asarray(frame) for frame in reader]


def amplitude(series: NDArray[np.float64], frequency: float) -> float:
    """Of the sine of that frequency in Hz that fits best, least squares."""
    angle = 2 * np.pi * frequency * np.arange(len(series)) / FPS
    design = np.stack([np.sin(angle), np.cos(angle), np.ones_like(angle)], axis=1)
    sine, cosine, _ = np.linalg.lstsq(design, series, rcond=None)[0]
    return float(np.hypot(sine, cosine))


if __name__ == "__main__":
    main()
