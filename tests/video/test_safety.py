"""Nothing half-written, nothing overwritten unasked, every choice checked before it is too late."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from magnify.errors import SettingsError, VideoError
from magnify.video import Encoding, Frame, VideoInfo, VideoReader, VideoWriter, probe
from magnify.video.encoding import EncoderSettings, encoder_settings
from support.videos import describe, make_clip, read_pictures

X264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]
INFO = VideoInfo(width=64, height=48, time_base=Fraction(1, 30), average_rate=Fraction(30))
LOSSLESS = Encoding(lossless=True)


def noise(count: int) -> Iterator[Frame]:
    """Frames that no codec makes small."""
    source = np.random.default_rng(0)
    for number in range(count):
        yield Frame(source.integers(0, 256, (48, 64, 3), np.uint8), number, 1)


def write(
    path: Path,
    encoding: Encoding | None = None,
    *,
    frames: int = 1,
    overwrite: bool = False,
    then: Callable[[], None] = lambda: None,
) -> None:
    """A video of noise; `then` happens before it is finished."""
    with VideoWriter(path, INFO, encoding, overwrite=overwrite) as writer:
        for frame in noise(frames):
            writer.write(frame)
        then()


def fail(error: type[BaseException] = RuntimeError) -> None:
    raise error


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.webm", "out.gif", "out"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_after_an_error_nothing_is_left(
    tmp_path: Path, name: str, error: type[BaseException]
) -> None:
    def interrupt() -> None:
        assert len(names(tmp_path)) == 1
        assert not (tmp_path / name).exists()
        fail(error)

    with pytest.raises(error):
        write(tmp_path / name, frames=5, then=interrupt)
    assert names(tmp_path) == []


def test_the_name_appears_only_when_the_file_is_complete(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mkv", INFO, LOSSLESS) as writer:
        for frame in noise(3):
            writer.write(frame)
        (part,) = names(tmp_path)
        assert part.startswith(".out.")
        assert part.endswith(".part.mkv")
    assert names(tmp_path) == ["out.mkv"]


def test_a_file_is_replaced_only_on_request_and_only_by_a_complete_one(tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    output.write_text("precious")
    with pytest.raises(SettingsError, match=r"out.mkv: exists already"):
        VideoWriter(output, INFO)
    with pytest.raises(RuntimeError):
        write(output, LOSSLESS, overwrite=True, then=fail)
    assert output.read_text() == "precious"
    write(output, LOSSLESS, overwrite=True)
    assert len(read_pictures(output)) == 1


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    with pytest.raises(VideoError, match="appeared in the meantime"):
        write(output, LOSSLESS, then=lambda: output.write_text("precious") and None)
    assert output.read_text() == "precious"
    assert names(tmp_path) == ["out.mkv"]


@pytest.mark.parametrize("link", ["same", "symbolic", "hard"])
def test_the_input_is_never_the_output(tmp_path: Path, link: str) -> None:
    clip = make_clip(tmp_path / "in.mp4", *X264, frames=2)
    output = clip if link == "same" else tmp_path / "out.mp4"
    if link == "symbolic":
        output.symlink_to(clip)
    elif link == "hard":
        output.hardlink_to(clip)
    before = clip.read_bytes()
    with pytest.raises(SettingsError, match="is the input itself"):
        VideoWriter(output, VideoReader(clip), overwrite=True)
    assert clip.read_bytes() == before


def test_a_writer_without_frames_fails(tmp_path: Path) -> None:
    with (
        pytest.raises(VideoError, match="no frame was written"),
        VideoWriter(tmp_path / "out.mp4", INFO),
    ):
        pass
    assert names(tmp_path) == []


def test_folders_that_are_not_there_or_not_open(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"there is no folder .*nowhere"):
        VideoWriter(tmp_path / "nowhere" / "out.mp4", INFO)
    with pytest.raises(VideoError, match=r"there is no folder .*nowhere"):
        VideoWriter(tmp_path / "nowhere" / "images" / "%d.png", INFO)
    if not Path("/proc/self").is_dir():
        pytest.skip("needs /proc, a folder that not even root may write to")
    with pytest.raises(VideoError, match=r"/proc/out.mp4: cannot be written: "):
        VideoWriter("/proc/out.mp4", INFO)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Writing beyond that many bytes fails, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("name", ["out.mkv", "out.mp4", "out"])
@pytest.mark.parametrize("frames", [1, 60])
def test_a_file_that_cannot_grow(tmp_path: Path, name: str, frames: int) -> None:
    encoding = LOSSLESS if name == "out.mkv" else None
    message = f"{name}: cannot be written: the file would be larger than allowed"
    with largest_file(2048), pytest.raises(VideoError, match=message):
        write(tmp_path / name, encoding, frames=frames)
    assert names(tmp_path) == []


def test_a_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        message = r"out.mkv: cannot be written: no space is left on the disk"
        with pytest.raises(VideoError, match=message):
            write(disk / "out.mkv", LOSSLESS, frames=60)
        assert names(disk) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(
    ("name", "encoding", "message"),
    [
        ("out.avi", Encoding(), r"cannot write .avi files; use one of .mp4, "),
        ("out.mp4", Encoding(codec="libx266"), "there is no video encoder libx266"),
        ("out.mp4", Encoding(codec="aac"), "aac is not a video encoder"),
        ("out.webm", Encoding(codec="libx264"), "libx264 cannot be stored in webm"),
        ("out.mp4", Encoding(crf=52), "crf must be between 0 and 51 for libx264, not 52"),
        ("out.mp4", Encoding(crf=-1), "crf must be between 0 and 51 for libx264, not -1"),
        ("out.mp4", Encoding(codec="mpeg4", crf=3), "mpeg4 has no setting crf"),
        ("out.mp4", Encoding(preset="hasty"), "libx264 has no preset hasty; it has ultrafast"),
        ("out.webm", Encoding(preset="slow"), "libvpx-vp9 has no setting preset"),
        (
            "out.mp4",
            Encoding(pixel_format="rgb24"),
            "libx264 has no pixel format rgb24; it has yuv",
        ),
        ("out.mkv", Encoding(lossless=True, crf=0), "lossless is FFV1 in RGB; it takes no --codec"),
    ],
)
def test_encodings_that_cannot_work_fail_at_once(
    tmp_path: Path, name: str, encoding: Encoding, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        VideoWriter(tmp_path / name, INFO, encoding)
    assert names(tmp_path) == []


@pytest.mark.skipif("h264_nvenc" not in av.codecs_available, reason="FFmpeg without NVENC")
def test_encoders_of_cards_keep_constant_quality() -> None:
    deep = replace(INFO, bit_depth=10)

    def settings(info: VideoInfo, **choices: object) -> EncoderSettings:
        return encoder_settings(Encoding(**choices), ".mp4", info, pytest.fail)

    chosen = settings(INFO, codec="h264_nvenc")
    assert chosen.options == {"rc": "vbr", "b": "0", "cq": "16"}
    assert settings(INFO, codec="av1_nvenc", crf=30).options["cq"] == "30"
    assert settings(deep, codec="hevc_nvenc").pixel_format == "p010le"
    with pytest.raises(SettingsError, match="crf must be between 1 and 51 for hevc_nvenc, not 0"):
        settings(INFO, codec="hevc_nvenc", crf=0)


def test_sizes_and_rates_that_a_format_cannot_have(tmp_path: Path) -> None:
    odd = VideoInfo(width=63, height=48, time_base=Fraction(1, 30))
    with pytest.raises(SettingsError, match="libx264 cannot store 63x48 as yuv420p"):
        VideoWriter(tmp_path / "out.mp4", odd, Encoding(pixel_format="yuv420p"))
    fast = VideoInfo(width=64, height=48, time_base=Fraction(1, 2000), average_rate=Fraction(2000))
    with pytest.raises(SettingsError, match=r"2000 frames a second are too many for .mkv"):
        VideoWriter(tmp_path / "out.mkv", fast)
    with VideoWriter(tmp_path / "out.mp4", fast) as writer:
        for frame in noise(8):
            writer.write(frame)
    assert probe(tmp_path / "out.mp4").average_rate == 2000


@pytest.mark.parametrize(
    ("name", "encoding", "seen"),
    [
        ("out.mp4", Encoding(), "h264 (High)"),
        ("out.mp4", Encoding(codec="libx265", preset="ultrafast"), "hevc (Main) (hvc1"),
        ("out.mkv", Encoding(codec="libsvtav1", preset="12"), "av1"),
        ("out.mov", Encoding(codec="prores_ks"), "prores"),
        ("out.mkv", Encoding(codec="mpeg4"), "mpeg4"),
        ("out.mkv", Encoding(codec="mjpeg", pixel_format="yuvj420p"), "mjpeg"),
        ("out.mkv", Encoding(codec="libx264rgb", crf=0), "h264 (High 4:4:4 Predictive), gbrp"),
        ("out.mp4", Encoding(pixel_format="yuv444p"), "yuv444p"),
        ("out.webm", Encoding(), "vp9"),
    ],
)
def test_other_codecs(
    tmp_path: Path, name: str, encoding: Encoding, seen: str, capfd: pytest.CaptureFixture[str]
) -> None:
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", "-pix_fmt", "bgr0", frames=6)
    with VideoReader(clip) as reader, VideoWriter(tmp_path / name, reader, encoding) as writer:
        for frame in reader:
            writer.write(frame)
    assert seen in describe(tmp_path / name)
    before, after = read_pictures(clip).astype(int), read_pictures(tmp_path / name).astype(int)
    assert before.shape == after.shape
    assert abs(before.mean() - after.mean()) < 4
    assert capfd.readouterr() == ("", "")


def test_better_quality_makes_larger_files(tmp_path: Path) -> None:
    sizes = []
    for crf in (10, 40):
        with VideoWriter(tmp_path / f"{crf}.mp4", INFO, Encoding(crf=crf)) as writer:
            for frame in noise(5):
                writer.write(frame)
        sizes.append(os.path.getsize(tmp_path / f"{crf}.mp4"))
    assert sizes[0] > 2 * sizes[1]
