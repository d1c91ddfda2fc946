"""What the inputs of a command stand for: files, folders of videos, patterns, lists."""

import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from magnify.errors import SettingsError, VideoError
from magnify.messages import Message, Notify, counted
from magnify.video.formats import IMAGE_SUFFIXES

VIDEOS = (
    *(".3gp", ".asf", ".avi", ".dv", ".flv", ".gif", ".ivf", ".m2ts", ".m4v", ".mkv", ".mov"),
    *(".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogv", ".ts", ".vob", ".webm", ".wmv"),
    ".y4m",
)
"""Files that count as videos where a folder is named."""

PRINTF = re.compile(r"%0?\d*d")
GLOB = re.compile(r"[*?]")
"""Brackets alone are more often part of a name."""


@dataclass(frozen=True)
class Input:
    """One clip to magnify.

    Attributes:
        path: a video file, a folder of pictures, or a printf pattern.
        folder: where it lies below the folder that was named; its output keeps that place.
    """

    path: Path
    folder: Path = Path()


def expanded(names: Iterable[Path], *, recursive: bool, notify: Notify) -> list[Input]:
    """The clips that the inputs of a command stand for, in their order.

    A folder of videos stands for each of them, with those below it where `recursive`; a folder of
    pictures is one clip. A pattern that the shell left as it is (`*.mp4`) is expanded.
    `notify` is told what a folder was taken for.

    Raises:
        SettingsError: a pattern matches nothing, or a folder holds videos and pictures.
    """
    found: list[Input] = []
    for name in names:
        if os.path.isdir(name):
            clips = _in_folder(name, recursive, notify)
            if not clips:
                raise SettingsError(f"{name}: no videos and no pictures lie in or below it")
            found += clips
        elif not os.path.lexists(name) and GLOB.search(str(name)) and not PRINTF.search(str(name)):
            matches = sorted(glob.glob(str(name), recursive=True), key=_natural)
            if not matches:
                raise SettingsError(f"no file matches {name}")
            found += expanded(map(Path, matches), recursive=recursive, notify=notify)
        else:
            found.append(Input(name))
    return found


def listed(file: Path) -> Iterator[str]:
    """The lines of a list of inputs: one input or one JSON job a line; `#` begins a comment.

    Raises:
        VideoError: the list cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise VideoError(f"{file}: cannot be read as a list of inputs: {reason}") from error
    for line in lines:
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def _in_folder(folder: Path, recursive: bool, notify: Notify) -> list[Input]:
    videos, pictures = _members(folder)
    if videos and pictures:
        raise SettingsError(
            f"{folder} holds videos ({videos[0].name}, …) and pictures ({pictures[0].name}, …); "
            "name the ones that are meant, such as by a pattern"
        )
    found = [Input(video) for video in videos]
    if recursive:
        below = sorted((path for path in folder.iterdir() if path.is_dir()), key=_natural)
        for inner in below:
            if not inner.name.startswith("."):
                found += [
                    Input(one.path, Path(inner.name, one.folder))
                    for one in _in_folder(inner, recursive, lambda notice: None)
                ]
    if found and not pictures:
        notify(Message(f"{folder}: taken as a folder of {counted(len(found), 'video')}"))
        return found
    # Of pictures, or of nothing, which the reader says in its own words; or of folders of clips.
    return [*found, Input(folder)] if pictures or not recursive else found


def _members(folder: Path) -> tuple[list[Path], list[Path]]:
    """The videos and the pictures that lie in a folder."""
    files = sorted(
        (path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")),
        key=_natural,
    )
    videos = [path for path in files if path.suffix.lower() in VIDEOS]
    return videos, [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]


def _natural(path: str | Path) -> list[tuple[int, str]]:
    """An order in which clip2 comes before clip10."""
    return [
        (int(part), "") if part.isdigit() else (-1, part)
        for part in re.split(r"(\d+)", str(path))
        if part
    ]
