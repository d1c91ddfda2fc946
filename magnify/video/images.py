"""Image sequences as video: a folder of pictures, or a numbered printf pattern."""

import re
from collections.abc import Generator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av

from magnify.errors import SettingsError, VideoError

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"})
"""The pictures that a folder is searched for."""

_NUMBER = re.compile(r"%(?:0(\d+))?d")


def is_image_sequence(path: Path) -> bool:
    """A folder, or a name such as `frame_%04d.png` that is no file's own."""
    return path.is_dir() or (is_pattern(path.name) and not path.exists())


def is_pattern(name: str) -> bool:
    """Whether a name has a printf number in it, such as %d or %04d."""
    return _NUMBER.search(name) is not None


def frame_rate(path: Path, fps: Fraction | float | None) -> Fraction:
    """The rate of an image sequence, which only the user can know."""
    if fps is None:
        raise SettingsError(f"{path}: images have no frame rate; say it with fps (--fps)")
    if not 0 < fps < float("inf"):
        raise SettingsError(f"fps must be above 0, not {fps}")
    return Fraction(fps).limit_denominator(100_000)


def list_images(path: Path) -> list[Path]:
    """The pictures of a folder in natural order, or those of a pattern by number.

    Raises:
        VideoError: there are none, or a number is missing from the pattern's sequence.
    """
    images = _numbered(path) if not path.is_dir() else _in_folder(path)
    if not images:
        kinds = ", ".join(sorted(SUFFIXES))
        raise VideoError(
            f"{path}: no images found (looked for {kinds}); of videos in a folder, give the files"
        )
    return images


def read_image(path: Path) -> av.VideoFrame:
    """The picture in a file.

    Raises:
        VideoError: there is none.
    """
    try:
        with av.open(f"file:{path}", options={"pattern_type": "none"}) as image:
            return next(image.decode(video=0))
    except (av.FFmpegError, StopIteration, IndexError) as error:
        raise VideoError(f"{path}: cannot be read as an image") from error


class ImageDecoder:
    """Iterates over the images of a sequence, with their number as time stamp."""

    damage = None

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Generator[av.VideoFrame, None, None]:
        for number, path in enumerate(list_images(self._path)):
            frame = read_image(path)
            frame.pts, frame.duration = number, 1
            yield frame


def pattern_matcher(pattern: str) -> re.Pattern[str]:
    """The file names that a printf pattern stands for; the number is group 1."""
    before, width, after = _NUMBER.split(pattern, maxsplit=1)
    digits = rf"(\d{{{width},}})" if width else r"(\d+)"
    return re.compile(re.escape(before) + digits + re.escape(after))


def numbered_name(pattern: str, number: int) -> str:
    """The file name that a printf pattern gives to a number."""
    before, width, after = _NUMBER.split(pattern, maxsplit=1)
    return f"{before}{number:0{width or 1}d}{after}"


def _in_folder(folder: Path) -> list[Path]:
    def natural(path: Path) -> list[tuple[int, str]]:
        parts = re.findall(r"\d+|\D+", path.name.lower())
        return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]

    images = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return sorted((path for path in images if not path.name.startswith(".")), key=natural)


def _numbered(pattern: Path) -> list[Path]:
    matcher = pattern_matcher(pattern.name)
    if not pattern.parent.is_dir():
        raise VideoError(f"{pattern}: there is no folder {pattern.parent}")
    numbered = {
        int(match.group(1)): path
        for path in pattern.parent.iterdir()
        if (match := matcher.fullmatch(path.name))
    }
    numbers = sorted(numbered)
    for before, after in pairwise(numbers):
        if after != before + 1:
            raise VideoError(f"{pattern}: image number {before + 1} is missing")
    return [numbered[number] for number in numbers]
