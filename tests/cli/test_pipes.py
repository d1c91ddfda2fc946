"""Standard input and output as videos: the same as files, as they come, whatever breaks off."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from support.videos import ffmpeg, make_clip, read_packets, read_pictures, times
from support.zygote import Zygote

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")

RIESZ = ("--model", "riesz", "--device", "cpu", "--precision", "fp32", "--no-cautions")
YUV = ("-pix_fmt", "yuv444p")
EXACT = (*RIESZ, "--lossless")


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as made:
        yield made


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With sound, and a rate that varies."""
    path = tmp_path_factory.mktemp("clips") / "clip.mkv"
    slowing = "setpts=N*N/60/TB"
    return make_clip(path, "-c:v", "ffv1", "-c:a", "flac", frames=16, audio=1, filters=slowing)


def magnified(
    zygote: Zygote, tmp_path: Path, *arguments: str | Path, stdin: Path, command: str = "run"
) -> Path:
    """The output of a command that has to succeed."""
    output = tmp_path / "piped.mkv"
    code = zygote.run(
        [command, "-", *EXACT, *arguments, "-o", output, "-y"],
        tmp_path / "stdout",
        tmp_path / "stderr",
        stdin=stdin,
    )
    assert code == 0, (tmp_path / "stderr").read_text()
    return output


@pytest.mark.parametrize("container", ["matroska", "nut"])
def test_what_comes_through_a_pipe_gives_what_its_file_gives(
    zygote: Zygote, clip: Path, tmp_path: Path, container: str
) -> None:
    (tmp_path / "in").write_bytes(ffmpeg("-i", clip, "-c", "copy", "-f", container, "-"))
    output = magnified(zygote, tmp_path, stdin=tmp_path / "in")
    whole = tmp_path / "whole.mkv"
    code = zygote.run(["run", clip, *EXACT, "-o", whole], tmp_path / "o", tmp_path / "e")
    assert code == 0
    assert np.array_equal(read_pictures(output), read_pictures(whole))
    assert times(output) == times(whole)
    sound = [packet.digest for packet in read_packets(output, "a:0")]
    assert sound == [packet.digest for packet in read_packets(clip, "a:0")]


