"""Damage beside the pictures costs what is damaged, and is told; it never costs the pictures."""

import os
import re
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from magnify.errors import TruncatedInputError, VideoError
from magnify.video import Encoding, VideoReader, VideoWriter, probe
from support.videos import describe, ffmpeg, make_clip, read_packets, read_pictures, times

X264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]
TS_PACKET = 188


def copy(source: Path, output: Path, **options: float) -> VideoWriter:
    """Through the reader and the writer, which knows its notices and the damage."""
    with VideoReader(source, **options) as reader, VideoWriter(output, reader) as writer:
        write_all(reader, writer)
    return writer


def write_all(reader: VideoReader, writer: VideoWriter) -> None:
    for frame in reader:
        writer.write(frame)


def damaged_sound(clip: Path) -> Path:
    """A transport stream whose second packet of sound lacks a piece."""
    data = bytearray(clip.read_bytes())
    sound = [
        place
        for place in range(0, len(data), TS_PACKET)
        if int.from_bytes(data[place + 1 : place + 3]) & 0x1FFF == 0x101
    ]
    begins = [place for place in sound if data[place + 1] & 0x40]
    lost = next(place for place in sound if place > begins[1] and place not in begins)
    del data[lost : lost + TS_PACKET]
    clip.write_bytes(data)
    return clip


@pytest.mark.parametrize("output", ["out.mp4", "out.mkv", "out.mov", "out.webm"])
def test_damaged_packets_of_sound_are_left_out(tmp_path: Path, output: str) -> None:
    options = ["-c:a", "mp2", "-b:a", "384k"]
    clip = damaged_sound(make_clip(tmp_path / "in.ts", *X264, *options, audio=1, frames=50))
    writer = copy(clip, tmp_path / output)
    assert re.fullmatch(
        r"\d+ packets of audio stream 1 \(mp2\) are damaged; left out", writer.damage
    )
    assert writer.notices[-1] == writer.damage
    assert len(times(tmp_path / output)) == 50
    if not output.endswith("webm"):
        before = {packet.digest for packet in read_packets(clip, "a:0")}
        after = {packet.digest for packet in read_packets(tmp_path / output, "a:0")}
        assert after < before
        assert len(after) > len(before) / 2


@pytest.mark.parametrize("output", ["out.mp4", "out.mkv", "out.mov", "out.webm"])
def test_sound_that_breaks_off_in_its_first_packet_is_dropped(tmp_path: Path, output: str) -> None:
    clip = make_clip(tmp_path / "in.ts", *X264, "-c:a", "aac", audio=1, frames=8)
    data = clip.read_bytes()
    sound = [
        data[place : place + TS_PACKET]
        for place in range(0, len(data), TS_PACKET)
        if int.from_bytes(data[place + 1 : place + 3]) & 0x1FFF == 0x101
    ]
    rest = [data[place : place + TS_PACKET] for place in range(0, len(data), TS_PACKET)]
    kept = [packet for packet in rest if packet not in sound[1:]]
    clip.write_bytes(b"".join(kept))
    writer = copy(clip, tmp_path / output)
    assert writer.damage == "audio stream 1 (aac) is damaged; dropped"
    assert writer.notices == [writer.damage]
    assert len(times(tmp_path / output)) == 8


@pytest.mark.parametrize("output", ["out.mp4", "out.mkv", "out.mov"])
def test_sound_that_says_it_lasts_for_hours_is_left_out(tmp_path: Path, output: str) -> None:
    clip = make_clip(tmp_path / "in.mp4", *X264, "-c:a", "aac", audio=1, frames=8)
    data = bytearray(clip.read_bytes())
    place = data.rindex(b"stts") + 16
    data[place : place + 4] = struct.pack(">I", 2_429_735_325)
    clip.write_bytes(data)
    writer = copy(clip, tmp_path / output)
    assert writer.damage is not None
    assert "audio stream 1 (aac)" in writer.damage
    assert len(times(tmp_path / output)) == 8
    assert probe(tmp_path / output).duration == pytest.approx(8 / 30, abs=0.002)


