"""`magnify evaluate`: how good a network is, on drawn scenes, on test videos, on real clips."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from magnify.cli.console import json_line, progress
from magnify.cli.lab.clip_quality import clips
from magnify.cli.lab.options import MODEL, Model, PrecisionName, option
from magnify.cli.lab.score_tables import print_scenes, print_still, print_videos
from magnify.cli.lab.sweeps import sweep
from magnify.cli.options import REPORTING
from magnify.errors import SettingsError

if TYPE_CHECKING:
    from magnify.lab.evaluation import Method

app = typer.Typer(
    help="Measure how good a network is. Compare with --model nothing and --model oracle.",
    no_args_is_help=True,
)

app.command("sweep")(sweep)
app.command("clips")(clips)

MEASURES = "What is measured"
STILL_FRAMES = 16
"""Of a real clip, spread over it: enough to see blotches come and go."""

ModelName = Annotated[
    str | None,
    option(MODEL, "Built-in network, or a baseline: nothing (the input), oracle (the truth)."),
]
Weights = Annotated[Path | None, option(MODEL, "Checkpoint file; its network is recognised.")]
Device = Annotated[str, option(MODEL, "auto, cpu, cuda, cuda:N or mps.")]
Precision = Annotated[PrecisionName, option(MODEL, "Number format of the network.")]
LpipsFile = Annotated[
    Path | None,
    option(MEASURES, 'Measure LPIPS too: the saved state of lpips.LPIPS(net="alex").'),
]
AsJson = Annotated[bool, option(REPORTING, "Print one JSON object on stdout.", "--json")]
Quiet = Annotated[bool, option(REPORTING, "No progress.", "--quiet", "-q")]


@app.command()
def scenes(
    data: Annotated[
        Path, typer.Argument(help="Folder with images/ and objects/ to draw scenes from.")
    ],
    alpha: Annotated[
        list[float] | None,
        option(MEASURES, "Magnification factor; may be repeated. Default: 1, 5, 10, 20, 50."),
    ] = None,
    peak: Annotated[
        list[float] | None,
        option(MEASURES, "Longest magnified motion in pixels; may be repeated. Default: 10, 25."),
    ] = None,
    size: Annotated[
        list[int] | None,
        option(MEASURES, "Height and width in pixels; may be repeated. Default: 256."),
    ] = None,
    noise: Annotated[
        list[float] | None,
        option(MEASURES, "Noise of the input in grey levels; may be repeated. Default: 0, 1, 3."),
    ] = None,
    count: Annotated[
        int | None,
        option(MEASURES, "Scenes behind each score. Default: 2.", "--scenes", min=1),
    ] = None,
    frames: Annotated[
        int | None, option(MEASURES, "Frames of each video, odd. Default: 3.", min=3)
    ] = None,
    quick: Annotated[
        bool, option(MEASURES, "A first look: one scene, alpha 1 and 20 by default.", "--quick")
    ] = False,
    lpips: LpipsFile = None,
    model: ModelName = None,
    weights: Weights = None,
    device: Device = "auto",
    precision: Precision = PrecisionName.auto,
    plot: Annotated[Path | None, option(REPORTING, "Draw the scores: .png, .pdf or .svg.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Score short videos that are drawn for it, clean, noisy, compressed and recoloured.

    SSIM, PSNR, motion gain, and steadiness of what should stand still.
    """
    from magnify.lab.evaluation import EvaluationSettings, Lpips, evaluate_scenes
    from magnify.lab.evaluation.plot import check_plot, plot_scores
    from magnify.lab.synthesis import Photographs

    if plot is not None:
        check_plot(plot)
    chosen: dict[str, Any] = {
        "alphas": alpha or ((1.0, 20.0) if quick else None),
        "peaks": peak,
        "sizes": size,
        "noises": noise,
        "scenes": count or (1 if quick else None),
        "frames": frames,
    }
    settings = EvaluationSettings(**{name: value for name, value in chosen.items() if value})
    metric = None if lpips is None else Lpips.load(lpips)
    method, facts = _method(model, weights, device, precision)
    photographs = Photographs.load(data / "images", data / "objects")
    with progress(data.name, quiet=quiet) as report:
        scores = evaluate_scenes(
            method,
            photographs,
            settings,
            lambda done, total: report(
                "evaluating", done * settings.frames, total * settings.frames
            ),
            metric,
        )
    if as_json:
        rows = [asdict(case) | asdict(score) for case, score in scores.items()]
        found = {"frames": settings.frames, "scenes": settings.scenes, "synthetic": rows}
        json_line(facts | found)
    else:
        print_scenes(scores, facts["model"])
    if plot is not None:
        plot_scores(scores, facts["model"], plot)


