"""`magnify bandpass`: magnify the motion in a band of frequencies."""

from typing import Annotated, Any

import typer

from magnify.cli.choosing import AUTO, with_band
from magnify.cli.jobs import magnify_all
from magnify.cli.named_band import NamedBand, take_band
from magnify.cli.options import Request, magnifying
from magnify.errors import SettingsError
from magnify.pipeline.modes import Bandpass
from magnify.pipeline.modes.frequency import FILTER


@magnifying(Bandpass)
def bandpass(
    request: Request,
    chosen: dict[str, Any],
    band: NamedBand = None,
    r1: Annotated[
        float | None,
        typer.Option(help="diff-iir: the slower coefficient, not Hz.", rich_help_panel=FILTER),
    ] = None,
    r2: Annotated[
        float | None,
        typer.Option(help="diff-iir: the faster coefficient, not Hz.", rich_help_panel=FILTER),
    ] = None,
) -> None:
    """Magnify only the motion in a band of frequencies.

    The result of in.mp4 is in_x20_0.5-7.5Hz.mp4 beside it, unless told otherwise.
    """
    if (r1 is None) != (r2 is None):
        raise SettingsError("--r1 and --r2 go together; give both")
    if r1 is not None:
        chosen["coefficients"] = (r1, r2)
    if band not in (None, AUTO):
        take_band(band, chosen)
    request = with_band(request, chosen, find_band=band == AUTO)
    magnify_all(request, Bandpass(**chosen))
