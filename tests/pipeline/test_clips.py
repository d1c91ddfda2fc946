"""The clips that the field tests on, where a developer has them: read, written, read back."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from magnify.video import Encoding, VideoReader, VideoWriter, probe
from support.checkpoint_samples import shared_file
from support.videos import read_packets, times

NAMES = (
    "baby.mp4",
    "bulb_vp9.mp4",
    "camera.mp4",
    "crane_crop.mp4",
    "eye_highspeed.mp4",
    "fan.mov",
    "guitar.mp4",
    "gun.mp4",
    "shelf.mp4",
    "throat_voice.mp4",
)


def read(path: Path) -> Iterator[NDArray[np.uint8 | np.uint16]]:
    with VideoReader(path) as reader:
        for frame in reader:
            yield frame.picture


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_clips_of_the_field(tmp_path: Path, name: str) -> None:
    clip = shared_file(f"clips/{name}")
    output = tmp_path / name
    encoding = Encoding(preset="ultrafast")
    with VideoReader(clip) as reader, VideoWriter(output, reader, encoding) as writer:
        for frame in reader:
            writer.write(frame)
    assert times(output) == times(clip)
    source, result = probe(clip), probe(output)
    assert result.duration == pytest.approx(source.duration, abs=0.001)
    assert (result.colour, result.rotation) == (source.colour, source.rotation)
    for track in range(source.audio_streams):
        assert read_packets(output, f"a:{track}") == read_packets(clip, f"a:{track}")
    for number, (before, after) in enumerate(zip(read(clip), read(output), strict=True)):
        if number % 50 == 0:
            assert np.abs(before.astype(int) - after).mean() < 3
