"""A page about a clip: what was found in it, and what magnification made of it."""

import base64
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from magnify.analysis.analyzing import Analysis, analyze
from magnify.analysis.charts import peak_chart, spectrum_chart
from magnify.analysis.page import rendered
from magnify.analysis.panels import as_depth
from magnify.analysis.players import check_size, player
from magnify.analysis.recording import Progress, Recording
from magnify.analysis.results import new_files
from magnify.analysis.slices import Cut, slices
from magnify.errors import MagnifyError, SettingsError
from magnify.motion.regions import Region
from magnify.version import __version__
from magnify.video import Picture

TYPICAL_RATE = 25.0
"""Frames a second of a clip that states none."""


@dataclass(frozen=True)
class Part:
    """What of the clips is shown; the fields are those of `Recording`, and where to look."""

    fps: float | None = None
    sampling_rate: float | None = None
    start: float | None = None
    end: float | None = None
    max_frames: int | None = None
    roi: Region | None = None


def write_report(
    clip: Path,
    magnified: Sequence[Path],
    output: Path,
    *,
    command: str,
    part: Part | None = None,
    job: dict[str, Any] | None = None,
    large: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> list[str]:
    """Writes a page about a clip and what was made of it; what it says first is returned.

    Args:
        magnified: results of the same clip, from its first frame on.
        command: what makes the page anew.
        part: what of the clip is shown and analysed; of the results, all is.
        job: what made the only result.
        large: the page may hold more than 64 MB of video.

    Raises:
        SettingsError: the page would be too large, or a value cannot work.
        VideoError: a clip cannot be read, or the page cannot be written.
    """
    part = part or Part()
    recordings = [_recording(clip, part), *(Recording(path, fps=part.fps) for path in magnified)]
    with new_files([output], overwrite) as (file,):
        content = _shown(recordings, large, progress)
        found, cautions = _analysed(clip, part, progress)
        if found is not None:
            content |= _findings(found)
        content |= _slices(found, recordings, progress)
        page = rendered(
            title=f"{clip.name}: what moves in it",
            made=_made(),
            cautions=cautions,
            command=command,
            job=None if job is None else json.dumps(job, indent=1),
            **{"spectrum": None, "peaks": [], "picture": None} | content,
        )
        file.write_text(page, encoding="utf-8")
    return [caution["text"] for caution in cautions]


def write_comparison(
    recordings: Sequence[Recording],
    output: Path,
    *,
    command: str,
    large: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Writes a page that plays clips in step, one before the other or side by side.

    Raises:
        SettingsError: the page would be too large, or a value cannot work.
        VideoError: a clip cannot be read, or the page cannot be written.
    """
    with new_files([output], overwrite) as (file,):
        page = rendered(
            title=" and ".join(recording.path.name for recording in recordings),
            made=_made(),
            cautions=[],
            command=command,
            job=None,
            spectrum=None,
            slices=[],
            **_shown(recordings, large, progress),
        )
        file.write_text(page, encoding="utf-8")


def _made() -> str:
    return f"magnify {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def _recording(clip: Path, part: Part) -> Recording:
    return Recording(
        clip,
        fps=part.fps,
        sampling_rate=part.sampling_rate,
        start=part.start,
        end=part.end,
        max_frames=part.max_frames,
    )


def _shown(
    recordings: Sequence[Recording], large: bool, progress: Progress | None
) -> dict[str, Any]:
    """Players and facts of the clips."""
    players = [player(recording, progress) for recording in recordings]
    check_size(players, large=large)
    return {
        "players": players,
        "frame_seconds": f"{1 / (recordings[0].stated_rate or TYPICAL_RATE):.6f}",
        "files": [_facts(recording) for recording in recordings],
    }


def _facts(recording: Recording) -> dict[str, Any]:
    info = recording.info
    return {
        "name": recording.path.name,
        "frames": "" if info.frames is None else info.frames,
        "size": f"{recording.width}x{recording.height}",
        "rate": "" if recording.stated_rate is None else f"{recording.stated_rate:.6g} Hz",
        "comment": info.comment or "",
        "sha256": _digest(recording.path),
    }


def _digest(path: Path) -> str:
    """Of a file's content; of a folder or a pattern there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _analysed(
    clip: Path, part: Part, progress: Progress | None
) -> tuple[Analysis | None, list[dict[str, str]]]:
    """What was found, and what to say of it first; nothing where it cannot be analysed."""
    try:
        found = analyze(
            clip,
            fps=part.fps,
            sampling_rate=part.sampling_rate,
            start=part.start,
            end=part.end,
            max_frames=part.max_frames,
            roi=part.roi,
            progress=progress,
        )
    except MagnifyError as error:
        return None, [{"severity": "warning", "text": f"it was not analysed: {error}"}]
    cautions = [{"severity": one.severity, "text": one.text} for one in found.cautions]
    if found.truncated is not None:
        cautions.insert(0, {"severity": "warning", "text": str(found.truncated)})
    return found, cautions


def _findings(found: Analysis) -> dict[str, Any]:
    picture = found.series.picture
    return {
        "spectrum": spectrum_chart(found),
        "peaks": [
            peak_chart(found, peak, suggestion)
            for peak, suggestion in zip(found.peaks, found.suggestions, strict=True)
        ],
        "picture": _image(picture, "JPEG"),
    }


def _slices(
    found: Analysis | None, recordings: Sequence[Recording], progress: Progress | None
) -> dict[str, Any]:
    """Through what moves most, along its motion; through the middle where that is not known."""
    first = recordings[0]
    x, y, across = first.width // 2, first.height // 2, True
    if found is not None and found.peaks:
        shape = found.peaks[0].shape
        x, y = (round(float(place)) for place in shape.position[shape.amplitude.argmax()])
        across = abs(shape.main_direction[0]) >= abs(shape.main_direction[1])
    try:
        cut = Cut(0, y, first.width - 1, y) if across else Cut(x, 0, x, first.height - 1)
    except SettingsError:  # a single pixel
        return {"slices": []}
    drawn = []
    for recording in recordings:
        if (recording.height, recording.width) != (first.height, first.width):
            continue  # the same line is not the same place there
        for picture in slices(recording, cut, transpose=across, progress=progress):
            drawn.append({"name": recording.path.name, **_image(picture, "PNG")})
    place = f"row {y}, time to the right" if across else f"column {x}, time to the right"
    return {"slices": drawn, "slice_place": place}


def _image(picture: Picture, kind: str) -> dict[str, Any]:
    """A picture as an address."""
    data = io.BytesIO()
    Image.fromarray(as_depth(picture, np.dtype(np.uint8))).save(data, kind, quality=85)
    encoded = base64.b64encode(data.getvalue()).decode()
    return {
        "width": picture.shape[1],
        "height": picture.shape[0],
        "source": f"data:image/{kind.lower()};base64,{encoded}",
    }