@pytest.mark.parametrize("output", ["out.mp4", "out.mkv", "out.gif"])
def test_sound_without_a_decoder_is_dropped(tmp_path: Path, output: str) -> None:
    clip = make_clip(tmp_path / "in.mov", *X264, "-c:a", "pcm_s16le", audio=1, frames=8)
    clip.write_bytes(clip.read_bytes().replace(b"sowt", b"q?w!"))
    writer = copy(clip, tmp_path / output)
    (notice,) = writer.notices
    assert notice.endswith("; dropped")
    assert writer.damage is None
    assert len(read_pictures(tmp_path / output)) == 8


@pytest.mark.parametrize("channels", [9, 10, 12, 16])
@pytest.mark.parametrize("output", ["out.mp4", "out.webm", "out.mkv", "out.mov"])
def test_sound_of_many_channels_is_kept_or_dropped(
    tmp_path: Path, channels: int, output: str
) -> None:
    silence = f"aevalsrc={'|'.join(['0'] * channels)}:d=0.2:s=48000"
    pictures = make_clip(tmp_path / "pictures.mp4", *X264, frames=5)
    clip = tmp_path / "in.mov"
    maps = ["-map", "0", "-map", "1", "-c:v", "copy", "-c:a", "pcm_s16le"]
    ffmpeg("-i", pictures, "-f", "lavfi", "-i", silence, *maps, clip)
    writer = copy(clip, tmp_path / output)
    dropped = [notice.endswith("dropped") for notice in writer.notices]
    assert ("Audio" in describe(tmp_path / output)) == (not any(dropped))
    assert len(times(tmp_path / output)) == 5


@pytest.mark.parametrize("output", ["out.mp4", "out.mov", "out.mkv"])
@pytest.mark.parametrize("rate", [240, 600])
def test_a_timecode_counts_up_to_255_frames_a_second(
    tmp_path: Path, output: str, rate: int
) -> None:
    tag = ["-metadata", "timecode=01:00:00:00"]
    clip = make_clip(tmp_path / "in.mkv", *X264, *tag, rate=str(rate))
    writer = copy(clip, tmp_path / output)
    if rate == 600 and output != "out.mkv":
        assert writer.notices == ["a timecode cannot count 600 frames a second; dropped"]
    else:
        assert writer.notices == []
        assert "01:00:00:00" in describe(tmp_path / output)
    assert len(times(tmp_path / output)) == 20


