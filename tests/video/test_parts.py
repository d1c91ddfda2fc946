"""Incomplete outputs where no file can be opened any more."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from magnify.video.parts import Part

resource = pytest.importorskip("resource", reason="needs limits of the system")


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_folder_is_removed_with_the_descriptor_that_it_held(tmp_path: Path) -> None:
    part = Part(tmp_path / "pictures", folder=True)
    (part.path / "0.png").touch()
    with no_descriptor_left():
        part.remove()
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("folder", [True, False])
def test_what_cannot_be_begun_leaves_nothing(folder: bool, tmp_path: Path) -> None:
    with no_descriptor_left(), pytest.raises(OSError, match="Too many open files"):
        Part(tmp_path / "output", folder=folder)
    assert not os.listdir(tmp_path)
