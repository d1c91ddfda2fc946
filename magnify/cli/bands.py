"""`magnify bands`: the named frequency bands."""

from dataclasses import asdict

from magnify.cli.console import json_line, output_line
from magnify.cli.options import Json


def bands(as_json: Json = False) -> None:
    """List the named bands for `magnify bandpass --band NAME`, and where each comes from."""
    from magnify.temporal.bands import BANDS

    if as_json:
        json_line({name: asdict(band) for name, band in BANDS.items()})
        return
    for name, band in BANDS.items():
        rate = "" if band.sampling_rate is None else f", recorded at {band.sampling_rate:g} fps"
        output_line(f"{name}: {band.low:g} to {band.high:g} Hz{rate}")
        output_line(f"    {band.source}")
