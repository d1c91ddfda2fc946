"""`magnify evaluate`: how good a network is, as a table, as JSON, as a plot."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from magnify.cli.console import progress
from magnify.cli.options import MODEL, REPORTING, PrecisionName, option
from magnify.errors import SettingsError

if TYPE_CHECKING:
    from magnify.evaluation import (
        Case,
        EvaluationSettings,
        Fidelity,
        Lpips,
        Method,
        Score,
        StillScore,
    )

SYNTHETIC = "Synthetic videos"
REAL = "Real clips"
STILL_FRAMES = 16
"""Of a real clip, spread over it: enough to see blotches come and go."""
DEVIATION = "luma, chroma: standard deviation over time where nothing moves, input → output"


def evaluate(
    data: Annotated[
        Path | None,
        option(SYNTHETIC, "Folder with images/ and objects/ to make the test videos of."),
    ] = None,
    alpha: Annotated[
        list[float] | None,
        option(SYNTHETIC, "Magnification factor; may be repeated. Default: 1, 5, 10, 20, 50."),
    ] = None,
    peak: Annotated[
        list[float] | None,
        option(SYNTHETIC, "Longest magnified motion in pixels; may be repeated. Default: 10, 25."),
    ] = None,
    size: Annotated[
        list[int] | None,
        option(SYNTHETIC, "Height and width in pixels; may be repeated. Default: 256."),
    ] = None,
    noise: Annotated[
        list[float] | None,
        option(SYNTHETIC, "Noise of the input in grey levels; may be repeated. Default: 0, 1, 3."),
    ] = None,
    scenes: Annotated[
        int | None, option(SYNTHETIC, "Scenes behind each score. Default: 2.", min=1)
    ] = None,
    frames: Annotated[
        int | None,
        option(
            SYNTHETIC, f"Frames of each video. Default: 3, of a real clip {STILL_FRAMES}.", min=2
        ),
    ] = None,
    quick: Annotated[
        bool, option(SYNTHETIC, "A first look: one scene, alpha 1 and 20 by default.", "--quick")
    ] = False,
    still: Annotated[
        Path | None, option(REAL, "A real clip; alpha and frames are as above.")
    ] = None,
    region: Annotated[
        list[str] | None,
        option(
            REAL, "A part of it that is known to stand still; may be repeated.", metavar="X,Y,W,H"
        ),
    ] = None,
    model: Annotated[
        str | None,
        option(MODEL, "Built-in network, or a baseline: nothing (the input), oracle (the truth)."),
    ] = None,
    weights: Annotated[
        Path | None, option(MODEL, "Checkpoint file; its network is recognised.")
    ] = None,
    device: Annotated[str, option(MODEL, "auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Annotated[
        PrecisionName, option(MODEL, "Number format of the network.")
    ] = PrecisionName.auto,
    lpips: Annotated[
        Path | None,
        option(SYNTHETIC, 'Measure LPIPS too: the saved state of lpips.LPIPS(net="alex").'),
    ] = None,
    plot: Annotated[
        Path | None, option(REPORTING, "Draw the synthetic scores: .png, .pdf or .svg.")
    ] = None,
    as_json: Annotated[
        bool, option(REPORTING, "Print one JSON object on stdout.", "--json")
    ] = False,
    quiet: Annotated[bool, option(REPORTING, "No progress.", "--quiet", "-q")] = False,
) -> None:
    """Measure a network: SSIM, PSNR, motion gain and steadiness, with noise and compression.

    On synthetic videos with known truth (--data), on still regions of a real clip (--still), or
    on both. Compare with --model nothing and --model oracle.
    """
    from magnify.evaluation import EvaluationSettings, Lpips, Region, load_method

    _check(data, still, region, plot, lpips)
    chosen: dict[str, Any] = {
        "alphas": alpha or ((1.0, 20.0) if quick else None),
        "peaks": peak,
        "sizes": size,
        "noises": noise,
        "scenes": scenes or (1 if quick else None),
        "frames": frames if data is not None else None,
    }
    settings = EvaluationSettings(**{name: value for name, value in chosen.items() if value})
    metric = None if lpips is None else Lpips.load(lpips)
    regions = [Region.parse(text) for text in region or []]
    method, facts = load_method(model, weights, device, precision.value)
    report: dict[str, Any] = dict(facts)
    scores: dict[Case, Score] = {}
    if data is not None:
        scores = _score_synthetic(method, data, settings, metric, quiet=quiet)
        report |= {"frames": settings.frames, "scenes": settings.scenes}
        report["synthetic"] = [asdict(case) | asdict(score) for case, score in scores.items()]
        if not as_json:
            _print_scores(scores, facts["model"])
    if still is not None:
        from magnify.evaluation import evaluate_still

        rows = list(evaluate_still(method, still, regions, settings.alphas, frames or STILL_FRAMES))
        report["still_frames"] = frames or STILL_FRAMES
        report["still"] = [{"clip": str(still), **asdict(row)} for row in rows]
        if not as_json:
            _print_still(rows, f"{facts['model']} on {still.name}")
    if as_json:
        typer.echo(json.dumps(report))
    if plot is not None:
        from magnify.evaluation.plot import plot_scores

        plot_scores(scores, facts["model"], plot)


def _check(
    data: Path | None,
    still: Path | None,
    region: list[str] | None,
    plot: Path | None,
    lpips: Path | None,
) -> None:
    if data is None and still is None:
        raise SettingsError("nothing to evaluate on: give --data DIR, --still CLIP, or both")
    if (still is None) != (not region):
        raise SettingsError("--still CLIP and --region X,Y,W,H belong together; give both")
    if lpips is not None and data is None:
        raise SettingsError("--lpips measures the error on synthetic videos: give --data DIR")
    if plot is not None:
        if data is None:
            raise SettingsError("--plot draws the scores of synthetic videos: give --data DIR")
        from magnify.evaluation.plot import check_plot

        check_plot(plot)


def _score_synthetic(
    method: "Method",
    data: Path,
    settings: "EvaluationSettings",
    lpips: "Lpips | None",
    *,
    quiet: bool,
) -> "dict[Case, Score]":
    from magnify.evaluation import evaluate
    from magnify.synthesis import Photographs

    photographs = Photographs.load(data / "images", data / "objects")
    with progress(data.name, quiet=quiet) as report:
        return evaluate(
            method,
            photographs,
            settings,
            lambda done, total: report(
                "evaluating", done * settings.frames, total * settings.frames
            ),
            lpips,
        )


def _print_scores(scores: "dict[Case, Score]", model: str) -> None:
    headings = ["input", "alpha", "gain", "SSIM", "PSNR", "luma", "chroma", "flicker"]
    perceptual = any(score.lpips is not None for score in scores.values())
    headings += ["LPIPS"] * perceptual
    tables: dict[str, Table] = {}
    for case, score in scores.items():
        title = f"{model}: {case.size} px, {case.moves} moves" + f", {case.peak:g} px" * (
            case.peak > 0
        )
        table = tables.setdefault(title, _table(title, headings, dense=perceptual))
        table.add_row(
            case.degradation.label,
            f"{case.alpha:g}",
            _gain(score),
            f"{score.ssim:.4f}",
            f"{score.psnr:.2f}",
            _change(score.input_luma, score.still_luma),
            _change(score.input_chroma, score.still_chroma),
            f"{score.flicker:.2f}",
            *([] if score.lpips is None else [f"{score.lpips:.4f}"]),
        )
    Console().print(*tables.values(), *_notes(scores.values()), DEVIATION, sep="\n")


def _notes(scores: "Iterable[Fidelity]") -> list[str]:
    """What a gain with a fraction beside it is, with one of those in the table."""
    for score in scores:
        if 0 < score.gain_scenes < score.scenes:
            some = f"{score.gain_scenes}/{score.scenes}", f"{score.gain_scenes} of {score.scenes}"
            return [f"gain ({some[0]}): the mean of {some[1]} scenes; the others give none"]
    return []


def _print_still(rows: "list[StillScore]", title: str) -> None:
    table = _table(title, ("region", "alpha", "luma", "ratio", "chroma", "ratio"))
    for row in rows:
        cells = []
        for before, after in zip(row.input, row.output, strict=True):
            cells += [_change(before, after), f"{after / before:.2f}" if before else ""]
        table.add_row(",".join(map(str, row.region)), f"{row.alpha:g}", *cells)
    Console().print(table, DEVIATION, sep="\n")


def _gain(score: "Fidelity") -> str:
    if score.gain is None:
        return ""
    some = f" ({score.gain_scenes}/{score.scenes})" * (score.gain_scenes < score.scenes)
    return f"{score.gain:.3f}{some}"


def _change(before: float | None, after: float | None) -> str:
    return "" if before is None else f"{before:.2f} → {after:.2f}"


def _table(title: str, headings: Sequence[str], *, dense: bool = False) -> Table:
    """A table whose first column is text; `dense` ones fit into 80 columns with more numbers."""
    padding = (0, 0 if dense else 1, 0, 0)
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=padding)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    return table
