"""The two stages of modes that need the whole clip: its motion first, then its pictures.

The motion of all frames is kept beside the parts. So a run that was ended in the second stage goes
on there, part by part.
"""

import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magnify.errors import VideoError
from magnify.messages import Message, Notify
from magnify.pipeline.clips import Clip, VideoClip
from magnify.pipeline.modes import Mode
from magnify.pipeline.prepare import Engine
from magnify.pipeline.stream import DECODED_AHEAD, Progress, Stream, with_reference
from magnify.pipeline.threads import ahead
from magnify.temporal.recorded import Recorded, record

if TYPE_CHECKING:
    from torch import Tensor

    from magnify.engine.network import Network
    from magnify.pipeline.alpha import Factor
    from magnify.temporal.operators import Operator

MOTION = "motion.npy"
"""The file's name, beside the parts."""

SPARE = 1.2
"""Room that the disk needs, over what the motion takes."""


@dataclass(frozen=True)
class RecordedMode(Mode):
    """A mode whose motion has been found already, for one clip."""

    whole: Mode
    path: Path

    name = "recorded"

    @property
    def label(self) -> str:
        return self.whole.label

    def describe(self, clip: "Clip") -> dict[str, Any]:
        return self.whole.describe(clip)

    def operator(
        self,
        clip: "Clip",
        network: "Network",
        reference: "Tensor | None",
        alpha: "Factor",
        notify: Notify,
    ) -> "Operator":
        return Recorded(self.path)


def recorded_mode(
    clip: VideoClip,
    engine: Engine,
    mode: Mode,
    alpha: "Factor",
    folder: Path,
    progress: Progress | None,
    say: Notify,
) -> RecordedMode | None:
    """The mode with its motion in a file in `folder`, which is written unless it is there.

    None where the disk has too little room for it, which the user is told.

    Raises:
        VideoError: the clip cannot be read, or the file not be written.
    """
    path = folder / MOTION
    if not path.exists():
        frames = sum(1 for _ in clip.stored())
        needed = SPARE * frames * engine.network.shape_bytes(clip.height, clip.width)
        if needed > shutil.disk_usage(folder).free:
            say(
                Message(
                    f"{folder.parent}: has no room for {needed / 1e9:.1f} GB of motion, so a run "
                    "that is ended begins anew"
                )
            )
            return None
        _find(clip, engine, mode, alpha, path, frames, progress, say)
    return RecordedMode(mode, path)


def _find(
    clip: VideoClip,
    engine: Engine,
    mode: Mode,
    alpha: "Factor",
    path: Path,
    frames: int,
    progress: Progress | None,
    say: Notify,
) -> None:
    """Finds the motion of all frames, and writes it; the file has its name when it is whole."""
    network = engine.network
    network.prepare(clip.height, clip.width, clip.count, say)
    part = path.with_suffix(".part")
    try:
        with closing(ahead(clip.frames(), DECODED_AHEAD)) as decoded:
            reference, needed = with_reference(clip, decoded, mode.reference_frames)
            operator = mode.operator(clip, network, reference, alpha, say)
            with closing(Stream(clip, network, operator, progress).motions(needed)) as motions:
                record(motions, part, frames, half=operator.fits_half)
        part.replace(path)
    except OSError as error:
        raise VideoError(f"{path.parent}: cannot be written: {error.strerror}") from error
