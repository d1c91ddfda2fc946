"""Scores as tables on the terminal."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from magnify.errors import printable

if TYPE_CHECKING:
    from magnify.lab.evaluation import Case, Fidelity, SceneScore, StillScore
    from magnify.lab.synthesis.videos import VideoCase
    from magnify.motion.registration import Displacement

DEVIATION = "luma, chroma: standard deviation over time where nothing moves, input → output"
MOTION = "motion: the longest of the input, in pixels; noise: in grey levels"


def print_scenes(scores: "dict[Case, SceneScore]", model: str) -> None:
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
    Console(markup=False).print(*tables.values(), *_notes(scores.values()), DEVIATION, sep="\n")


def _notes(scores: "Iterable[Fidelity]") -> list[str]:
    """What a gain with a fraction beside it is, with one of those in the table."""
    for score in scores:
        if 0 < score.gain_scenes < score.scenes:
            some = f"{score.gain_scenes}/{score.scenes}", f"{score.gain_scenes} of {score.scenes}"
            return [f"gain ({some[0]}): the mean of {some[1]} scenes; the others give none"]
    return []


def print_videos(scores: "dict[VideoCase, Fidelity]", model: str) -> None:
    """The videos of `magnify synth videos`, a row for each kind."""
    headings = ["video", "alpha", "motion", "gain", "SSIM", "PSNR", "flicker"]
    perceptual = any(score.lpips is not None for score in scores.values())
    headings += ["LPIPS"] * perceptual
    scenes = max(score.scenes for score in scores.values())
    title = f"{model}: {scenes} scene" + "s" * (scenes > 1)
    table = _table(title, headings, dense=perceptual)
    for case, score in scores.items():
        table.add_row(
            case.name,
            f"{case.alpha:g}",
            f"{case.amplitude:g}",
            _gain(score),
            f"{score.ssim:.4f}",
            f"{score.psnr:.2f}",
            f"{score.flicker:.2f}",
            *([] if score.lpips is None else [f"{score.lpips:.4f}"]),
        )
    Console(markup=False).print(table, *_notes(scores.values()), MOTION, sep="\n")


def print_still(rows: "list[StillScore]", title: str) -> None:
    table = _table(title, ("region", "alpha", "luma", "stabilised", "chroma", "stabilised"))
    for row in rows:
        cells = []
        stabilised = row.stabilised or (None, None)
        for before, after, steady in zip(row.input, row.output, stabilised, strict=True):
            cells += [_change(before, after), "" if steady is None else f"{steady:.2f}"]
        table.add_row(str(row.region), f"{row.alpha:g}", *cells)
    Console(markup=False).print(table, DEVIATION, _camera(rows[0].sway), sep="\n")


def _camera(sway: "Displacement | None") -> str:
    if sway is None:
        return "stabilised: none, the regions do not tell how the camera sways"
    return (
        f"stabilised: without the camera's sway, here {sway.dx:.2f} px across and {sway.dy:.2f} px "
        "down, times alpha"
    )


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
    named = Text(printable(title), style="table.title")
    table = Table(title=named, title_justify="left", box=box.SIMPLE_HEAD, padding=padding)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    return table
