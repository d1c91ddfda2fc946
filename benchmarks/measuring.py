"""How accurate motion is measured, on textures whose motion is known.

python benchmarks/measuring.py
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from command_line import run
from numpy.typing import NDArray

from magnify.cli.console import json_line, output_line
from magnify.cli.lab.tables import markdown_table
from magnify.cli.options import Json
from magnify.motion.blocks import BlockMotion
from magnify.motion.grid import BlockGrid
from magnify.motion.luma import luma
from magnify.motion.registration import displacement

Values = NDArray[np.float64]

SIZE, BLOCK, REGION = 96, 32, 24
FRAMES, PERIOD = 16, 16.3
AMPLITUDES = (0.1, 0.3, 1.0, 3.0)
NOISES = (0.0, 1.0, 3.0)
"""Grey levels, of 255."""


def filmed(
    dx: float, dy: float, noise: float, random: np.random.Generator, coarseness: float = 1.0
) -> NDArray[np.uint8]:
    """A texture of waves of 5 to 31 pixels, moved exactly, as a camera of 8 bits sees it.

    `coarseness` is how many times as long they are.
    """
    spectrum, down, right = _waves(coarseness)
    levels = 127 + 45 * np.fft.irfft2(
        spectrum * np.exp(-1j * (right * dx + down * dy)), (SIZE,) * 2
    )
    levels += random.normal(0, noise, levels.shape)
    return np.repeat(levels.round().clip(0, 255).astype(np.uint8)[..., None], 3, -1)


@lru_cache
def _waves(coarseness: float) -> tuple[NDArray[np.complex128], Values, Values]:
    down, right = np.meshgrid(
        2 * np.pi * np.fft.fftfreq(SIZE), 2 * np.pi * np.fft.rfftfreq(SIZE), indexing="ij"
    )
    spectrum = np.fft.rfft2(np.random.default_rng(0).normal(size=(SIZE, SIZE)))
    frequency = np.hypot(down, right)
    spectrum[(frequency > 1.2 / coarseness) | (frequency < 0.2 / coarseness)] = 0
    return spectrum / np.fft.irfft2(spectrum, (SIZE, SIZE)).std(), down, right


def accuracies() -> Iterator[dict[str, float]]:
    """For each noise and amplitude: the blocks' gain and scatter, and a region's error, in px."""
    region = np.zeros((SIZE, SIZE), bool)
    region[36 : 36 + REGION, 36 : 36 + REGION] = True
    angle = 2 * np.pi * np.arange(FRAMES) / PERIOD
    for noise in NOISES:
        for amplitude in AMPLITUDES:
            random = np.random.default_rng(5)
            true = amplitude * np.stack([np.sin(angle), np.cos(angle) / 2], 1)
            first = filmed(0, 0, noise, random)
            motion = BlockMotion(luma(first), BlockGrid(SIZE, SIZE, BLOCK))
            usable = motion.texture.usable.all(-1).ravel()
            pictures = [filmed(*moved, noise, random) for moved in true]
            blocks = np.array([motion.feed(luma(p)).reshape(-1, 2)[usable] for p in pictures])
            places = np.array([displacement(first, p, region, reach=8) for p in pictures])
            slope = (blocks[..., 0] * true[:, :1]).sum(0) / (true[:, 0] ** 2).sum()
            yield {
                "noise": noise,
                "amplitude": amplitude,
                "gain": float(np.median(slope)),
                "scatter": float(np.median((blocks - true[:, None]).std(axis=0))),
                "region": float((places - true).std()),
            }


def table(rows: list[dict[str, Any]]) -> str:
    """The worst of all amplitudes, for each noise."""

    def worst(noise: float) -> tuple[float, float, float]:
        some = [row for row in rows if row["noise"] == noise]
        gain = max(abs(row["gain"] - 1) for row in some)
        return gain, max(row["scatter"] for row in some), max(row["region"] for row in some)

    found = [worst(noise) for noise in NOISES]
    heads = ["worst of amplitudes from 0.1 to 3 px", "no noise", "noise of 1 level", "of 3 levels"]
    return markdown_table(
        heads,
        [
            ["blocks: gain off by", *(f"{gain:.1%}" for gain, _, _ in found)],
            ["blocks: scatter of a frame", *(f"{scatter:.2g} px" for _, scatter, _ in found)],
            ["region: scatter of a frame", *(f"{region:.2g} px" for _, _, region in found)],
        ],
    )


def main(as_json: Json = False) -> None:
    """Measure known motion with blocks and with a region, in three noises."""
    rows = list(accuracies())
    if as_json:
        json_line({"accuracies": rows})
    else:
        for line in table(rows).splitlines():
            output_line(line)


if __name__ == "__main__":
    run(main)
