"""What each model shows of a known sway in a band: gain, and likeness to the true picture.

python benchmarks/methods.py
"""

import time
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import torch
from command_line import run
from measuring import SIZE, filmed
from numpy.typing import NDArray

from magnify.cli.console import json_line, output_line
from magnify.cli.lab.tables import markdown_table
from magnify.cli.options import Json
from magnify.engine.runtime import tune_process
from magnify.errors import SettingsError
from magnify.lab.evaluation import levels, ssim
from magnify.motion.registration import displacement
from magnify.pipeline.keywords import magnify_frames
from magnify.pipeline.modes import Bandpass
from magnify.pipeline.prepare import Compute, Engine, prepare

RATE, FRAMES = 24, 40
FREQUENCY, LOW, HIGH = 3.0, 1.5, 4.5
SETTLED = slice(12, 28)
"""Two periods, away from the clip's ends."""

SWAYS = (0.02, 0.1, 0.5)
"""Pixels, zero to peak."""

ALPHAS = (5.0, 20.0, 100.0)
NOISES = (0.0, 1.0, 3.0)
LARGEST = 20.0
"""Pixels of magnified sway; beyond, no model is of use."""

REACHED = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 20.0)
"""Pixels of magnified sway at which it is asked whether a model still shows it."""

REACHED_FROM = 0.1
"""Pixels of the sway that is magnified so far."""

COARSE = 2.0
"""How many times as long a coarse texture's waves are."""

IN_FULL = 0.05
"""How far off a gain may be that counts as right."""

SPEED_SIZE, ROUNDS = (360, 640), 5

EDGE = 28
"""Pixels around what is compared: more than what moves in from outside."""

MODELS: dict[str, Compute] = {
    "lbvmm": Compute(model="lbvmm", device="cpu", precision="fp32"),
    "fd4mm": Compute(model="fd4mm", device="cpu", precision="fp32"),
    "quick": Compute(model="quick", device="cpu", precision="fp32"),
    "steerable, half-octave": Compute(model="steerable", pyramid="half-octave", device="cpu"),
    "steerable, octave": Compute(model="steerable", pyramid="octave", device="cpu"),
    "riesz": Compute(model="riesz", device="cpu"),
    "linear": Compute(model="linear", device="cpu"),
    "linear, cutoff 4": Compute(model="linear", cutoff=4.0, device="cpu"),
}


def conditions() -> Iterator[tuple[float, float, float]]:
    """Sway, factor and noise."""
    for sway, alpha, noise in product(SWAYS, ALPHAS, NOISES):
        if sway * alpha <= LARGEST:
            yield sway, alpha, noise


def score(
    engine: Engine, sway: float, alpha: float, noise: float, coarseness: float = 1.0
) -> dict[str, float]:
    """Gain of the band's motion, SSIM, and seconds a frame, of one condition."""
    phase = 2 * np.pi * FREQUENCY * np.arange(FRAMES) / RATE
    random = np.random.default_rng(7)
    clip = np.stack([filmed(sway * np.sin(p), 0, noise, random, coarseness) for p in phase])
    began = time.perf_counter()
    made = magnify_frames(clip, alpha=alpha, mode=Bandpass(LOW, HIGH), weights=engine, fps=RATE)
    seconds = (time.perf_counter() - began) / FRAMES
    settled = phase[SETTLED]
    true = np.stack([filmed(alpha * sway * np.sin(p), 0, 0, random, coarseness) for p in settled])
    inner = (slice(None), slice(EDGE, -EDGE), slice(EDGE, -EDGE))
    likeness = float(ssim(levels(made[SETTLED])[inner], levels(true)[inner]).mean())
    return {
        "gain": _gain(made[SETTLED], settled, coarseness) / (alpha * sway),
        "ssim": likeness,
        "seconds": seconds,
    }


def _gain(pictures: NDArray[Any], phase: NDArray[np.float64], coarseness: float) -> float:
    """How far the pictures sway, in px; 0 where they look too little like the scene."""
    inside = np.zeros((SIZE, SIZE), bool)
    inside[EDGE:-EDGE, EDGE:-EDGE] = True
    still = filmed(0, 0, 0, np.random.default_rng(7), coarseness)
    try:
        moved = [displacement(still, picture, inside, reach=26).dx for picture in pictures]
    except SettingsError:  # nothing alike is there any more
        return 0.0
    return float(2 * np.mean(np.array(moved) * np.sin(phase)))


