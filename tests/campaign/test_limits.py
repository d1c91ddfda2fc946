"""Very many files, and very long ones: memory and handles stay, and nothing is lost.

MAGNIFY_CAMPAIGN_INPUTS and MAGNIFY_CAMPAIGN_MINUTES say how many and how long.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from magnify.video import VideoReader, VideoWriter
from support.videos import ffmpeg, make_clip, read_packets

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="needs Unix")]

INPUTS = int(os.environ.get("MAGNIFY_CAMPAIGN_INPUTS", "600"))
MINUTES = float(os.environ.get("MAGNIFY_CAMPAIGN_MINUTES", "4"))
LINEAR = ("--model", "linear", "--device", "cpu", "--no-cautions", "-q")
MEGABYTE = 2**20
EACH = 20_000
"""Bytes that are kept of each input, at most: its job, its line in the ledger, and what the
allocator does not give back."""


def watched(*arguments: str | Path) -> tuple[int, list[int]]:
    """The exit code of a command, and its memory over time, in bytes."""
    command = [sys.executable, "-m", "magnify", *map(str, arguments)]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    seen = []
    while process.poll() is None:
        try:
            seen.append(psutil.Process(process.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.25)
    return process.wait(), seen


def test_memory_hardly_grows_over_many_inputs(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    first = make_clip(clips / "0.mkv", "-c:v", "ffv1", width=32, height=32, frames=2)
    for number in range(1, INPUTS):
        os.link(first, clips / f"{number}.mkv")
    out = tmp_path / "out"
    code, seen = watched("run", clips, *LINEAR, "--output-dir", out)
    assert code == 0
    assert sum(path.name[0] != "." for path in out.iterdir()) == INPUTS
    half, end = seen[len(seen) // 2], seen[-2]
    assert end - half < 20 * MEGABYTE + INPUTS / 2 * EACH, (half, end)
    again, _ = watched("run", clips, *LINEAR, "--output-dir", out)
    assert again == 0  # all are known to be done


def test_handles_and_memory_stay_over_thousands_of_openings(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", width=32, height=32, frames=2, audio=1)
    process = psutil.Process()

    def cycle(times: int) -> None:
        for number in range(times):
            with VideoReader(clip) as reader:
                frames = list(reader)
            if number % 10 == 0:
                with VideoWriter(tmp_path / "out.mkv", reader, overwrite=True) as writer:
                    for frame in frames:
                        writer.write(frame)

    cycle(500)
    handles, memory = process.num_fds(), process.memory_info().rss
    cycle(4500)
    assert process.num_fds() == handles
    assert process.memory_info().rss - memory < 40 * MEGABYTE


def test_a_long_clip_keeps_every_frame_and_stays_in_step(tmp_path: Path) -> None:
    frames = round(MINUTES * 60 * 25)
    clip = make_clip(
        tmp_path / "in.mp4",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-c:a",
        "aac",
        width=32,
        height=32,
        rate="25",
        frames=frames,
        audio=1,
    )
    output = tmp_path / "out.mp4"
    code, seen = watched("run", clip, *LINEAR, "-o", output)
    assert code == 0
    before, after = (read_packets(path) for path in (clip, output))
    assert [packet.time for packet in after] == [packet.time for packet in before]
    assert len(after) == frames
    sound = [[(p.time, p.digest) for p in read_packets(path, "a:0")] for path in (clip, output)]
    assert sound[0] == sound[1]
    assert ffmpeg("-xerror", "-i", output, "-f", "null", "-") == b""
    settled = seen[len(seen) // 4 :]
    assert max(settled) - np.median(settled) < 60 * MEGABYTE
