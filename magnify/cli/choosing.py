"""`--band auto` and `--alpha auto`: what the motion of the clip suggests, found out and said."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magnify.cli.console import notice_line, progress
from magnify.cli.options import Request
from magnify.errors import SettingsError
from magnify.jobs.inputs import expanded

if TYPE_CHECKING:
    from magnify.analysis.analyzing import Analysis
    from magnify.analysis.choosing import Choice

AUTO = "auto"


def with_band(request: Request, chosen: dict[str, Any], *, find_band: bool) -> Request:
    """The request with its factor, and `chosen` with its band, where the clip is to say them.

    Raises:
        SettingsError: there is not one input, or its motion leaves it open.
        VideoError: it cannot be read.
    """
    if not find_band and request.batch.alpha is not None:
        return request
    from magnify.analysis import choosing

    if find_band:
        if chosen["low"] is not None or chosen["high"] is not None:
            raise SettingsError("--band auto finds the band; leave --low and --high out")
        found = _looked_at(request, chosen, None, None)
        peak, band = choosing.strongest(found)
        chosen["low"], chosen["high"] = float(f"{band.low:.4g}"), float(f"{band.high:.4g}")
        _say(
            request,
            f"the band is {chosen['low']:g} to {chosen['high']:g} Hz: {len(peak.shape.block)} "
            f"blocks move at {peak.frequency:.4g} Hz, by {peak.amplitude:.2g} px",
        )
        if request.batch.alpha is not None:
            return request
        return _with_alpha(request, choosing.Choice(peak.amplitude, band.alpha))
    found = _looked_at(request, chosen, chosen["low"], chosen["high"])
    return _with_alpha(request, choosing.in_band(found))


def with_alpha(request: Request, *, dynamic: bool) -> Request:
    """The request with its factor, where the clip is to say it; for motion of all frequencies.

    Raises:
        SettingsError: there is not one input, or it is too short.
        VideoError: it cannot be read.
    """
    if request.batch.alpha is not None:
        return request
    from magnify.analysis import choosing

    found = _looked_at(request, {}, None, None)
    return _with_alpha(request, choosing.since_first(found, previous=dynamic))


def refuse_auto(request: Request, command: str) -> None:
    """Checks that no factor is to be found, for commands that cannot find it.

    Raises:
        SettingsError: one is.
    """
    if request.batch.alpha is None:
        raise SettingsError(
            f"--alpha auto is for run and bandpass, not for {command}; give a number"
        )


def _looked_at(
    request: Request, chosen: dict[str, Any], low: float | None, high: float | None
) -> "Analysis":
    from magnify.analysis.choosing import look

    quiet = request.batch.quiet
    with progress("the clip", quiet=quiet) as reporter:
        return look(
            replace(request.source, path=_only_input(request)),
            request.selection,
            sampling_rate=chosen.get("sampling_rate"),
            low=low,
            high=high,
            progress=reporter,
        )


def _only_input(request: Request) -> Path:
    batch = request.batch
    inputs = expanded(batch.inputs or (), recursive=batch.recursive, notify=lambda message: None)
    if len(inputs) != 1 or batch.list_file is not None:
        raise SettingsError("auto takes a single input: each clip moves in its own way")
    return inputs[0].path


def _with_alpha(request: Request, choice: "Choice") -> Request:
    _say(
        request,
        f"alpha is {choice.alpha:g}: the strongest motion is {choice.amplitude:.2g} px",
    )
    return replace(request, batch=replace(request.batch, alpha=choice.alpha))


def _say(request: Request, text: str) -> None:
    if not request.batch.quiet:
        notice_line(text)