def results() -> Iterator[dict[str, Any]]:
    """A row for each model and condition."""
    tune_process()
    for name, compute in MODELS.items():
        engine = prepare(compute)
        for sway, alpha, noise in conditions():
            yield {
                "model": name,
                "sway": sway,
                "alpha": alpha,
                "noise": noise,
                **score(engine, sway, alpha, noise),
            }


def reaches() -> Iterator[dict[str, Any]]:
    """For each model and texture, fine or coarse: the gain at ever larger magnified sways."""
    tune_process()
    for name, compute in MODELS.items():
        engine = prepare(compute)
        for coarseness in (1.0, COARSE):
            for reach in REACHED:
                scores = score(engine, REACHED_FROM, reach / REACHED_FROM, 0.0, coarseness)
                yield {"model": name, "coarseness": coarseness, "magnified": reach, **scores}


def speeds() -> Iterator[dict[str, Any]]:
    """Milliseconds that each model takes for a frame; the fastest of some."""
    tune_process()
    height, width = SPEED_SIZE
    shape = (2, height, width, 3)
    random = np.random.default_rng(3)
    pictures = torch.from_numpy(random.integers(0, 256, shape, dtype=np.uint8))
    for name, compute in MODELS.items():
        network = prepare(compute).network
        taken = []
        with torch.inference_mode():
            reference = network.encode_shape(pictures[:1])
            for _ in range(ROUNDS):
                began = time.perf_counter()
                texture, found = network.encode(pictures[1:])
                motion = network.model.difference(found, reference)
                network.decode(texture, found, motion, 10.0, like=pictures[1:])
                taken.append(1e3 * (time.perf_counter() - began))
        yield {"model": name, "milliseconds": round(min(taken), 1)}


def speed_table(rows: list[dict[str, Any]]) -> str:
    """Milliseconds a frame, and how many times as fast as the default model that is."""
    slowest = next(row["milliseconds"] for row in rows if row["model"] == "lbvmm")
    return markdown_table(
        ["model", f"ms a frame of {SPEED_SIZE[1]}x{SPEED_SIZE[0]}", "times as fast as lbvmm"],
        [
            [row["model"], f"{row['milliseconds']:.3g}", f"{slowest / row['milliseconds']:.3g}"]
            for row in rows
        ],
    )


def reach_table(rows: list[dict[str, Any]]) -> str:
    """The largest magnified sway at which each model's gain is right."""

    def farthest(model: str, coarseness: float) -> str:
        right = [
            row["magnified"]
            for row in rows
            if (row["model"], row["coarseness"]) == (model, coarseness)
            and abs(row["gain"] - 1) <= IN_FULL
        ]
        return f"{max(right):g} px" if right else "-"

    heads = ["model", "waves of 5 to 31 px", "waves of 10 to 62 px"]
    lines = [[name, farthest(name, 1.0), farthest(name, COARSE)] for name in MODELS]
    return markdown_table(heads, lines)


def table(rows: list[dict[str, Any]]) -> str:
    """A row for each model: gain and SSIM at each sway and factor, without and with noise."""
    shown = [(sway, alpha) for sway, alpha, noise in conditions() if noise == NOISES[0]]
    shown.sort(key=lambda one: one[0] * one[1])

    def cell(model: str, sway: float, alpha: float, noise: float) -> str:
        (found,) = [
            row
            for row in rows
            if (row["model"], row["sway"], row["alpha"], row["noise"])
            == (model, sway, alpha, noise)
        ]
        return f"{found['gain']:.2f} / {found['ssim']:.2f}"

    heads = ["gain / SSIM", *(f"{sway:g} px x{alpha:g}" for sway, alpha in shown)]
    lines = []
    for noise in NOISES:
        suffix = f", noise {noise:g}" if noise else ""
        lines += [
            [model + suffix, *(cell(model, *one, noise) for one in shown)] for model in MODELS
        ]
    return markdown_table(heads, lines)


def main(as_json: Json = False) -> None:
    """Magnify a known sway by every model, and compare with the truth."""
    fast, rows, far = list(speeds()), list(results()), list(reaches())
    if as_json:
        json_line({"speeds": fast, "scores": rows, "reaches": far})
    else:
        for made in (speed_table(fast), table(rows), reach_table(far)):
            for line in [*made.splitlines(), ""]:
                output_line(line)


if __name__ == "__main__":
    run(main)
