"""`magnify evaluate`: how good a network is, as a table, as JSON, as a plot."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from magnify.cli.console import progress
from magnify.cli.lab.options import MODEL, Model, PrecisionName, option
from magnify.cli.lab.score_tables import print_rendered, print_scores, print_still
from magnify.cli.options import REPORTING
from magnify.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from magnify.lab.evaluation import (
        Case,
        EvaluationSettings,
        Fidelity,
        Lpips,
        Method,
        Score,
        StillScore,
    )
    from magnify.lab.synthesis.videos import VideoCase

SYNTHETIC = "Synthetic videos"
REAL = "Real clips"
STILL_FRAMES = 16
"""Of a real clip, spread over it: enough to see blotches come and go."""


def evaluate(
    data: Annotated[
        Path | None,
        option(
            SYNTHETIC,
            "Folder with images/ and objects/ to make the test videos of, or one that "
            "`magnify synth videos` wrote.",
        ),
    ] = None,
    alpha: Annotated[
        list[float] | None,
        option(
            SYNTHETIC,
            "Magnification factor; may be repeated. Default: 1, 5, 10, 20, 50, or all of the "
            "rendered videos'.",
        ),
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
            SYNTHETIC,
            f"Frames of each video, odd; of a real clip any. Default: 3, {STILL_FRAMES}.",
            min=2,
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
            REAL,
            "A part of it that is known to stand still; may be repeated. Together they tell how "
            "the camera sways.",
            metavar="X,Y,W,H",
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
    from magnify.lab.evaluation import (
        BASELINES,
        EvaluationSettings,
        Lpips,
        Region,
        holds_rendered,
        load_method,
    )

    _check(data, still, region, plot, lpips)
    if model is not None and model not in (*Model, *BASELINES):
        known = ", ".join([*Model, *BASELINES])
        raise SettingsError(f"--model {model}: choose one of {known}, or give --weights FILE")
    rendered = data is not None and holds_rendered(data)
    if rendered:
        settled: dict[str, Any] = {"--peak": peak, "--size": size, "--noise": noise}
        settled |= {"--scenes": scenes, "--quick": quick, "--plot": plot}
        settled |= {"--frames": frames if still is None else None}
        _check_rendered(str(data), [name for name, value in settled.items() if value])
    chosen: dict[str, Any] = {
        "alphas": alpha or ((1.0, 20.0) if quick else None),
        "peaks": peak,
        "sizes": size,
        "noises": noise,
        "scenes": scenes or (1 if quick else None),
        "frames": None if data is None or rendered else frames,
    }
    settings = EvaluationSettings(**{name: value for name, value in chosen.items() if value})
    metric = None if lpips is None else Lpips.load(lpips)
    regions = [Region.parse(text) for text in region or []]
    method, facts = load_method(model, weights, device, precision.value)
    report: dict[str, Any] = dict(facts)
    of_still: Iterator[StillScore] | None = None
    if still is not None:
        from magnify.lab.evaluation import evaluate_still

        length = frames or STILL_FRAMES
        of_still = evaluate_still(method, still, regions, settings.alphas, length)
    scores: dict[Case, Score] = {}
    if data is not None and rendered:
        kinds = _score_rendered(method, data, alpha or [], metric, quiet=quiet)
        report["videos"] = [asdict(case) | asdict(score) for case, score in kinds.items()]
        if not as_json:
            print_rendered(kinds, f"{facts['model']} on {data.name or data}")
    elif data is not None:
        scores = _score_synthetic(method, data, settings, metric, quiet=quiet)
        report |= {"frames": settings.frames, "scenes": settings.scenes}
        report["synthetic"] = [asdict(case) | asdict(score) for case, score in scores.items()]
        if not as_json:
            print_scores(scores, facts["model"])
    if still is not None and of_still is not None:
        rows = list(of_still)
        report["still_frames"] = length
        report["still"] = [{"clip": str(still), **asdict(row)} for row in rows]
        if not as_json:
            print_still(rows, f"{facts['model']} on {still.name}")
    if as_json:
        typer.echo(json.dumps(report))
    if plot is not None:
        from magnify.lab.evaluation.plot import plot_scores

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
        from magnify.lab.evaluation.plot import check_plot

        check_plot(plot)


def _check_rendered(data: str, settled: list[str]) -> None:
    if settled:
        raise SettingsError(
            f"{data} holds videos that are rendered already: leave out {', '.join(settled)} "
            "(--alpha chooses among them)"
        )


def _score_synthetic(
    method: "Method",
    data: Path,
    settings: "EvaluationSettings",
    lpips: "Lpips | None",
    *,
    quiet: bool,
) -> "dict[Case, Score]":
    from magnify.lab.evaluation import evaluate
    from magnify.lab.synthesis import Photographs

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


def _score_rendered(
    method: "Method",
    data: Path,
    alphas: list[float],
    lpips: "Lpips | None",
    *,
    quiet: bool,
) -> "dict[VideoCase, Fidelity]":
    from magnify.lab.evaluation import evaluate_rendered, rendered_videos

    videos = rendered_videos(data, alphas)
    with progress(data.name, quiet=quiet) as report:
        return evaluate_rendered(
            method, videos, lambda done, total: report("evaluating", done, total), lpips
        )
