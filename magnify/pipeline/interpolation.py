"""Frames between frames: motion from each frame to the next, magnified by a factor below 1.

A factor t shows what moved t of its way (Oh et al. 2018, section 3: it scales the motion between
two frames). Each new frame has the texture of the nearer of its two neighbours.
"""

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from magnify.engine.network import Network
from magnify.errors import SettingsError
from magnify.messages import Message, Notify, warning
from magnify.models import Texture
from magnify.motion.luma import Levels, luma
from magnify.motion.registration import TextureError
from magnify.motion.steadying import FIRST_WIDEST, WholeShift
from magnify.pipeline.clips import ArrayClip, Clip, VideoClip
from magnify.pipeline.stream import DECODED_AHEAD, Progress, stack
from magnify.pipeline.threads import ahead, behind
from magnify.version import __version__
from magnify.video import Encoding, Frame, VideoInfo, VideoWriter
from magnify.video.reading_pictures import read_pictures

CARRIED = 3.0
"""Pixels from one frame to the next that every method follows on fine texture; coarse shapes are
followed over about half their width."""

WRITTEN_BEHIND = 8


@dataclass(frozen=True)
class Encoded:
    """A frame with its texture and shape."""

    frame: Frame
    texture: Texture
    shape: Tensor


@torch.inference_mode()
def interpolated_frames(
    frames: Iterator[Frame], network: Network, times: int
) -> Generator[Frame, None, None]:
    """Frames, and `times` - 1 new ones between each two.

    Time stamps count `times` ticks for each of the clip's.
    """
    before: Encoded | None = None
    with closing(ahead(frames, DECODED_AHEAD)) as decoded:
        for frame in decoded:
            texture, shape = network.encode(stack([frame]))
            after = Encoded(frame, texture, shape)
            if before is not None:
                gap = frame.pts - before.frame.pts
                for number in range(times):
                    pts = before.frame.pts * times + number * gap
                    yield replace(
                        _between(network, before, after, number / times), pts=pts, duration=gap
                    )
            before = after
    if before is not None:
        frame = before.frame
        yield replace(frame, pts=frame.pts * times, duration=frame.duration * times)


def _between(network: Network, before: Encoded, after: Encoded, share: float) -> Frame:
    if share == 0:
        return before.frame
    near, far = (before, after) if share < 0.5 else (after, before)
    # What a factor of 1 shows is `near`, and one of 0 `far`.
    factor = 1 - share if share < 0.5 else share
    motion = network.model.difference(near.shape, far.shape)
    like = stack([near.frame])
    picture = network.decode(near.texture, near.shape, motion, factor, like=like)
    return replace(near.frame, picture=picture.cpu().numpy()[0])


def interpolate(
    source: Path | Sequence[Path],
    output: Path,
    network: Network,
    *,
    times: int,
    slow: bool = False,
    fps: float | None = None,
    start: float | None = None,
    end: float | None = None,
    max_frames: int | None = None,
    encoding: Encoding | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    notify: Notify | None = None,
) -> int:
    """Writes a clip with frames between its frames, or a way from one picture to the next.

    Args:
        source: a clip; or pictures of one size, which follow each other.
        times: how many frames there are for each of the source's.
        slow: keep the frame rate, so that all takes `times` as long, without sound; else all takes
            as long as before.
        fps: of pictures.
        start, end, max_frames: which part of a clip.

    Returns:
        How many frames were written.

    Raises:
        SettingsError: a value cannot work.
        VideoError: the source cannot be read, or the output not be written.
    """
    if times < 2:
        raise SettingsError(f"there must be 2 frames or more for each, not {times}")
    say = notify or (lambda message: None)
    clip, info = _opened(source, fps, start, end, max_frames, say)
    stretched = _stretched(info, times, slow)
    if slow and info.audio_streams:
        say(Message("what is slowed down has no sound; it is left out"))
    made = {"comment": f"magnify {__version__}: interpolated {times} times, {network.model.name}"}
    report = progress or (lambda stage, done, total: None)
    total = None if clip.count is None else (clip.count - 1) * times + 1
    network.prepare(clip.height, clip.width, total, say)
    count = 0
    with (
        VideoWriter(
            output, stretched, encoding, overwrite=overwrite, metadata=made, notify=say
        ) as writer,
        behind(writer.write, WRITTEN_BEHIND) as write,
        closing(interpolated_frames(_watched(clip.frames(), say), network, times)) as frames,
    ):
        for frame in frames:
            write(frame)
            count += 1
            report("interpolating", count, total)
    if clip.truncated is not None:
        raise clip.truncated
    return count


def _opened(
    source: Path | Sequence[Path],
    fps: float | None,
    start: float | None,
    end: float | None,
    max_frames: int | None,
    say: Notify,
) -> tuple[Clip, VideoInfo]:
    if isinstance(source, Path):
        clip = VideoClip(source, fps=fps, start=start, end=end, max_frames=max_frames, notify=say)
        return clip, clip.info
    rate = Fraction(fps or 25).limit_denominator(100_000)
    if rate <= 0:
        raise SettingsError(f"fps must be above 0, not {fps}")
    pictures = read_pictures(source)
    height, width = pictures.shape[1:3]
    depth = 8 * pictures.dtype.itemsize
    info = VideoInfo(
        width=width, height=height, time_base=1 / rate, average_rate=rate, bit_depth=depth
    )
    return ArrayClip(pictures, float(rate)), info


def _stretched(info: VideoInfo, times: int, slow: bool) -> VideoInfo:
    """What is known of the output: ticks as fine as its frames need, or all of it slower."""
    frames = None if info.frames is None else (info.frames - 1) * times + 1
    counted = replace(
        info,
        start_pts=info.start_pts * times,
        end_pts=None if info.end_pts is None else info.end_pts * times,
        frames=frames,
    )
    if slow:  # what lies beside the pictures keeps its time, and so does not fit any more
        return replace(counted, path=None, audio_streams=0, subtitle_streams=0)
    rates = (info.average_rate, info.stated_rate)
    average, stated = (None if rate is None else rate * times for rate in rates)
    return replace(
        counted, time_base=info.time_base / times, average_rate=average, stated_rate=stated
    )


def _watched(frames: Iterator[Frame], say: Notify) -> Iterator[Frame]:
    """The frames as they are; the first that has moved too far from the last one is told."""
    told = False
    before: Levels | None = None
    for number, frame in enumerate(frames):
        if not told:
            after = luma(frame.picture)
            moved = 0.0 if before is None else _moved(before, after)
            if moved > CARRIED:
                told = True
                say(
                    warning(
                        f"the picture as a whole moves by {moved:.0f} px to frame {number}; beyond "
                        f"about {CARRIED:.0f} px, frames between show fine texture twice"
                    )
                )
            before = after
        yield frame


def _moved(before: Levels, after: Levels) -> float:
    try:
        right, down = WholeShift(before, FIRST_WIDEST)(after)
    except TextureError:  # too smooth, or another scene
        return 0.0
    return math.hypot(right, down)
