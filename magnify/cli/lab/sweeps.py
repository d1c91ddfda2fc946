"""`magnify evaluate sweep`: the papers' figures, one quantity along the axis, a line a method."""

import csv
import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from magnify.cli.console import duration, notice_line, output_line, progress
from magnify.cli.lab.options import MODEL, PrecisionName, option
from magnify.cli.lab.tables import markdown_table
from magnify.cli.options import REPORTING
from magnify.errors import SettingsError
from magnify.pipeline.job import INPUT

if TYPE_CHECKING:
    from magnify.lab.evaluation import Method
    from magnify.lab.evaluation.sweeps import Row

MEASURES = "What is measured"
ROWS, TABLE, LATEX, PLOT = "rows.jsonl", "table.csv", "table.tex", "plot.svg"
WORTH_TELLING = 60.0
"""Seconds that a sweep must take for it to be said."""

COLUMNS = ("sweep", "method", "value", "ssim", "psnr", "lpips", "gain", "flicker", "scenes")


def sweep(
    data: Annotated[
        Path, typer.Argument(help="Folder with images/ and objects/ to draw scenes from.")
    ],
    output_dir: Annotated[
        Path,
        option(INPUT, "Folder for the results; an ended sweep goes on there.", "--output", "-o"),
    ],
    names: Annotated[
        list[str] | None,
        option(
            MEASURES,
            "sub-pixel, noise-small, noise-large, factor, magnified, fd4mm-factor or fd4mm-noise; "
            "may be repeated. Default: all.",
            "--sweep",
        ),
    ] = None,
    models: Annotated[
        list[str] | None,
        option(MODEL, "A model, or nothing or oracle; may be repeated. Default: all.", "--model"),
    ] = None,
    weights: Annotated[
        list[Path] | None, option(MODEL, "A checkpoint file; may be repeated.")
    ] = None,
    quick: Annotated[
        bool, option(MEASURES, "A first look: one scene of 128 pixels.", "--quick")
    ] = False,
    size: Annotated[int, option(MEASURES, "Height and width in pixels.", min=64)] = 256,
    scenes: Annotated[int, option(MEASURES, "Scenes behind each value.", min=1)] = 3,
    frames: Annotated[int, option(MEASURES, "Frames of each video, odd.", min=3)] = 3,
    lpips: Annotated[
        Path | None,
        option(MEASURES, 'Measure LPIPS too: the saved state of lpips.LPIPS(net="alex").'),
    ] = None,
    device: Annotated[str, option(MODEL, "auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Annotated[
        PrecisionName, option(MODEL, "Number format of the networks.")
    ] = PrecisionName.auto,
    quiet: Annotated[bool, option(REPORTING, "No progress.", "--quiet", "-q")] = False,
) -> None:
    """Measure methods over one quantity at a time, as the papers' figures have it.

    The folder gets the rows as JSON, a table as CSV and LaTeX, and a plot. The same command goes on
    where a sweep was ended.
    """
    from magnify.lab.evaluation import Lpips
    from magnify.lab.evaluation.sweeps import SWEEPS, SweepSettings, swept
    from magnify.lab.synthesis import Photographs

    wanted = names or list(SWEEPS)
    for name in wanted:
        if name not in SWEEPS:
            raise SettingsError(f"unknown sweep '{name}'; choose one of {', '.join(SWEEPS)}")
    sizes = (128, 1, 3) if quick else (size, scenes, frames)
    settings = SweepSettings(*sizes, str(data.resolve()), lpips is not None)
    methods, made_by = _methods(models, weights, device, precision)
    metric = None if lpips is None else Lpips.load(lpips)
    photographs = Photographs.load(data / "images", data / "objects")
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{output_dir}: cannot be made: {error.strerror}") from error
    told = _Estimate(len(methods), quiet)
    with progress("sweeps", quiet=quiet, unit="values") as report:

        def advance(done: int, total: int) -> None:
            report("measuring", done, total)
            told(done, total)

        rows = swept(
            wanted,
            methods,
            photographs,
            settings,
            output_dir / ROWS,
            metric,
            made_by,
            advance,
        )
    _write(rows, output_dir)
    if not quiet:
        for name in wanted:
            output_line(f"{name}: {SWEEPS[name].axis}; gain / SSIM ({SWEEPS[name].source})")
            for line in table_of([row for row in rows if row.sweep == name]).splitlines():
                output_line(line)
            output_line()
    output_line(f"results: {output_dir}")


class _Estimate:
    """Says how long a sweep will take, once every method has had one value."""

    def __init__(self, methods: int, quiet: bool) -> None:
        self.methods = methods
        self.began = time.monotonic()
        self.before: int | None = None
        self.told = quiet

    def __call__(self, done: int, total: int) -> None:
        if self.before is None:
            self.before = done - 1  # of an earlier run
        measured = done - self.before
        if not self.told and measured >= self.methods:
            self.told = True
            seconds = (time.monotonic() - self.began) / measured * (total - done)
            if seconds >= WORTH_TELLING:
                notice_line(f"about {duration(seconds)} to go")


def _methods(
    models: list[str] | None, weights: list[Path] | None, device: str, precision: PrecisionName
) -> "tuple[dict[str, Method], dict[str, str]]":
    """Methods by name, and what tells each from others of that name."""
    from magnify.checkpoints import MODELS, model_class
    from magnify.lab.evaluation import load_method

    if not models and not weights:
        models = [name for name in MODELS if model_class(name).grows == "motion"]
    asked: list[tuple[str, str | None, Path | None]] = [
        *((name, name, None) for name in models or ()),
        *((path.stem, None, path) for path in weights or ()),
    ]
    check_different([name for name, _, _ in asked])
    found, made_by = {}, {}
    for name, model, path in asked:
        found[name], facts = load_method(model, path, device, precision.value)
        made_by[name] = " ".join(facts.get(key, "") for key in ("weights_sha256", "precision"))
    return found, made_by


def check_different(names: Sequence[str]) -> None:
    """Checks that no two methods would have the same name in a table.

    Raises:
        SettingsError: two have.
    """
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(
                f"two methods are called {name}; give one of the files another name"
            )


def _write(rows: "Sequence[Row]", folder: Path) -> None:
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    for row in rows:
        table.writerow(row.plain())
    (folder / TABLE).write_text(text.getvalue(), encoding="utf-8")
    (folder / LATEX).write_text(_latex(rows), encoding="utf-8")
    from magnify.analysis.plots import plots_missing

    missing = plots_missing()
    if missing is not None:
        notice_line(f"no plot is drawn: {missing}")
        return
    from magnify.lab.evaluation.plot import plot_sweeps

    plot_sweeps(rows, folder / PLOT)


def _cells(rows: "Sequence[Row]") -> tuple[list[str], list[list[str]]]:
    """Heads and lines: a line for each method, a column for each value."""
    values = sorted({row.value for row in rows})
    lines = []
    for method in dict.fromkeys(row.method for row in rows):
        own = {row.value: row.score for row in rows if row.method == method}
        shown = [own.get(value) for value in values]
        lines.append(
            [
                method,
                *(
                    "" if score is None else f"{_gain(score.gain)} / {score.ssim:.3f}"
                    for score in shown
                ),
            ]
        )
    return ["method", *(f"{value:g}" for value in values)], lines


def _gain(gain: float | None) -> str:
    return "–" if gain is None else f"{gain:.2f}"


def table_of(rows: "Sequence[Row]") -> str:
    """A sweep as a table: gain / SSIM, a line for each method, a column for each value."""
    return markdown_table(*_cells(rows))


def _latex(rows: "Sequence[Row]") -> str:
    """A tabular for each sweep, gain / SSIM."""
    parts = []
    for name in dict.fromkeys(row.sweep for row in rows):
        heads, lines = _cells([row for row in rows if row.sweep == name])
        body = [" & ".join(line) + r" \\" for line in (heads, *lines)]
        columns = "l" + "c" * (len(heads) - 1)
        parts.append(
            "\n".join(
                [
                    f"% {name}",
                    rf"\begin{{tabular}}{{{columns}}}",
                    r"\hline",
                    body[0],
                    r"\hline",
                    *body[1:],
                    r"\hline",
                    r"\end{tabular}",
                ]
            )
        )
    return "\n\n".join(parts).replace("–", "--") + "\n"
