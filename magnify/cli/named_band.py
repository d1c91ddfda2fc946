"""`--band NAME`, for the commands that magnify what lies in a band."""

from typing import Annotated, Any

import typer

from magnify.pipeline.modes.frequency import BAND
from magnify.temporal.bands import BANDS, band

NamedBand = Annotated[
    str | None,
    typer.Option(
        "--band",
        help="A named band; `magnify bands` lists them. With bandpass also auto: that of the "
        "strongest motion.",
        rich_help_panel=BAND,
        autocompletion=lambda: list(BANDS),
    ),
]


def take_band(name: str, chosen: dict[str, Any]) -> None:
    """Has a named band say what was not chosen otherwise.

    Raises:
        SettingsError: there is no such band.
    """
    named = band(name)
    for field in ("low", "high", "sampling_rate"):
        if chosen[field] is None:
            chosen[field] = getattr(named, field)
