"""Parts that are made elsewhere, in any order, are those that are made here."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from magnify.jobs.parts import Made, Order, make
from magnify.jobs.resuming import InParts
from magnify.pipeline.job import Compute, Job, Output, Source
from magnify.pipeline.modes import Acceleration, Bandpass, Dynamic, Mode, Static
from magnify.pipeline.prepare import Engine, prepare
from magnify.pipeline.run import open_clip, run
from magnify.video import Encoding
from support.videos import make_clip, read_packets

FRAMES, LENGTH = 22, 5
MODES: dict[str, Mode] = {
    "static": Static(),
    "static-later": Static(index=7),
    "dynamic": Dynamic(),
    "fir": Bandpass(8, None, filter="fir"),
    "butterworth": Bandpass(5, 9, filter="butterworth"),
    "acceleration": Acceleration(7.0),
    "all-taps": Bandpass(5, 9, taps="all"),
}
AT_ONCE = {"static", "static-later", "dynamic", "fir", "acceleration"}
"""With `linear`, whose motion does not add up from frame to frame."""


class Shuffled:
    """Makes parts in an order of its own, each with a clip that it opens for it."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder, self.engine = folder, engine
        self.orders: list[int] = []

    def made(self, job: Job, orders: Sequence[Order]) -> Iterator[Made]:
        self.orders.append(len(orders))
        found: dict[int, Made] = {}
        numbers = list(range(len(orders)))
        random.Random(3).shuffle(numbers)
        for number in numbers:
            clip = open_clip(job, self.engine, lambda message: None)
            found[number] = make(job, clip, self.engine, orders[number], self.folder / "scratch")
        for number in range(len(orders)):
            yield found[number]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return prepare(Compute(model="linear", device="cpu"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With frames that are shown unevenly, B-frames and sound."""
    folder = tmp_path_factory.mktemp("parts")
    uneven = "setpts=(N+0.3*mod(N\\,3))/30/TB"
    return make_clip(
        folder / "in.mkv",
        "-c:v",
        "libx264",
        "-c:a",
        "aac",
        frames=FRAMES,
        audio=1,
        filters=uneven,
    )


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("name", MODES)
def test_the_output_is_the_same_wherever_its_parts_are_made(
    engine: Engine, source: Path, tmp_path: Path, name: str, suffix: str
) -> None:
    here = Output(tmp_path / f"here{suffix}", Encoding(threads=1))
    job = Job(Source(source), here, MODES[name], 5.0, engine.compute)
    run(job, engine, write=InParts(LENGTH))
    elsewhere = Shuffled(tmp_path, engine)
    there = replace(job, output=replace(here, path=tmp_path / f"there{suffix}"))
    run(there, engine, write=InParts(LENGTH, elsewhere))
    for stream in ("v:0", "a:0"):
        assert read_packets(there.output.path, stream) == read_packets(here.path, stream)
    if name in AT_ONCE:
        assert elsewhere.orders == [5]
    else:
        assert elsewhere.orders == ([] if name == "all-taps" else [1] * 5)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [f"here{suffix}", f"there{suffix}"]
