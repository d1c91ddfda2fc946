"""Files and folders of results that appear complete or not at all."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from magnify.errors import SettingsError, VideoError


@contextmanager
def new_folder(path: Path, overwrite: bool) -> Iterator[Path]:
    """A folder to write into, which then takes the name `path`; of a failure, nothing is left.

    Raises:
        SettingsError: there is something at `path` that may not, or must not, be replaced.
        VideoError: it cannot be written.
    """
    check_target(path, overwrite, folder=True)
    part = _beside(path)
    with _errors_named(path):
        part.mkdir()
        try:
            yield part
            _publish(part, path)
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def new_files(paths: list[Path], overwrite: bool) -> Iterator[list[Path]]:
    """Files to write, which then take the names `paths` together; of a failure, none is left.

    Raises:
        SettingsError: there is something at one of `paths` that may not be replaced.
        VideoError: one cannot be written.
    """
    for path in paths:
        check_target(path, overwrite, folder=False)
    parts = [_beside(path) for path in paths]
    with _errors_named(paths[0]):
        try:
            yield parts
            for part, path in zip(parts, paths, strict=True):
                if part.exists():
                    part.replace(path)
        finally:
            for part in parts:
                part.unlink(missing_ok=True)


def check_target(path: Path, overwrite: bool, *, folder: bool) -> None:
    """Checks a name for results, before any work that would be lost.

    Raises:
        SettingsError: something is there that may not be replaced, or no folder to put it into.
    """
    if not path.parent.is_dir():
        raise SettingsError(f"{path}: there is no folder {path.parent}; make it first")
    if not os.path.lexists(path):
        return
    if path.is_dir() != folder:
        kinds = ("a folder", "a file") if path.is_dir() else ("a file", "a folder")
        raise SettingsError(f"{path}: is {kinds[0]}, not {kinds[1]}; choose another name")
    if not overwrite and not (folder and not any(path.iterdir())):
        raise SettingsError(f"{path}: exists; use --overwrite to replace it, or another name")
    if folder and any(path.iterdir()) and not (path / MARK).is_file():
        raise SettingsError(f"{path}: holds no results of magnify's, so it is never replaced")


MARK = "summary.json"
"""The file that tells a folder of results from any other."""


def _beside(path: Path) -> Path:
    # Short, as the name itself may be as long as names can be.
    return path.with_name(f".{path.stem[:40]}.{secrets.token_hex(4)}.part{path.suffix}")


def _publish(part: Path, path: Path) -> None:
    if not path.exists():
        part.rename(path)
        return
    replaced = part.with_suffix(".replaced")
    path.rename(replaced)
    part.rename(path)
    shutil.rmtree(replaced)


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise VideoError(f"{path}: cannot be written: {error.strerror or error}") from error
