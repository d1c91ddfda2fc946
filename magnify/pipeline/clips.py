"""Where frames come from: a video file or an array, either as often as a mode needs them."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from magnify.errors import SettingsError, TruncatedInputError, VideoError
from magnify.messages import Message, Notify
from magnify.motion.registration import TextureError
from magnify.motion.steadying import Mask, Steadier
from magnify.pipeline.window import Window
from magnify.video import Frame, Picture, Place, VideoInfo, VideoReader
from magnify.video.pipes import STANDARD, standard_input
from magnify.video.scaling import fitted_size, scaled


class Clip(ABC):
    """A sequence of frames of one size that can be read more than once.

    Attributes:
        height, width: in pixels.
        rate: frames a second, on average; None if unknown.
        jitter: how far a frame's interval strays from the typical one, relative to that.
        count: how many frames there are, as far as it is known before reading them.
        truncated: set when reading found that the input ends early.
        damage: what was damaged in the frames read so far, in words.
    """

    height: int
    width: int
    rate: float | None
    count: int | None
    jitter: float = 0.0
    truncated: TruncatedInputError | None = None
    damage: str | None = None

    @abstractmethod
    def seconds(self, frame: Frame) -> float:
        """When a frame is shown, counted from the first of the video."""

    def read_once_more(self) -> None:
        """Is told that its frames will be asked for at most once from now on."""
        return None

    @abstractmethod
    def frames(self, place: Place | None = None) -> Generator[Frame, None, None]:
        """All frames from `place` on, or from the first; each call begins anew."""


class VideoClip(Clip):
    """The part of a video that was asked for.

    The file is looked at once, here, and opened when its frames are first asked for; only to read
    them a second time is it opened anew.

    `notify` is told what the user should know of it, and what cannot be as it was asked, such as
    that NVIDIA card number `card` decodes.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fps: float | None = None,
        start: float | None = None,
        end: float | None = None,
        max_frames: int | None = None,
        card: int | None = None,
        notify: Notify | None = None,
    ) -> None:
        self.path = Path(path)
        reader = VideoReader(path, fps=fps, start=start, end=end, max_frames=max_frames, card=card)
        self._reader = reader  # which opens the file when it is iterated
        self.info: VideoInfo = reader.info
        say = notify or (lambda message: None)
        for text in self.info.notices:
            say(Message(text))
        if card is not None and not reader.on_card:
            say(Message("no NVIDIA card can decode this video; the CPU does"))
        self.height, self.width = self.info.height, self.info.width
        self.window: Window | None = None
        self._last_reading = False
        self._shrunk = False
        self._steadier: Steadier | None = None
        self.rate = None if self.info.average_rate is None else float(self.info.average_rate)
        self.count = self.info.frames
        self.jitter = self.info.frame_interval_jitter

    def look_through(self, window: Window) -> None:
        """Gives only a part of its pictures from now on; `height` and `width` are of that."""
        self.window, self.height, self.width = window, window.height, window.width

    def stored(self) -> Iterator[Frame]:
        """All frames as they are stored, whatever is done to them afterwards."""
        with self._reader.again() as reader:
            try:
                yield from reader
            except TruncatedInputError:  # which who makes something of them says
                return

    def seconds(self, frame: Frame) -> float:
        return float((frame.pts - self.info.start_pts) * self.info.time_base)

    def read_once_more(self) -> None:
        self._last_reading = True

    def shrink(self, longest: int) -> None:
        """Gives smaller pictures from now on, whose longer side is `longest` at most."""
        self.height, self.width = fitted_size(self.height, self.width, longest)
        self.info = replace(self.info, height=self.height, width=self.width)
        self._shrunk = True

    def steady(self, still: Mask | None) -> None:
        """Moves its pictures from now on so that they lie as the first does.

        `still` is where nothing moves, (H, W); None: what of the whole picture moves as one.

        Raises:
            SettingsError: there is no texture that would tell how.
            VideoError: the first frame cannot be read.
        """
        with closing(self.frames()) as frames:
            self._steadier = Steadier(next(frames).picture, still)

    def finished(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Frames that were made of this clip's, put back into the whole pictures."""
        return iter(frames) if self.window is None else map(self.window.paste, frames)

    def frames(self, place: Place | None = None) -> Generator[Frame, None, None]:
        with self._reader.again(place) as reader:
            try:
                for frame in reader:
                    if self._last_reading and self.path == STANDARD:
                        standard_input().forget()
                    if self._shrunk:
                        small = scaled(frame.picture, self.info.height, self.info.width)
                        frame = replace(frame, picture=small)
                    if self._steadier is not None:
                        frame = self._steadied(frame)
                    yield frame if self.window is None else self.window.cut(frame)
            except TruncatedInputError as error:
                # What could be decoded is still worth magnifying; the caller says so afterwards.
                self.truncated = error
            finally:
                self.damage = self.damage or reader.seen_damage

    def _steadied(self, frame: Frame) -> Frame:
        assert self._steadier is not None
        try:
            return replace(frame, picture=self._steadier(frame.picture))
        except TextureError as error:
            raise VideoError(
                f"{self.path}: cannot be stabilised {self.seconds(frame):.3f} s after its "
                "beginning, where it looks too little like its first frame; choose a part of it "
                "with --start and --end"
            ) from error


class ArrayClip(Clip):
    """Pictures in memory: (T, H, W, 3), RGB, uint8 or uint16."""

    def __init__(self, pictures: Picture, rate: float) -> None:
        if pictures.ndim != 4 or pictures.shape[-1] != 3 or 0 in pictures.shape:
            raise SettingsError(f"pictures must have shape (T, H, W, 3), not {pictures.shape}")
        if pictures.dtype not in (np.uint8, np.uint16):
            raise SettingsError(f"pictures must be uint8 or uint16, not {pictures.dtype}")
        self.pictures = pictures
        self.count, self.height, self.width = pictures.shape[:3]
        self.rate = rate

    def frames(self, place: Place | None = None) -> Generator[Frame, None, None]:
        first = 0 if place is None else place.number
        for number, picture in enumerate(self.pictures[first:], first):
            yield Frame(picture=picture, pts=number, duration=1)

    def seconds(self, frame: Frame) -> float:
        assert self.rate is not None
        return frame.pts / self.rate
