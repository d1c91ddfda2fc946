"""Gain in a band, and outside it, of what sways at two frequencies: backgrounds, objects, lines.

python benchmarks/bands.py --data FOLDER, which has images/ and objects/
"""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import torch
import typer
from command_line import run
from numpy.typing import NDArray

from magnify.cli.console import json_line, output_line
from magnify.cli.lab.tables import markdown_table
from magnify.cli.options import Json
from magnify.engine.runtime import tune_process
from magnify.lab.synthesis import Mover, ObjectScene, Photographs, SceneSettings
from magnify.pipeline.keywords import magnify_frames
from magnify.pipeline.modes import Bandpass
from magnify.pipeline.prepare import Compute, Engine, prepare

Levels: TypeAlias = NDArray[np.float64]
Scene: TypeAlias = Callable[[float], Levels]
"""What is seen where something has moved by so many pixels: (H, W, 3), levels of 255."""

SIZE, FRAMES, RATE = 160, 60, 30
SHOWN, LEFT = 3.0, 7.5
"""Hz: of the motion in the band, and of the other."""

LOW, HIGH = 2.0, 4.0
SETTLED = slice(15, 45)
"""Whole periods of both, away from the clip's ends."""

SWAYS = {0.02: 100.0, 0.05: 50.0, 0.1: 40.0, 0.2: 20.0}
"""Pixels in the band, zero to peak, and the factor."""

OTHER = 0.5
"""Pixels of the motion outside the band."""

NOISE = 1.0
SCENES = 2
STEP = 0.25
"""Pixels, to either side, that tell how a picture changes with its motion."""

MODELS: dict[str, Compute] = {
    "lbvmm": Compute(model="lbvmm", device="cpu", precision="fp32"),
    "fd4mm": Compute(model="fd4mm", device="cpu", precision="fp32"),
    "quick": Compute(model="quick", device="cpu", precision="fp32"),
    "steerable": Compute(model="steerable", device="cpu"),
    "riesz": Compute(model="riesz", device="cpu"),
}


def drawn(photographs: Photographs, mover: Mover, number: int) -> Scene:
    """An object before a photograph, of which one moves to the right."""
    settings = SceneSettings(size=SIZE, object_size=(0.5, 0.5))
    generator = torch.Generator().manual_seed(number)
    scene = ObjectScene.draw(photographs, settings, mover, (0.0, 1.0), generator)

    def seen(moved: float) -> Levels:
        (frame,) = scene.render(torch.tensor([moved], dtype=torch.float32))
        return np.asarray(255 * frame.permute(1, 2, 0).double().numpy())

    return seen


def line(photographs: Photographs, number: int) -> Scene:
    """A dark line of 1 to 3 pixels before a photograph, that moves across itself."""
    behind = drawn(photographs, Mover.NOTHING, number)(0.0)
    thickness, angle = 1.0 + 2.0 * (number % 3) / 2, 0.3 + 0.5 * number
    down, right = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    across = right * np.cos(angle) + down * np.sin(angle)

    def seen(moved: float) -> Levels:
        cover = np.clip(thickness / 2 + 0.5 - np.abs(across - moved), 0, 1)[..., None]
        return np.asarray(behind * (1 - cover) + 20.0 * cover)

    return seen


def scenes(photographs: Photographs) -> Iterator[tuple[str, Scene]]:
    """Every scene, and what moves in it."""
    for number in range(SCENES):
        yield "background", drawn(photographs, Mover.BACKGROUND, number)
        yield "object", drawn(photographs, Mover.OBJECT, number)
        yield "line", line(photographs, number)


def place(picture: Levels, scene: Scene, guess: float) -> float:
    """How far the scene has moved in a picture of it: least squares, from a guess."""
    moved = guess
    for _ in range(4):
        slope = (scene(moved + STEP) - scene(moved - STEP)) / (2 * STEP)
        moved += float(((picture - scene(moved)) * slope).sum() / (slope**2).sum())
    return moved


def gains(engine: Engine, scene: Scene, sway: float, alpha: float) -> dict[str, float]:
    """Of the motion in the band, over alpha; and of the other, over 1."""
    random = np.random.default_rng(11)
    angles = 2 * np.pi * np.arange(FRAMES) / RATE
    shown, left = np.sin(SHOWN * angles), np.sin(LEFT * angles)
    film = [scene(sway * a + OTHER * b) for a, b in zip(shown, left, strict=True)]
    noisy = np.stack(film) + random.normal(0, NOISE, (FRAMES, SIZE, SIZE, 3))
    clip = noisy.round().clip(0, 255).astype(np.uint8)
    made = magnify_frames(clip, alpha=alpha, mode=Bandpass(LOW, HIGH), weights=engine, fps=RATE)
    guesses = alpha * sway * shown + OTHER * left
    places = [
        place(picture.astype(float), scene, guess)
        for picture, guess in zip(made[SETTLED], guesses[SETTLED], strict=True)
    ]
    waves = np.stack([alpha * sway * shown, OTHER * left], axis=1)[SETTLED]
    (inside, outside), *_ = np.linalg.lstsq(waves, np.array(places), rcond=None)
    return {"inside": round(float(inside), 3), "outside": round(float(outside), 3)}


def results(photographs: Photographs) -> Iterator[dict[str, Any]]:
    """A row for each model, scene and sway."""
    tune_process()
    for (name, compute), (moves, scene) in product(MODELS.items(), list(scenes(photographs))):
        engine = prepare(compute)
        for sway, alpha in SWAYS.items():
            found = gains(engine, scene, sway, alpha)
            yield {"model": name, "moves": moves, "sway": sway, "alpha": alpha, **found}


def table(rows: list[dict[str, Any]]) -> str:
    """A line for each model and what moves: gain in the band / outside it, the scenes' mean."""

    def cell(model: str, moves: str, sway: float) -> str:
        of = [r for r in rows if (r["model"], r["moves"], r["sway"]) == (model, moves, sway)]
        inside, outside = (np.mean([row[name] for row in of]) for name in ("inside", "outside"))
        return f"{inside:.2f} / {outside:.2f}"

    heads = ["what moves", "model", *(f"{sway:g} px x{alpha:g}" for sway, alpha in SWAYS.items())]
    kinds = dict.fromkeys(row["moves"] for row in rows)
    lines = [
        [moves, model, *(cell(model, moves, sway) for sway in SWAYS)]
        for moves in kinds
        for model in MODELS
    ]
    return markdown_table(heads, lines)


def main(
    data: Annotated[Path, typer.Option(help="Folder with images/ and objects/.")],
    as_json: Json = False,
) -> None:
    """Magnify a band of what sways at two frequencies, and measure both."""
    photographs = Photographs.load(data / "images", data / "objects")
    rows = list(results(photographs))
    if as_json:
        json_line({"rows": rows})
    else:
        for made in table(rows).splitlines():
            output_line(made)


if __name__ == "__main__":
    run(main)
