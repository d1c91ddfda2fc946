"""`magnify synth`: write training pairs and test videos to disk."""

from pathlib import Path
from typing import Annotated

import typer

from magnify.cli.console import notice_line, progress
from magnify.cli.options import MAX_SEED, finite

app = typer.Typer(
    help="Write synthetic training pairs and test videos with known motion.", no_args_is_help=True
)

Out = Annotated[Path, typer.Argument(help="The folder to write.", metavar="OUT")]
Images = Annotated[Path, typer.Option(help="A folder of photographs.")]
Objects = Annotated[Path, typer.Option(help="A folder of cut-outs, with transparency.")]
Seed = Annotated[
    int, typer.Option(min=0, max=MAX_SEED, help="The same seed gives the same pictures.")
]


@app.command()
def pairs(
    out: Out,
    images: Images,
    objects: Objects,
    count: Annotated[int, typer.Option(min=1, help="How many pairs.")] = 1000,
    size: Annotated[int, typer.Option(min=16, help="Height and width in pixels.")] = 384,
    motion: Annotated[
        float,
        typer.Option(min=0, callback=finite, help="Longest magnified motion in pixels."),
    ] = 30.0,
    degraded: Annotated[
        bool,
        typer.Option(
            "--degraded/--clean",
            help="With noise and compression; `magnify train` adds its own to clean ones.",
        ),
    ] = False,
    seed: Seed = 0,
) -> None:
    """Write pairs in the layout of LBVMM's data set: frameA, frameB, frameC, amplified."""
    from magnify.lab.synthesis import (
        BatchSettings,
        DegradationSettings,
        PairSettings,
        Photographs,
        SyntheticPairs,
        write_pairs,
    )

    degradation = DegradationSettings() if degraded else DegradationSettings(clean=1.0)
    source = SyntheticPairs(
        Photographs.load(images, objects), PairSettings(degradation=degradation), seed
    )
    batch_settings = BatchSettings(batch=5, crop=size, magnified_motion=motion)
    with progress(str(out), quiet=False, unit="pairs") as report:
        write_pairs(out, source, count, batch_settings, lambda done: report("writing", done, count))
    notice_line(f"{out}: {count} pairs of {size}x{size}")


@app.command()
def videos(
    out: Out,
    images: Images,
    objects: Objects,
    count: Annotated[int, typer.Option(min=1, help="How many scenes.")] = 10,
    size: Annotated[int, typer.Option(min=64, help="Height and width in pixels.")] = 640,
    frames: Annotated[int, typer.Option(min=3, help="Length; 60 are one swing.")] = 60,
    reach: Annotated[
        float, typer.Option(min=0, callback=finite, help="Magnified motion in pixels.")
    ] = 10.0,
    seed: Seed = 0,
) -> None:
    """Write test videos, each with its ground truth magnified, lossless, for `magnify evaluate`.

    One object swings before a still photograph: to --reach pixels when magnified 5 to 100 times,
    clean, noisy and compressed; by FD4MM's 2 pixels times alpha, as far as it stays in the frame
    (up to 50 at size 640, to 100 from 1000 on), and with FD4MM's noise at alpha 10; and LBVMM's
    Fig. 8: ever smaller motion, ever more noise (Gaussian, where LBVMM's grows with brightness).
    """
    from magnify.lab.synthesis import Photographs
    from magnify.lab.synthesis.videos import protocol, render_videos

    photographs = Photographs.load(images, objects)
    series = protocol(reach=reach, size=size)
    render_videos(out, photographs, series, count, size, frames, seed, notice_line)
    notice_line(f"{out}: {count} scenes, {len(series)} videos of each")
