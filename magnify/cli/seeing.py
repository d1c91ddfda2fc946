"""The options that the commands which look at clips have in common."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from magnify.cli.console import notice_line
from magnify.cli.options import REPORTING, finite
from magnify.errors import SettingsError
from magnify.pipeline.job import INPUT, parse_seconds

if TYPE_CHECKING:
    from magnify.motion.regions import Region

MEASURING = "Measuring"


def option(panel: str, text: str, *names: str, **settings: Any) -> Any:
    """One option, in a panel of the help page."""
    return typer.Option(*names, help=text, rich_help_panel=panel, **settings)


def _time(text: str) -> float:
    try:
        return parse_seconds(text)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error


ClipPath = Annotated[
    Path,
    typer.Argument(
        help="A video, a folder of pictures, or a pattern such as frame_%04d.png.",
        show_default=False,
        metavar="CLIP",
    ),
]
Fps = Annotated[
    float | None, option(INPUT, "Frame rate of pictures, which have none of their own.")
]
SamplingRate = Annotated[
    float | None,
    option(
        INPUT,
        "Frames of the file per real second, in Hz; default: the file's own rate.",
        callback=finite,
    ),
]
Start = Annotated[
    float | None,
    option(INPUT, "Begin here: seconds, mm:ss or hh:mm:ss.", parser=_time, metavar="TIME"),
]
End = Annotated[
    float | None,
    option(INPUT, "Stop here: seconds, mm:ss or hh:mm:ss.", parser=_time, metavar="TIME"),
]
MaxFrames = Annotated[int | None, option(INPUT, "Stop after this many frames.", min=1)]
Overwrite = Annotated[bool, option(INPUT, "Replace results that exist.", "--overwrite", "-y")]
Quiet = Annotated[bool, option(REPORTING, "Print nothing but errors.", "--quiet", "-q")]
Json = Annotated[bool, option(REPORTING, "Print one JSON object on stdout.", "--json")]
NoPlots = Annotated[bool, option(REPORTING, "Write tables only, no pictures.", "--no-plots")]
StabiliseOn = Annotated[
    str | None,
    option(
        MEASURING,
        "Take the motion of this region, which should stand still, off everything.",
        metavar="X,Y,W,H",
    ),
]


def parse_region(text: str | None) -> "Region | None":
    """A region of the picture as displayed, in pixels.

    Raises:
        SettingsError: the text is no region.
    """
    from magnify.motion.regions import Region

    return None if text is None else Region.parse(text)


def clip_name(path: Path) -> str:
    """What results of a clip are named after."""
    whole = path.absolute()
    return whole.name if whole.is_dir() else whole.stem.replace("%", "")


def drawable(no_plots: bool) -> bool:
    """Whether pictures are to be drawn; says what to install where they cannot be."""
    if no_plots:
        return False
    from magnify.analysis.plots import plots_missing

    missing = plots_missing()
    if missing is not None:
        notice_line(f"no pictures are drawn: {missing}")
    return missing is None
