"""Writing video safely: nothing half-written, nothing overwritten unasked."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import av

from magnify.errors import PipeClosedError, SettingsError, VideoError
from magnify.messages import Message, Notify
from magnify.video.choices import Encoding
from magnify.video.encoding import container_suffix
from magnify.video.image_output import ImageOutput, check_replaceable, image_target
from magnify.video.info import VideoInfo
from magnify.video.orientation import upright_info
from magnify.video.output import ContainerOutput
from magnify.video.parting import fitted, turned
from magnify.video.parts import Part, sweep
from magnify.video.pipes import STANDARD, StandardOutput
from magnify.video.reader import Frame, VideoReader
from magnify.video.segment import Segment

_REASONS = {
    errno.ENOSPC: "no space is left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than allowed",
    errno.EACCES: "writing is not allowed there",
    errno.EPERM: "writing is not allowed there",
    errno.EROFS: "the disk is read-only",
    errno.ENAMETOOLONG: "the name is too long",
}


class VideoWriter:
    """Writes frames with the source's time stamps, streams and tags, under a temporary name.

    The output gets its name when the `with` block ends well; otherwise nothing is left of it.
    Frames may be written in another thread than the one that made the writer.

    Args:
        path: .mp4, .m4v, .mov, .mkv, .webm, .gif, .nut or .y4m. A printf pattern, a folder, or a
            name that ends with "/" or has no extension is an image folder, written as PNGs. "-"
            is standard output, which gets the video as it is made. What cannot say how pictures
            are to be turned, as GIFs and images, has them turned.
        source: what is known of the frames to come; its file gives the other streams.
        encoding: codec and quality.
        overwrite: replace `path` if it exists.
        metadata: tags for the file, where the source does not have them.
        notify: is told, at once, what `notices` holds.

    Attributes:
        notices: one line for each thing about the source that cannot be kept as it was.

    Raises:
        SettingsError: on construction: `path` exists, is the source, or cannot be encoded so.
        VideoError: it cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        source: VideoReader | VideoInfo,
        encoding: Encoding | None = None,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
        notify: Notify | None = None,
    ) -> None:
        self._notify = notify or (lambda message: None)
        self.notices: list[str] = []
        self.info = source.info if isinstance(source, VideoReader) else source
        with _errors_named(Path(path)):
            images = image_target(path)
            self.path = images[0] if images else Path(path)
            if self.path != STANDARD:
                sweep(self.path)
                _check_target(self.path, images[1] if images else None, self.info, overwrite)
        self._overwrite = overwrite
        self._frames = 0
        encoding = encoding or Encoding()
        self._suffix = container_suffix(Path(path), encoding)
        self._matrix = turned(Path(path), self._suffix, self.info)
        with _errors_named(self.path):
            self._part = (
                None if self.path == STANDARD else Part(self.path, folder=images is not None)
            )
            try:
                self._output = self._open(images, encoding, metadata or {})
            except BaseException:
                self._remove()
                raise

    def _tell(self, text: str) -> None:
        self.notices.append(text)
        self._notify(Message(text))

    @property
    def damage(self) -> str | None:
        """What of the source's sound, subtitles and so on was damaged and is left out, in words.

        It is complete when the writer is closed; None if nothing was.
        """
        return self._output.damage

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.discard()
        else:
            self.close()

    def write(self, frame: Frame) -> None:
        """Encode the next frame, a picture of the source's size.

        Raises:
            VideoError: the picture has another size, or cannot be written.
        """
        frame = fitted(frame, self.info, self.path, self._matrix)
        with _errors_named(self.path):
            self._output.write(frame)
        self._frames += 1

    def write_segment(self, segment: Segment) -> None:
        """Write the next part, which a `SegmentEncoder` for the same output has made.

        Raises:
            VideoError: it was made with other settings, or cannot be written.
        """
        with _errors_named(self.path):
            self._output.write_segment(segment)
        self._frames += segment.frames

    def close(self) -> None:
        """Finish the file and give it its name.

        Raises:
            VideoError: no frame was written, or the rest cannot be written; nothing is left.
        """
        try:
            if not self._frames:
                raise VideoError(f"{self.path}: no frame was written")
            with _errors_named(self.path):
                self._output.finish()
                self._publish()
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove what was written so far."""
        self._output.abandon()
        self._remove()

    def _remove(self) -> None:
        if self._part is not None:
            self._part.remove()

    def _open(
        self, images: tuple[Path, str] | None, encoding: Encoding, metadata: Mapping[str, str]
    ) -> ImageOutput | ContainerOutput:
        info = self.info if self._matrix is None else upright_info(self.info)
        target = StandardOutput() if self._part is None else self._part.path
        if images and isinstance(target, Path):
            return ImageOutput(target, images[1], info, encoding, self._tell)
        return ContainerOutput(target, self._suffix, info, encoding, metadata, self._tell)

    def _publish(self) -> None:
        if self._part is None:
            return
        if self.path.exists() and not self._overwrite and not is_empty_folder(self.path):
            raise VideoError(f"{self.path}: appeared in the meantime; it was left as it is")
        self._part.publish()


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Errors of the system and of FFmpeg, in words, with the output's name."""
    try:
        yield
    except BrokenPipeError as error:
        raise PipeClosedError(f"{path}: nobody reads it any more") from error
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path}: cannot be written: {_reason(error)}") from error


def _reason(error: av.FFmpegError | OSError) -> str:
    known = _REASONS.get(error.errno or 0)
    if known:
        return known
    said = error.strerror or str(error)
    log = getattr(error, "log", None)
    return f"{said} ({log[2].strip()})" if log else said


def _check_target(path: Path, pattern: str | None, info: VideoInfo, overwrite: bool) -> None:
    """Everything about the name alone, before anything is created.

    Raises:
        SettingsError: it is the source, or exists and is not to be replaced.
        VideoError: there is no folder for it.
    """
    if path.exists() and any(os.path.samefile(path, place) for place in _places(info)):
        raise SettingsError(f"{path}: is the input itself; choose another output")
    if path.resolve() == Path.cwd():
        raise SettingsError(f"{path}: is the current folder; name one in it, such as frames/")
    if pattern is not None and path.is_dir():
        check_replaceable(path, pattern)
    elif pattern is not None and path.exists():
        raise SettingsError(f"{path}: is a file; images need a folder, videos a name like out.mp4")
    if os.path.lexists(path) and not overwrite and not is_empty_folder(path):
        raise SettingsError(
            f"{path}: exists already; use --overwrite to replace it, or another name"
        )
    if pattern is None and path.is_dir():
        raise SettingsError(f"{path}: is a folder; name a file in it")
    if not path.parent.is_dir():
        raise VideoError(f"{path}: there is no folder {path.parent}")


def _places(info: VideoInfo) -> list[Path]:
    """The files and folders that the source is read from, which no output may replace."""
    if info.path is None:
        return []
    return [place for place in (info.path, info.path.parent) if place.exists()]


def is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
