"""What a file states is checked against its frames; what its frames say holds for each of them."""

import struct
from pathlib import Path

import numpy as np
import pytest

from magnify.errors import SettingsError
from magnify.video import Encoding, VideoReader, VideoWriter, probe
from support.videos import ffmpeg, make_clip, read_pictures, stored_size, times

X264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]


def copy(source: Path, output: Path, encoding: Encoding | None = None) -> list[str]:
    """Through the reader and the writer; the notices."""
    with VideoReader(source) as reader, VideoWriter(output, reader, encoding) as writer:
        for frame in reader:
            writer.write(frame)
    return writer.notices


@pytest.mark.parametrize("output", ["out.mp4", "out.mov", "out.mkv", "out.webm", "out.gif"])
def test_a_camcorders_rate_is_that_of_its_frames(tmp_path: Path, output: str) -> None:
    size = {"width": 720, "height": 576}
    clip = make_clip(tmp_path / "in.dv", "-pix_fmt", "yuv420p", rate="25", frames=5, **size)
    info = probe(clip)
    assert (info.average_rate, info.frames) == (25, 5)
    copy(clip, tmp_path / output)
    assert len(times(tmp_path / output)) == 5
    assert probe(tmp_path / output).average_rate == 25


def with_stated_duration(clip: Path, value: int) -> Path:
    """An MP4 whose video track says that it lasts for so many ticks."""
    data = bytearray(clip.read_bytes())
    place = data.index(b"mdhd") + 20
    data[place : place + 4] = struct.pack(">I", value)
    clip.write_bytes(data)
    return clip


@pytest.mark.parametrize("ticks", [0, 2000, 2**32 - 1])
def test_a_stated_duration_is_only_a_claim(tmp_path: Path, ticks: int) -> None:
    clip = make_clip(tmp_path / "in.mp4", *X264, rate="25", frames=50)
    with_stated_duration(clip, ticks)
    info = probe(clip)
    assert (info.average_rate, info.frames) == (25, 50)
    assert len(list(VideoReader(clip, start=1))) == 25
    with pytest.raises(SettingsError, match=r"start 3 s is beyond the end of .*in.mp4 \(2.000 s\)"):
        VideoReader(clip, start=3)


def test_a_variable_rate_does_not_follow_from_a_wrong_duration(tmp_path: Path) -> None:
    options = [*X264, "-fps_mode", "vfr"]
    clip = make_clip(tmp_path / "in.mp4", *options, filters="select='mod(n,5)'", frames=40)
    mean = float(probe(clip).average_rate)
    assert mean == pytest.approx(24, rel=0.03)
    with_stated_duration(clip, 1000)
    assert float(probe(clip).average_rate) == pytest.approx(mean, rel=0.03)


def test_an_avi_that_was_never_closed_can_be_cut(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.avi", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", rate="25")
    data = bytearray(clip.read_bytes())
    for name, offset in ((b"avih", 24), (b"strh", 40)):
        place = data.index(name) + offset
        data[place : place + 4] = bytes(4)
    clip.write_bytes(data)
    assert len(list(VideoReader(clip))) == 20
    assert len(list(VideoReader(clip, start=0.4))) == 10


def test_the_main_video_is_taken_not_the_first(tmp_path: Path) -> None:
    small = make_clip(tmp_path / "small.mp4", *X264, width=32, height=32, frames=10)
    main = make_clip(tmp_path / "main.mp4", *X264, frames=10)
    clip = tmp_path / "in.mp4"
    marks = ["-disposition:v:0", "0", "-disposition:v:1", "default"]
    ffmpeg("-i", small, "-i", main, "-map", "0", "-map", "1", "-c", "copy", *marks, clip)
    info = probe(clip)
    assert (info.width, info.height) == (64, 48)
    assert info.notices == ("of 2 video streams, number 1 (h264, 64x48) is taken",)
    assert copy(clip, tmp_path / "out.mp4") == [
        "video stream 0 (h264) is copied as it is, not magnified"
    ]
    assert stored_size(tmp_path / "out.mp4") == (64, 48)


