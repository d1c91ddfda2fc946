"""What a video is: found out once, before any frame is processed."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import atan2, degrees
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from magnify.errors import SettingsError, VideoError
from magnify.video.colour import ColourTags, bit_depth, check_matrix
from magnify.video.decoding import decode
from magnify.video.files import FileState, file_state
from magnify.video.images import (
    first_image,
    frame_rate,
    irregularities,
    is_image_sequence,
    list_images,
)
from magnify.video.opening import is_still, open_video, video_stream
from magnify.video.pipes import STANDARD
from magnify.video.side_data import display_matrix, has_mastering
from magnify.video.timing import NOTED_JITTER as NOTED_JITTER
from magnify.video.timing import stream_timing

BROADCAST = ("mpeg", "mpegts")
"""Containers whose clock starts anywhere."""

IMAGES = "images"

JITTER_PACKETS = 300
"""So many packets tell whether the frame rate is constant."""

PIPED_PACKETS = 30
"""Of a pipe: somebody may be waiting for what comes out at its other end."""

_INTERLACED = (
    "its frames are interlaced: each holds two moments, which are magnified as one; deinterlace it "
    "first, for instance with: ffmpeg -i IN -vf bwdif OUT.mkv"
)


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """A video stream and the file around it. Sizes are those of the stored, unrotated pictures.

    Attributes:
        width, height: in pixels.
        time_base: seconds per tick of every time stamp.
        average_rate: frames per second: as the container says; but the mean of the first 300 where
            they disagree, or where intervals vary and it is no MP4 or QuickTime file, which count.
        stated_rate: frames per second as the container says, right or wrong.
        path: the file, image folder or image pattern; None for pictures that come from nowhere.
        container: FFmpeg's name of the format; "images" for an image sequence.
        codec, pixel_format: FFmpeg's names.
        bit_depth: of one colour channel as stored.
        start_pts: time stamp of the first frame, in ticks.
        clock_origin: seconds at which the file's clock starts, where that has no meaning; else 0.
        end_pts: when the last frame ends, where the container knows.
        frames: how many there are, as far as the container tells; the true number may differ.
        duration: of the video stream, in seconds.
        colour: primaries, transfer, matrix and range.
        sample_aspect_ratio: a pixel's width over its height.
        display_matrix: the 9 numbers that turn the stored picture into the shown one.
        frame_interval_jitter: how far, in typical frame intervals, an interval strays from the
            typical one among the first 300 frames; 0 means a constant rate.
        interlaced: whether the frames are made of two fields.
        alpha_beside: whether transparency is coded beside the pictures, as VP8 and VP9 have it.
        mastering: whether HDR10's mastering display or content light level is stated.
        audio_streams, subtitle_streams: how many the file has.
        comment: the file's comment, in which magnified files say how they were made.
        cut_start: seconds that are left out at the start.
        cut_end: whether the end may be left out.
        state: which file it was, to tell whether it is still the same; None if it is no file.
        notices: what the user should know about the video, one line each.
    """

    width: int
    height: int
    time_base: Fraction
    average_rate: Fraction | None = None
    stated_rate: Fraction | None = None
    path: Path | None = None
    container: str | None = None
    codec: str = "rawvideo"
    pixel_format: str = "rgb24"
    bit_depth: int = 8
    start_pts: int = 0
    clock_origin: Fraction = Fraction(0)
    end_pts: int | None = None
    frames: int | None = None
    duration: float | None = None
    colour: ColourTags = field(default_factory=lambda: ColourTags(matrix=0, range=2))
    sample_aspect_ratio: Fraction | None = None
    display_matrix: tuple[int, ...] | None = None
    frame_interval_jitter: float = 0.0
    interlaced: bool = False
    alpha_beside: bool = False
    mastering: bool = False
    audio_streams: int = 0
    subtitle_streams: int = 0
    comment: str | None = None
    cut_start: Fraction = Fraction(0)
    cut_end: bool = False
    state: FileState | None = field(default=None, compare=False, repr=False)
    notices: tuple[str, ...] = ()

    @property
    def rotation(self) -> int:
        """Degrees counter-clockwise by which a player turns the stored picture."""
        if self.display_matrix is None:
            return 0
        return round(-degrees(atan2(self.display_matrix[1], self.display_matrix[0])))


def probe(path: str | Path, *, fps: Fraction | float | None = None) -> VideoInfo:
    """Look at a video without processing it: opens it, reads its first packets, decodes a frame.

    `fps` is needed for image sequences, and wrong for everything else.

    Raises:
        VideoError: missing, not a video, no video stream, nothing that decodes.
        SettingsError: `fps` is missing or out of place.
    """
    path = Path(path)
    if is_image_sequence(path):
        return _probe_images(path, list_images(path), frame_rate(path, fps))
    state = file_state(path)
    with open_video(path, state=state) as container:
        if fps is not None:
            raise SettingsError(
                f"{path}: fps is for image sequences; a video has its own time stamps"
            )
        return _probe_container(path, container, state)


def _probe_images(path: Path, images: list[Path], rate: Fraction) -> VideoInfo:
    info = _describe(first_image(images), 1 / rate)
    return replace(
        info,
        start_pts=0,
        average_rate=rate,
        path=path,
        container=IMAGES,
        codec=images[0].suffix.lower().lstrip("."),
        frames=len(images),
        duration=float(len(images) / rate),
        notices=(*irregularities(images), *info.notices),
    )


def _probe_container(path: Path, container: InputContainer, state: FileState) -> VideoInfo:
    stream = video_stream(path, container)
    assert stream.time_base is not None
    began = container.start_time if container.format.name in BROADCAST else None
    frame, time_stamps, complete = _first_packets(path, container, stream)
    check_matrix(ColourTags.of(frame), str(path))
    info = _describe(frame, stream.time_base)
    timing = stream_timing(path, container, stream, time_stamps, complete=complete)
    return replace(
        info,
        end_pts=timing.end_pts,
        average_rate=timing.average_rate,
        stated_rate=timing.stated_rate,
        path=path,
        state=state,
        container=container.format.name,
        clock_origin=Fraction(began or 0, av.time_base),
        codec=stream.codec_context.codec.canonical_name,
        frames=timing.frames,
        duration=timing.duration,
        sample_aspect_ratio=stream.sample_aspect_ratio or None,
        frame_interval_jitter=timing.jitter,
        alpha_beside=stream.metadata.get("alpha_mode") == "1",
        mastering=has_mastering(frame),
        audio_streams=len(container.streams.audio),
        subtitle_streams=len(container.streams.subtitles),
        comment=_comment(container),
        notices=(*_other_videos(container, stream), *timing.notices, *info.notices),
    )


def _comment(container: InputContainer) -> str | None:
    tags = {key.lower(): value for key, value in container.metadata.items()}
    return tags.get("comment")


def _other_videos(container: InputContainer, chosen: VideoStream) -> list[str]:
    others = [s for s in container.streams.video if s is not chosen and not is_still(s)]
    if not others:
        return []
    context = chosen.codec_context
    return [
        f"of {len(others) + 1} video streams, number {chosen.index} "
        f"({context.codec.canonical_name}, {context.width}x{context.height}) is taken"
    ]


def _describe(frame: av.VideoFrame, time_base: Fraction) -> VideoInfo:
    """What a frame says by itself."""
    return VideoInfo(
        width=frame.width,
        height=frame.height,
        time_base=time_base,
        pixel_format=frame.format.name,
        bit_depth=bit_depth(frame.format.name),
        start_pts=frame.pts or 0,
        colour=ColourTags.of(frame),
        display_matrix=display_matrix(frame),
        interlaced=frame.interlaced_frame,
        notices=(_INTERLACED,) if frame.interlaced_frame else (),
    )


def _first_packets(
    path: Path, container: InputContainer, stream: VideoStream
) -> tuple[av.VideoFrame, list[int], bool]:
    """The first frame, the sorted time stamps of the first packets, whether there are no more."""
    first: av.VideoFrame | None = None
    time_stamps = []
    enough = PIPED_PACKETS if path == STANDARD else JITTER_PACKETS
    try:
        for packet in container.demux(stream):
            if first is None:
                first = next(iter(decode(packet)), None)
            if packet.pts is not None:
                time_stamps.append(packet.pts)
            if len(time_stamps) >= enough and first is not None:
                # Frames that are stored later may be shown between the last of these.
                return first, sorted(time_stamps)[: -enough // 10], False
    except av.FFmpegError as error:
        if first is None:
            raise VideoError(f"{path}: no frame can be decoded ({error.strerror})") from error
    if first is None:
        raise VideoError(f"{path}: has no frames that can be decoded")
    return first, sorted(time_stamps), True