@app.command()
def videos(
    data: Annotated[Path, typer.Argument(help="Folder that `magnify synth videos` has written.")],
    alpha: Annotated[
        list[float] | None,
        option(MEASURES, "Only the videos of this factor; may be repeated. Default: all."),
    ] = None,
    lpips: LpipsFile = None,
    model: ModelName = None,
    weights: Weights = None,
    device: Device = "auto",
    precision: Precision = PrecisionName.auto,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Score test videos that `magnify synth videos` has written: SSIM, PSNR, motion gain."""
    from magnify.lab.evaluation import Lpips, evaluate_videos, rendered_videos

    metric = None if lpips is None else Lpips.load(lpips)
    found = rendered_videos(data, alpha or ())
    method, facts = _method(model, weights, device, precision)
    with progress(data.name, quiet=quiet) as report:
        scores = evaluate_videos(
            method, found, lambda done, total: report("evaluating", done, total), metric
        )
    if as_json:
        rows = [asdict(case) | asdict(score) for case, score in scores.items()]
        json_line(facts | {"videos": rows})
    else:
        print_videos(scores, f"{facts['model']} on {data.name or data}")


@app.command()
def still(
    clip: Annotated[Path, typer.Argument(help="A real clip.")],
    region: Annotated[
        list[str],
        option(
            MEASURES,
            "A part of it that is known to stand still; may be repeated. Together they tell how "
            "the camera sways.",
            metavar="X,Y,W,H",
        ),
    ],
    alpha: Annotated[
        list[float] | None,
        option(MEASURES, "Magnification factor; may be repeated. Default: 1, 5, 10, 20, 50."),
    ] = None,
    frames: Annotated[int, option(MEASURES, "Frames, spread over the clip.", min=2)] = STILL_FRAMES,
    model: ModelName = None,
    weights: Weights = None,
    device: Device = "auto",
    precision: Precision = PrecisionName.auto,
    as_json: AsJson = False,
) -> None:
    """Score how steady a network leaves what stands still in a real clip, with and without sway."""
    from magnify.lab.evaluation import EvaluationSettings, evaluate_still
    from magnify.motion.regions import Region

    regions = [Region.parse(text) for text in region]
    alphas = EvaluationSettings(alphas=tuple(alpha)).alphas if alpha else EvaluationSettings.alphas
    method, facts = _method(model, weights, device, precision)
    rows = list(evaluate_still(method, clip, regions, alphas, frames))
    if as_json:
        scores = [{"clip": str(clip), **asdict(row)} for row in rows]
        json_line(facts | {"still_frames": frames, "still": scores})
    else:
        print_still(rows, f"{facts['model']} on {clip.name}")


def _method(
    model: str | None, weights: Path | None, device: str, precision: PrecisionName
) -> "tuple[Method, dict[str, str]]":
    """Prepares the process for the network or baseline asked for; says what it is, for reports."""
    from magnify.engine.runtime import tune_process
    from magnify.lab.evaluation import BASELINES, load_method

    known = (*Model, *BASELINES)
    if model is not None and model not in known:
        raise SettingsError(
            f"--model {model}: choose one of {', '.join(known)}, or give --weights FILE"
        )
    tune_process()
    return load_method(model, weights, device, precision.value)
