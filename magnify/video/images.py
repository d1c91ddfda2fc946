"""Image sequences as video: a folder of pictures, or a numbered printf pattern."""

import re
from collections import Counter
from collections.abc import Generator, Iterable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av

from magnify.errors import SettingsError, VideoError
from magnify.video.files import is_folder, is_regular, is_there
from magnify.video.formats import IMAGE_OPTIONS, IMAGE_SUFFIXES
from magnify.video.tiff import pages

_NUMBER = re.compile(r"%(?:0(\d+))?d")
_SAME_KIND = {".jpeg": ".jpg", ".tiff": ".tif"}
_LOWEST_RATE, _HIGHEST_RATE = 5e-5, 1_000_000
"""Frames a second that containers can count: MP4 takes no frame that lasts for a day."""
_LARGEST_TERM = 2**31 - 1
"""FFmpeg counts in fractions of such numbers."""


def is_image_sequence(path: Path) -> bool:
    """A folder, or a name such as `frame_%04d.png` that is no file's own."""
    return is_folder(path) or (is_pattern(path.name) and not is_there(path))


def is_pattern(name: str) -> bool:
    """Whether a name has a printf number in it, such as %d or %04d."""
    return _NUMBER.search(name) is not None


def frame_rate(path: Path, fps: Fraction | float | None) -> Fraction:
    """The rate of an image sequence, which only the user can know."""
    if fps is None:
        raise SettingsError(f"{path}: images have no frame rate; say it with fps (--fps)")
    if not 0 < fps < float("inf"):
        raise SettingsError(f"fps must be above 0, not {fps}")
    if not _LOWEST_RATE <= fps <= _HIGHEST_RATE:
        raise SettingsError(f"fps must be between 0.00005 and {_HIGHEST_RATE}, not {fps}")
    return Fraction(fps).limit_denominator(min(100_000, int(_LARGEST_TERM / fps)))


def list_images(path: Path) -> list[Path]:
    """The pictures of a folder in natural order, or those of a pattern by number.

    Raises:
        VideoError: there are none, they are of several kinds, one has several pages, or a number is
            missing from the pattern's sequence.
    """
    images = _in_folder(path) if is_folder(path) else _numbered(path)
    if not images:
        kinds = ", ".join(sorted(IMAGE_SUFFIXES))
        raise VideoError(
            f"{path}: no images found (looked for {kinds}); name videos by themselves, or by a "
            "pattern such as folder/*.mp4"
        )
    for image in images:
        if image.suffix.lower() in (".tif", ".tiff") and (count := pages(image)) > 1:
            raise VideoError(
                f"{image}: holds {count} pages, of which only the first would be read; split it "
                "into pictures first, for instance with tiffsplit or ImageMagick"
            )
    return images


def irregularities(images: list[Path]) -> list[str]:
    """What about the names of a folder's pictures makes it doubtful that they are one sequence."""
    names = [_fixed_parts(image.name) for image in images]
    found = []
    if len(set(names)) > 1:
        rare = Counter(names).most_common()[-1][0]
        odd = next(image.name for image in images if _fixed_parts(image.name) == rare)
        found.append(
            f"not all pictures are named alike (such as {images[0].name} and {odd}); "
            "all are taken, in the order of their names"
        )
    elif gap := _first_gap(images):
        before, after = gap
        found.append(
            f"pictures are missing between {before.name} and {after.name}; "
            "the others follow each other without a pause"
        )
    return found


def read_image(path: Path) -> av.VideoFrame:
    """The picture in a file.

    Raises:
        VideoError: there is none, or more than one.
    """
    if not is_regular(path):
        raise VideoError(f"{path}: cannot be read as an image (it is no regular file)")
    try:
        with av.open(f"file:{path}", options=dict(IMAGE_OPTIONS)) as image:
            frames = image.decode(video=0)
            picture = next(frames)
            if image.format.name in ("gif", "apng") and next(frames, None) is not None:
                raise VideoError(f"{path}: is animated; give it alone, as a video")
            return picture
    except (av.FFmpegError, StopIteration, IndexError, ValueError) as error:
        raise VideoError(f"{path}: cannot be read as an image") from error


def first_image(images: Iterable[Path]) -> av.VideoFrame:
    """The first picture that can be read.

    Raises:
        VideoError: of the first one, if none can.
    """
    failure: VideoError | None = None
    for path in images:
        try:
            return read_image(path)
        except VideoError as error:
            failure = failure or error
    assert failure is not None
    raise failure


class ImageDecoder:
    """Iterates over the images of a sequence, with their number as time stamp.

    Those that cannot be read are left out, and the one before is shown for longer. After the last
    image, `damage` says in words what was missing, or is None. It begins with image `first`.
    """

    def __init__(self, path: Path, count: int, first: int = 0) -> None:
        self._path = path
        self._folder = path if is_folder(path) else path.parent
        self._count = count
        self._first = first
        self._failures: list[str] = []
        self.damage: str | None = None

    @property
    def seen_damage(self) -> str | None:
        """What could not be read so far, in words; None if everything could."""
        if not self._failures:
            return None
        more = f" (and {len(self._failures) - 1} more)" if len(self._failures) > 1 else ""
        return self._failures[0].removeprefix(f"{self._folder}/") + more

    def __iter__(self) -> Generator[av.VideoFrame, None, None]:
        images = list_images(self._path)
        for number, path in enumerate(images[self._first :], self._first):
            try:
                frame = read_image(path)
            except VideoError as error:
                self._failures.append(str(error))
                continue
            if frame.is_corrupt:
                self._failures.append(f"{path}: is damaged")
            frame.pts, frame.duration = number, 1
            yield frame
        self.damage = self.seen_damage
        if self.damage is None and len(images) != self._count:
            self.damage = f"had {self._count} pictures at first, and {len(images)} later"


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
    images = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not path.name.startswith(".")
        and is_regular(path)
    ]
    kinds = Counter(_SAME_KIND.get(suffix := path.suffix.lower(), suffix) for path in images)
    if len(kinds) > 1:
        listed = " and ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        raise VideoError(
            f"{folder}: holds pictures of several kinds ({listed}); give those that are meant as a "
            "pattern like frame_%04d.png, or move the others"
        )
    return sorted(images, key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = re.findall(r"\d+|\D+", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _fixed_parts(name: str) -> tuple[str, ...]:
    """A name without its numbers."""
    return tuple(re.split(r"\d+", name.lower()))


def _first_gap(images: list[Path]) -> tuple[Path, Path] | None:
    """The first two neighbours whose numbers lie farther apart than is usual."""
    numbers = [[int(part) for part in re.findall(r"\d+", image.name)] for image in images]
    places = [place for place in range(len(numbers[0])) if len({n[place] for n in numbers}) > 1]
    if len(places) != 1:
        return None
    steps = [after[places[0]] - before[places[0]] for before, after in pairwise(numbers)]
    ((usual, _),) = Counter(steps).most_common(1)
    return next(
        (pair for pair, step in zip(pairwise(images), steps, strict=True) if step > usual), None
    )


def _numbered(pattern: Path) -> list[Path]:
    matcher = pattern_matcher(pattern.name)
    if not is_folder(pattern.parent):
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