def test_y4m_comes_in_and_goes_out(zygote: Zygote, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.y4m", *YUV, frames=10)
    arguments = ["run", "-", *RIESZ, "--alpha", "1", "-o", "-", "--container", "y4m"]
    assert zygote.run(arguments, tmp_path / "out.y4m", tmp_path / "errors", stdin=clip) == 0
    raw = ("-f", "rawvideo", "-")
    before = np.frombuffer(ffmpeg("-i", clip, *raw), np.uint8).astype(int)
    after = np.frombuffer(ffmpeg("-i", tmp_path / "out.y4m", *raw), np.uint8)
    assert np.abs(before - after).max() <= 3  # of the way through RGB
    assert times(tmp_path / "out.y4m") == times(clip)


@pytest.mark.parametrize("container", ["mkv", "nut"])
def test_what_goes_through_a_pipe_is_what_a_file_would_hold(
    zygote: Zygote, clip: Path, tmp_path: Path, container: str
) -> None:
    sent, whole = tmp_path / f"sent.{container}", tmp_path / f"whole.{container}"
    arguments = ["run", clip, *EXACT, "-o", "-", "--container", container]
    assert zygote.run(arguments, sent, tmp_path / "errors") == 0
    assert zygote.run(["run", clip, *EXACT, "-o", whole], tmp_path / "o", tmp_path / "e") == 0
    assert np.array_equal(read_pictures(sent), read_pictures(whole))
    assert times(sent) == times(whole)
    assert read_packets(sent, "a:0") == read_packets(whole, "a:0")


def test_what_needs_the_whole_clip_keeps_it_meanwhile(
    zygote: Zygote, clip: Path, tmp_path: Path
) -> None:
    band = ("--low", "0.5", "--high", "1.5", "--zero-phase")
    output = magnified(zygote, tmp_path, *band, stdin=clip, command="bandpass")
    assert len(read_pictures(output)) == 16


def test_a_part_of_what_comes(zygote: Zygote, clip: Path, tmp_path: Path) -> None:
    later = [time for time in times(clip) if time >= 1]
    output = magnified(zygote, tmp_path, "--start", "1", stdin=clip)
    assert len(read_pictures(output)) == len(later) < 16


def test_pictures_leave_before_all_have_come(zygote: Zygote, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.y4m", *YUV, width=32, height=32, frames=120)
    data = clip.read_bytes()
    sent, out = tmp_path / "sent", tmp_path / "out.y4m"
    os.mkfifo(sent)
    arguments = ["run", "-", *RIESZ, "-o", "-", "--container", "y4m"]
    zygote.start(arguments, out, tmp_path / "errors", stdin=sent)
    with sent.open("wb", buffering=0) as pipe:
        pipe.write(data[: len(data) // 2])
        end = time.monotonic() + 60
        while not (out.exists() and out.stat().st_size > len(data) // 4):
            assert time.monotonic() < end, (tmp_path / "errors").read_text()
            time.sleep(0.02)
        pipe.write(data[len(data) // 2 :])
    assert zygote.wait(60) == 0
    assert len(read_pictures(out)) == 120


def test_who_waits_for_a_pipe_can_be_ended(zygote: Zygote, tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    os.mkfifo(sent)
    output = tmp_path / "out.mkv"
    command = zygote.start(
        ["run", "-", *RIESZ, "-o", output], tmp_path / "o", tmp_path / "errors", stdin=sent
    )
    with sent.open("wb", buffering=0):
        time.sleep(0.3)
        os.kill(command, signal.SIGTERM)
        assert zygote.wait(30) == 143
    assert (tmp_path / "errors").read_text() == ""
    assert not output.exists()


def test_when_nobody_reads_any_more_it_ends_in_silence(zygote: Zygote, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.y4m", *YUV, frames=200)
    out = tmp_path / "out"
    os.mkfifo(out)

    def read_a_little() -> None:
        with out.open("rb") as pipe:
            pipe.read(1000)

    reader = Thread(target=read_a_little)
    reader.start()
    zygote.start(
        ["run", clip, *RIESZ, "-q", "-o", "-", "--container", "y4m"], out, tmp_path / "errors"
    )
    assert zygote.wait(60) == 141
    reader.join()
    assert (tmp_path / "errors").read_text() == ""


def test_a_dry_run_sends_no_video(zygote: Zygote, clip: Path, tmp_path: Path) -> None:
    arguments = ["run", "-", *RIESZ, "-o", "-", "--dry-run"]
    assert zygote.run(arguments, tmp_path / "out", tmp_path / "errors", stdin=clip) == 0
    (line,) = (tmp_path / "out").read_text().splitlines()
    assert line.startswith("- -> -: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "standard input cannot be read as a video"),
        (b"no video at all" * 1000, "standard input cannot be read as a video"),
        (b"\x89PNG\r\n\x1a\n", "is a single image"),
    ],
    ids=["nothing", "text", "image"],
)
def test_what_is_no_video_is_told(
    zygote: Zygote, tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "in").write_bytes(content)
    arguments = ["run", "-", *RIESZ, "-o", tmp_path / "out.mkv"]
    code = zygote.run(arguments, tmp_path / "o", tmp_path / "errors", stdin=tmp_path / "in")
    (line,) = (tmp_path / "errors").read_text().splitlines()
    assert code == 1
    assert said in line
    assert not (tmp_path / "out.mkv").exists()


def test_what_breaks_off_is_written_as_far_as_it_came(zygote: Zygote, tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "clip.y4m", *YUV, frames=10).read_bytes()
    (tmp_path / "in").write_bytes(whole[: len(whole) * 3 // 4])
    arguments = ["run", "-", *RIESZ, "-o", tmp_path / "out.mkv"]
    code = zygote.run(arguments, tmp_path / "o", tmp_path / "errors", stdin=tmp_path / "in")
    assert code == 0, (tmp_path / "errors").read_text()
    assert len(read_pictures(tmp_path / "out.mkv")) == 7
