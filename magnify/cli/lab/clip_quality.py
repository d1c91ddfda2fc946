"""`magnify evaluate clips`: quality of magnified real clips, whose truth nobody knows."""

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from magnify.cli.console import output_line, progress
from magnify.cli.lab.options import MODEL, PrecisionName, option
from magnify.cli.lab.sweeps import check_different
from magnify.cli.lab.tables import markdown_table
from magnify.cli.options import REPORTING
from magnify.pipeline.job import INPUT

if TYPE_CHECKING:
    from magnify.video import Picture

MEASURES = "What is measured"
WIDEST = 320
"""Pixels of a picture on the sheet."""


def clips(
    settings: Annotated[
        Path,
        typer.Argument(
            help="A table, .csv: clip, mode, alpha; for a band low, high, sampling_rate, filter."
        ),
    ],
    output_dir: Annotated[Path, option(INPUT, "Folder for the results.", "--output", "-o")],
    folder: Annotated[
        Path | None,
        option(INPUT, "Where the clips are; default: beside the table.", "--clips"),
    ] = None,
    frames: Annotated[
        int, option(MEASURES, "Frames of each clip, from its beginning.", min=4)
    ] = 60,
    metric: Annotated[
        str | None,
        option(MEASURES, "A measure of pyiqa too, such as maniqa, if it is installed."),
    ] = None,
    models: Annotated[
        list[str] | None, option(MODEL, "A model; may be repeated. Default: all.", "--model")
    ] = None,
    weights: Annotated[
        list[Path] | None, option(MODEL, "A checkpoint file; may be repeated.")
    ] = None,
    device: Annotated[str, option(MODEL, "auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Annotated[
        PrecisionName, option(MODEL, "Number format of the networks.")
    ] = PrecisionName.auto,
    overwrite: Annotated[
        bool, option(INPUT, "Replace results that exist.", "--overwrite", "-y")
    ] = False,
    quiet: Annotated[bool, option(REPORTING, "No progress.", "--quiet", "-q")] = False,
) -> None:
    """Measure magnified real clips without a truth: calm, flicker, sharpness.

    The folder gets a table, and a sheet of each clip's middle frame by every method.
    """
    from magnify.analysis.png import write_png
    from magnify.analysis.results import check_target, new_folder
    from magnify.analysis.tables import write_json
    from magnify.lab.evaluation.clips import quality_metric, read_settings, score_clips
    from magnify.pipeline.prepare import load_engine

    check_target(output_dir, overwrite, folder=True)
    wanted = read_settings(settings)
    measure = None if metric is None else quality_metric(metric)
    names: list[str | Path] = [*(models or ()), *(weights or ())] or [*_all_models()]
    check_different([name.stem if isinstance(name, Path) else name for name in names])
    engines = {
        name.stem if isinstance(name, Path) else name: load_engine(name, device, precision.value)
        for name in names
    }
    with progress(settings.name, quiet=quiet, unit="clips") as report:
        rows, shown = score_clips(
            wanted,
            folder or settings.absolute().parent,
            engines,
            frames,
            measure,
            lambda done, total: report("measuring", done, total),
        )
    with new_folder(output_dir, overwrite) as part:
        (part / "table.csv").write_text(_csv(rows), encoding="utf-8")
        write_json(part / "summary.json", {"frames": frames, "metric": metric, "rows": rows})
        for number, pictures in enumerate(shown.values(), 1):
            write_png(_sheet(pictures, ["input", *engines]), part / f"clip_{number}.png")
    if not quiet:
        for line in _table(rows).splitlines():
            output_line(line)
    output_line(f"results: {output_dir}")


def _all_models() -> list[str]:
    from magnify.checkpoints import MODELS, model_class

    return [name for name in MODELS if model_class(name).grows == "motion"]


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, rows[0], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def _table(rows: list[dict[str, Any]]) -> str:
    return markdown_table(
        ["clip", "method", "still, levels (input)", "flicker, levels", "sharpness", "metric"],
        [
            [
                f"{row['clip']}, {row['mode']} x{row['alpha']:g}",
                row["method"],
                f"{row['still']:.2f} ({row['input_still']:.2f})",
                f"{row['flicker']:.3f}",
                f"{row['sharpness']:.2f}",
                "" if row["metric"] is None else f"{row['metric']:.3f}",
            ]
            for row in rows
        ],
    )


def _sheet(pictures: "list[Picture]", names: list[str]) -> "Picture":
    import numpy as np

    from magnify.analysis.panels import as_depth, beside, labelled
    from magnify.video.scaling import fitted_size, scaled

    small = []
    for picture, name in zip(pictures, names, strict=True):
        height, width = fitted_size(picture.shape[0], picture.shape[1], WIDEST)
        shallow = as_depth(picture, np.dtype(np.uint8))
        small.append(labelled(scaled(shallow, height, width), name))
    return beside(small)
