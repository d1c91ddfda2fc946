"""`magnify bandpass`: magnify the motion in a band of frequencies."""

import re
from enum import StrEnum
from typing import Annotated, Literal

import typer

from magnify.cli.batch import magnify_all
from magnify.cli.options import Common, with_common
from magnify.errors import SettingsError

BAND = "Band"
FILTER = "Filter"

UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}


class FilterChoice(StrEnum):
    butterworth = "butterworth"
    diff_iir = "diff-iir"
    fir = "fir"


def parse_bytes(text: str) -> int:
    """A number of bytes, such as 500MB or 4G."""
    match = re.fullmatch(r"(\d{1,15}\.?\d*|\.\d+) *([KMGT]?)B?", text.strip().upper())
    if match is None:
        raise typer.BadParameter(f"'{text}' is no amount of memory; write 500MB or 4GB")
    return int(float(match[1]) * UNITS[match[2]])


def parse_taps(text: str) -> int | Literal["auto", "all"]:
    """An odd number, `auto` or `all`."""
    if text == "auto":
        return "auto"
    if text == "all":
        return "all"
    if not re.fullmatch(r"\d{1,9}", text):
        raise typer.BadParameter(f"'{text}' is no number of taps; use a number, auto or all")
    return int(text)


@with_common
def bandpass(
    common: Common,
    low: Annotated[
        float | None, typer.Option(help="Lower cut-off in Hz.", rich_help_panel=BAND)
    ] = None,
    high: Annotated[
        float | None, typer.Option(help="Upper cut-off in Hz.", rich_help_panel=BAND)
    ] = None,
    band: Annotated[
        str | None,
        typer.Option(help="A named band; `magnify bands` lists them.", rich_help_panel=BAND),
    ] = None,
    sampling_rate: Annotated[
        float | None,
        typer.Option(
            help="Frames a second that the camera recorded, if not those of the file: 600 for a "
            "600 fps recording stored at 30.",
            rich_help_panel=BAND,
        ),
    ] = None,
    filter_name: Annotated[
        FilterChoice, typer.Option("--filter", help="The kind of filter.", rich_help_panel=FILTER)
    ] = FilterChoice.butterworth,
    order: Annotated[
        int | None,
        typer.Option(help="Butterworth: order; default 3.", rich_help_panel=FILTER),
    ] = None,
    zero_phase: Annotated[
        bool,
        typer.Option(
            "--zero-phase",
            help="Butterworth: forward and backward over the clip, without lag.",
            rich_help_panel=FILTER,
        ),
    ] = False,
    taps: Annotated[
        str | None,
        typer.Option(
            help="FIR: an odd number, auto, or all (as many as frames); default auto.",
            parser=parse_taps,
            metavar="N|auto|all",
            rich_help_panel=FILTER,
        ),
    ] = None,
    r1: Annotated[
        float | None,
        typer.Option(help="diff-iir: the slower coefficient, not Hz.", rich_help_panel=FILTER),
    ] = None,
    r2: Annotated[
        float | None,
        typer.Option(help="diff-iir: the faster coefficient, not Hz.", rich_help_panel=FILTER),
    ] = None,
    memory_budget: Annotated[
        int | None,
        typer.Option(
            help="RAM for filters that need the whole clip, such as 4GB; beyond it they use a "
            "temporary file. Default: a quarter of what is free.",
            parser=parse_bytes,
            metavar="SIZE",
            rich_help_panel=FILTER,
        ),
    ] = None,
) -> None:
    """Magnify only the motion in a band of frequencies.

    The result of in.mp4 is in_x20_0.5-7.5Hz.mp4 beside it, unless told otherwise.
    """
    from magnify.pipeline.modes import Bandpass
    from magnify.temporal.bands import band as named_band

    if (r1 is None) != (r2 is None):
        raise SettingsError("--r1 and --r2 go together; give both")
    if band is not None:
        named = named_band(band)
        low = named.low if low is None else low
        high = named.high if high is None else high
        sampling_rate = named.sampling_rate if sampling_rate is None else sampling_rate
    mode = Bandpass(
        low=low,
        high=high,
        filter=filter_name.value,
        order=order,
        taps=taps,  # type: ignore[arg-type]  # parse_taps makes it a number or a literal
        zero_phase=zero_phase,
        coefficients=None if r1 is None or r2 is None else (r1, r2),
        sampling_rate=sampling_rate,
        memory_budget=memory_budget,
    )
    magnify_all(common, mode)
