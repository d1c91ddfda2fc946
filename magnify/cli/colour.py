"""`magnify colour`: magnify how the colour of something changes, such as the pulse in a face."""

from dataclasses import replace
from typing import Any

from magnify.cli.batch import run_jobs
from magnify.cli.choosing import refuse_auto
from magnify.cli.console import notice_line, progress
from magnify.cli.jobs import jobs_of
from magnify.cli.named_band import NamedBand, take_band
from magnify.cli.options import Request, magnifying
from magnify.errors import SettingsError
from magnify.messages import warning
from magnify.pipeline.job import Job
from magnify.pipeline.modes import Bandpass

METHOD = "colour"
PULSE = "pulse"
ALPHA = 50.0
"""A pulse of half a grey level becomes plain to see, and noise does not yet cover it."""


@magnifying(Bandpass, alpha=ALPHA)
def colour(
    request: Request,
    chosen: dict[str, Any],
    band: NamedBand = None,
) -> None:
    """Magnify how the colour of something changes, and move nothing.

    It shows the pulse in a face, from 0.8 to 2 Hz, and says how often the colour changes. This is
    no medical device.
    The result of in.mp4 is in_x50_0.8-2Hz_colour.mp4 beside it, unless told otherwise.
    """
    refuse_auto(request, "colour")
    if request.batch.preview:
        raise SettingsError("colour needs no --preview, as no network works; leave it out")
    compute = request.compute
    if compute.weights is not None or compute.model not in (None, METHOD):
        raise SettingsError(
            f"colour is magnified by a method of its own, not by {compute.named}; leave it out"
        )
    if band is not None or (chosen["low"] is None and chosen["high"] is None):
        take_band(band or PULSE, chosen)
    request = replace(request, compute=replace(compute, model=METHOD))
    mode = Bandpass(**chosen)
    jobs = jobs_of(request, mode)
    run_jobs(jobs, request.batch)
    if not request.batch.quiet and not request.batch.dry_run and None not in (mode.low, mode.high):
        for job in jobs:
            _tell_pulse(job, mode, quiet=request.batch.quiet)


def _tell_pulse(job: Job, mode: Bandpass, *, quiet: bool) -> None:
    """Says how often the colour changes, where that can be told."""
    from magnify.analysis.pulse import find_pulse

    source = job.source
    assert mode.low is not None
    assert mode.high is not None
    try:
        with progress(source.path.name, quiet=quiet) as reporter:
            found = find_pulse(
                source.path,
                mode.low,
                mode.high,
                fps=source.fps,
                sampling_rate=mode.sampling_rate,
                start=source.start,
                end=source.end,
                max_frames=source.max_frames,
                progress=reporter,
            )
    except SettingsError as error:
        notice_line(warning(str(error)))
        return
    if found is None:
        notice_line(f"{source.path}: no change of colour stands out in the band: no clear pulse")
        return
    notice_line(
        f"{source.path}: the colour changes most at {found.frequency:.3g} Hz, "
        f"{found.per_minute:.0f} per minute, in {found.share:.0%} of the picture"
    )
    if found.is_light:
        notice_line(warning("nearly the whole picture changes: that is the light, not a pulse"))
    notice_line(warning("this is no medical device; motion and light change colours, too"))