def test_of_equal_videos_the_first_is_taken(tmp_path: Path) -> None:
    part = make_clip(tmp_path / "part.mp4", *X264, frames=10)
    ffmpeg("-i", part, "-i", part, "-map", "0", "-map", "1", "-c", "copy", tmp_path / "in.mkv")
    assert probe(tmp_path / "in.mkv").notices == (
        "of 2 video streams, number 0 (h264, 64x48) is taken",
    )


def test_a_moving_picture_goes_before_a_still_one(tmp_path: Path) -> None:
    avif = ["-c:v", "libaom-av1", "-cpu-used", "8", "-pix_fmt", "yuv420p"]
    clip = make_clip(tmp_path / "in.avif", *avif, frames=10)
    copy(clip, tmp_path / "out.mp4")
    assert len(read_pictures(tmp_path / "out.mp4")) == 10


@pytest.mark.parametrize("change", ["range", "matrix"])
def test_colours_that_are_stored_differently_later_stay_the_same(
    tmp_path: Path, change: str
) -> None:
    patch = "drawbox=c=0xC85A28:t=fill,format=gbrp,"
    parts = []
    for number in range(2):
        limits = ("tv", "pc")[number] if change == "range" else "tv"
        matrix = ("bt709", "smpte170m")[number] if change == "matrix" else "bt709"
        convert = f"scale=out_color_matrix={matrix}:out_range={limits},format=yuv420p,"
        tags = f"setparams=colorspace={matrix}:range={limits}"
        parts.append(
            make_clip(
                tmp_path / f"{number}.ts", "-c:v", "libx264", "-qp", "1", frames=5, rate="25",
                filters=patch + convert + tags,
            )
        )  # fmt: skip
    later = tmp_path / "later.ts"
    ffmpeg("-i", parts[1], "-c", "copy", "-output_ts_offset", "0.2", later)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(parts[0].read_bytes() + later.read_bytes())
    with VideoReader(joined) as reader:
        pictures = np.stack([frame.picture[20, 20].astype(int) for frame in reader])
    assert len(pictures) == 10
    assert np.abs(pictures - [0xC8, 0x5A, 0x28]).max() <= 3


@pytest.mark.parametrize("pixel_format", ["gray", "gray10le", "gray16le", "ya8", "monob"])
@pytest.mark.parametrize("output", ["out.mkv", "frames/"])
def test_what_is_stored_grey_is_written_grey(
    tmp_path: Path, pixel_format: str, output: str
) -> None:
    codec = "rawvideo" if pixel_format == "monob" else "ffv1"
    suffix = "nut" if pixel_format in ("monob", "ya8") else "mkv"
    clip = make_clip(tmp_path / f"in.{suffix}", "-c:v", codec, "-pix_fmt", pixel_format, frames=2)
    encoding = Encoding(lossless=True) if output == "out.mkv" else None
    with (
        VideoReader(clip) as reader,
        VideoWriter(f"{tmp_path}/{output}", reader, encoding) as writer,
    ):
        for frame in reader:
            assert frame.grey
            tint = np.array([0, 3, 6], frame.picture.dtype)
            frame.picture[:] = frame.picture // 2 + tint
            writer.write(frame)
            expected = frame.picture[..., :1].astype(int) + 3
    last = tmp_path / "frames" / "frame_000002.png" if output == "frames/" else tmp_path / output
    deep = reader.info.bit_depth > 8
    picture = read_pictures(last, "rgb48le" if deep else "rgb24")[-1].astype(int)
    assert np.array_equal(picture, np.repeat(expected, 3, axis=-1))


def test_colour_among_grey_pictures_stays(tmp_path: Path) -> None:
    testsrc = ["-f", "lavfi", "-i", "testsrc=size=48x32", "-frames:v", "1"]
    for number, pixel_format in enumerate(("gray", "rgb24", "gray")):
        ffmpeg(*testsrc, "-pix_fmt", pixel_format, tmp_path / f"{number}.png")
    with VideoReader(tmp_path, fps=25) as reader:
        assert [frame.grey for frame in reader] == [True, False, True]


def test_a_remedy_for_interlaced_video(tmp_path: Path) -> None:
    fields = ["-flags", "+ildct+ilme", "-x264-params", "tff=1"]
    clip = make_clip(tmp_path / "in.mp4", *X264, *fields)
    (notice,) = probe(clip).notices
    assert "deinterlace it first, for instance with: ffmpeg -i IN -vf bwdif" in notice