def test_a_late_start_is_no_damage_of_the_sound(tmp_path: Path) -> None:
    late = ["-c:a", "aac", "-output_ts_offset", "360000"]
    clip = make_clip(tmp_path / "in.mkv", *X264, *late, audio=1)
    assert probe(clip).frames == pytest.approx(20, abs=1)
    writer = copy(clip, tmp_path / "out.mkv")
    assert writer.damage is None
    assert len(read_packets(tmp_path / "out.mkv", "a:0")) == len(read_packets(clip, "a:0"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of five pictures."""
    folder = tmp_path / "in"
    folder.mkdir()
    testsrc = ["-f", "lavfi", "-i", "testsrc=size=48x32", "-frames:v", "5"]
    ffmpeg(*testsrc, folder / "f_%03d.png")
    return folder


@pytest.mark.parametrize("kept", [0, 300])
@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_damaged_picture_costs_itself(
    pictures: Path, tmp_path: Path, kept: int, number: int
) -> None:
    whole = np.concatenate([read_pictures(path) for path in sorted(pictures.iterdir())])
    damaged = pictures / f"f_{number:03d}.png"
    damaged.write_bytes(damaged.read_bytes()[:kept])
    message = rf"in: f_00{number}.png: cannot be read as an image; 4 frames could be read"
    lossless = Encoding(lossless=True)
    with (
        VideoReader(pictures, fps=25) as reader,
        VideoWriter(tmp_path / "out.mkv", reader, lossless) as writer,
        pytest.raises(TruncatedInputError, match=message),
    ):
        write_all(reader, writer)
    assert np.array_equal(read_pictures(tmp_path / "out.mkv"), np.delete(whole, number - 1, axis=0))


def test_a_folder_of_damaged_pictures_is_no_video(pictures: Path) -> None:
    for path in pictures.iterdir():
        path.write_bytes(b"")
    with pytest.raises(VideoError, match=r"f_001.png: cannot be read as an image"):
        VideoReader(pictures, fps=25)


def test_a_folder_that_changes_while_it_is_read(pictures: Path) -> None:
    with VideoReader(pictures, fps=25) as reader:
        (pictures / "f_002.png").unlink()
        with pytest.raises(TruncatedInputError, match="had 5 pictures at first, and 4 later"):
            list(reader)


@pytest.mark.parametrize("suffix", ["webp", "dpx", "jp2", "pgm", "ppm", "sgi", "tga", "qoi"])
def test_a_folder_holds_what_a_pattern_may_name(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in").mkdir()
    encoder = ["-c:v", "libwebp"] if suffix == "webp" else []
    testsrc = ["-f", "lavfi", "-i", "testsrc=size=48x32", "-frames:v", "3"]
    pattern = tmp_path / "in" / f"f_%03d.{suffix}"
    ffmpeg(*testsrc, *encoder, pattern)
    of_folder = [frame.picture for frame in VideoReader(tmp_path / "in", fps=25)]
    of_pattern = [frame.picture for frame in VideoReader(pattern, fps=25)]
    assert len(of_folder) == 3
    assert np.array_equal(of_folder, of_pattern)


def test_only_regular_files_are_pictures(pictures: Path) -> None:
    os.mkfifo(pictures / "f_006.png")
    (pictures / "f_007.png").mkdir()
    assert probe(pictures, fps=25).frames == 5
    with pytest.raises(TruncatedInputError, match=r"f_006.png: .* \(it is no regular file\)"):
        list(VideoReader(pictures / "f_%03d.png", fps=25))


def test_doubtful_folders_are_told_or_refused(pictures: Path) -> None:
    assert probe(pictures, fps=25).notices == ()
    Image.new("RGB", (48, 32)).save(pictures / "thumb.png")
    assert probe(pictures, fps=25).notices == (
        "not all pictures are named alike (such as f_001.png and thumb.png); "
        "all are taken, in the order of their names",
    )
    (pictures / "thumb.png").unlink()
    (pictures / "f_003.png").unlink()
    assert probe(pictures, fps=25).notices == (
        "pictures are missing between f_002.png and f_004.png; "
        "the others follow each other without a pause",
    )
    Image.new("RGB", (48, 32)).save(pictures / "f_003.jpg")
    with pytest.raises(VideoError, match=r"several kinds \(4 .png and 1 .jpg\); give those"):
        probe(pictures, fps=25)


def test_evenly_spaced_numbers_have_no_gaps(tmp_path: Path) -> None:
    for number in (0, 10, 20, 30):
        Image.new("L", (16, 16)).save(tmp_path / f"cam2_{number:04d}.png")
    assert probe(tmp_path, fps=25).notices == ()


@pytest.mark.parametrize("deep", [False, True])
def test_pages_are_not_lost_without_a_word(tmp_path: Path, deep: bool) -> None:
    mode = "I;16" if deep else "L"
    pages = [Image.new(mode, (48, 32), 40 * number) for number in range(6)]
    (tmp_path / "in").mkdir()
    stack = tmp_path / "in" / "stack.tif"
    pages[0].save(stack, save_all=True, append_images=pages[1:])
    with pytest.raises(VideoError, match=r"stack.tif: is a TIFF of 6 pages, which are not read"):
        probe(stack)
    with pytest.raises(VideoError, match=r"stack.tif: holds 6 pages, of which only the first"):
        probe(tmp_path / "in", fps=25)
    pages[0].save(stack)
    assert probe(tmp_path / "in", fps=25).frames == 1


def test_an_animated_webp_is_named(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (48, 32), (40 * number, 0, 0)) for number in range(3)]
    pages[0].save(tmp_path / "in.webp", save_all=True, append_images=pages[1:])
    with pytest.raises(VideoError, match=r"in.webp: is an animated WebP, which is not read"):
        probe(tmp_path / "in.webp")


def test_the_last_frame_of_a_stream_without_its_first(tmp_path: Path) -> None:
    options = ["-g", "10", "-bf", "2", "-c:a", "mp2"]
    clip = make_clip(tmp_path / "in.ts", *X264, *options, rate="25", frames=50, audio=1)
    data = clip.read_bytes()
    clip.write_bytes(data[20 * TS_PACKET :])
    with VideoReader(clip) as reader:
        frames = list(reader)
    assert 30 < len(frames) < 50
    assert frames[-1].duration * reader.info.time_base == Fraction(1, 25)
