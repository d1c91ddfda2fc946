"""`magnify inspect`: what a network has learnt to see, as sheets of pictures."""

from pathlib import Path
from typing import Annotated

from magnify.cli.console import output_line, progress
from magnify.cli.lab.options import MODEL, Model, option
from magnify.cli.options import REPORTING
from magnify.cli.seeing import ClipPath, Overwrite, Quiet, clip_name
from magnify.errors import SettingsError
from magnify.pipeline.job import INPUT


def inspect(
    clip: ClipPath,
    output_dir: Annotated[
        Path | None,
        option(INPUT, "Folder for the sheets; default: CLIP_MODEL_inside.", "--output", "-o"),
    ] = None,
    overwrite: Overwrite = False,
    model: Annotated[Model | None, option(MODEL, "Built-in network.")] = None,
    weights: Annotated[Path | None, option(MODEL, "Or a checkpoint file.")] = None,
    frame: Annotated[
        int, option(REPORTING, "The frame whose motion since the first is shown.", min=1)
    ] = 1,
    alphas: Annotated[
        list[float] | None,
        option(REPORTING, "Factor; may be repeated. Default: 1, 5, 20.", "--alpha", min=0),
    ] = None,
    device: Annotated[str, option(MODEL, "auto, cpu, cuda, cuda:N or mps.")] = "auto",
    quiet: Quiet = False,
) -> None:
    """Look inside a network: its encoders' kernels, its activations, and its bands' spectra.

    Kernels are what stands for each channel if it were linear. Activations are the channels of the
    shape that change most, at several factors.
    """
    from magnify.analysis.png import write_png
    from magnify.analysis.results import check_target, new_folder
    from magnify.analysis.tables import write_json
    from magnify.lab.inspection import inspect as inspect_network
    from magnify.pipeline.prepare import load_engine

    if model is not None and weights is not None:
        raise SettingsError("--model and --weights exclude each other; give one of them")
    engine = load_engine(weights or model or "lbvmm", device, "fp32")
    named = output_dir or clip.absolute().parent / f"{clip_name(clip)}_{engine.model}_inside"
    check_target(named, overwrite, folder=True)
    with progress(clip.name, quiet=quiet, unit="sheets") as reporter:
        sheets = inspect_network(
            engine, clip, frame=frame, alphas=alphas or (1.0, 5.0, 20.0), report=reporter
        )
    with new_folder(named, overwrite) as folder:
        for name, picture in sheets.pictures.items():
            write_png(picture, folder / f"{name}.png")
        write_json(
            folder / "summary.json",
            {"model": engine.model, "weights_sha256": engine.sha256, "linearity": sheets.linearity},
        )
    if not quiet:
        for name, shares in sheets.linearity.items():
            mean = sum(shares) / len(shares)
            output_line(f"{name}: {len(shares)} channels, {mean:.0%} of their response is linear")
        output_line(f"results: {named}")
