"""Writing video: what was true of the source is true of the output, read back by ffmpeg."""

import re
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from magnify.errors import VideoError
from magnify.video import Encoding, Frame, VideoInfo, VideoReader, VideoWriter, probe
from support.videos import (
    describe,
    ffmpeg,
    make_clip,
    read_pictures,
    stored_size,
    times,
)

X264 = ["-c:v", "libx264", "-bf", "2", "-pix_fmt", "yuv420p"]


def copy(source: Path, output: Path, encoding: Encoding | None = None, **cut: float) -> list[str]:
    """Through the reader and the writer; the notices."""
    with VideoReader(source, **cut) as reader, VideoWriter(output, reader, encoding) as writer:
        for frame in reader:
            writer.write(frame)
    return writer.notices


@pytest.mark.parametrize(("preset", "lookahead"), [(None, 30), ("fast", 30), ("medium", 40)])
def test_h264_is_encoded_fast_by_default(
    tmp_path: Path, preset: str | None, lookahead: int
) -> None:
    source = make_clip(tmp_path / "source.mp4", frames=4)
    copy(source, tmp_path / "output.mp4", Encoding(preset=preset))
    assert f"rc_lookahead={lookahead} ".encode() in (tmp_path / "output.mp4").read_bytes()


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("in.mp4", "out.mp4"),
        ("in.mkv", "out.mp4"),
        ("in.mov", "out.mov"),
        ("in.mkv", "out.webm"),
        ("in.mkv", "out.mkv"),
        ("in.avi", "out.mp4"),
        ("in.gif", "out.gif"),
        ("in.gif", "out.mkv"),
    ],
)
def test_every_frame_keeps_its_time(tmp_path: Path, source: str, output: str) -> None:
    options = {"in.gif": [], "in.avi": ["-c:v", "mpeg4"]}.get(source, X264)
    clip = make_clip(tmp_path / source, *options, rate="25")
    assert copy(clip, tmp_path / output) == []
    assert times(tmp_path / output) == times(clip)


@pytest.mark.parametrize("source", ["in.mkv", "in.mp4"])
def test_a_variable_frame_rate_is_kept_to_the_tick(tmp_path: Path, source: str) -> None:
    irregular = "settb=1/90000,setpts='N*3003+mod(N*N*37,901)',select='mod(n,6)'"
    options = ["-fps_mode", "vfr", "-enc_time_base", "1/90000", "-video_track_timescale", "90000"]
    clip = make_clip(
        tmp_path / source,
        *X264,
        *options[: 4 if source == "in.mkv" else 6],
        filters=irregular,
        frames=40,
    )
    copy(clip, tmp_path / "out.mp4")
    assert len(set(np.diff(times(clip)))) > 5
    assert times(tmp_path / "out.mp4") == times(clip)


@pytest.mark.parametrize("rate", ["30000/1001", "24000/1001", "59.94", "240", "12.5"])
def test_unusual_frame_rates(tmp_path: Path, rate: str) -> None:
    clip = make_clip(tmp_path / "in.mp4", *X264, rate=rate)
    copy(clip, tmp_path / "out.mp4")
    assert times(tmp_path / "out.mp4") == times(clip)
    assert probe(tmp_path / "out.mp4").average_rate == probe(clip).average_rate


def test_start_offset_and_duration(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mp4", *X264, "-output_ts_offset", "0.4113", rate="30000/1001")
    copy(clip, tmp_path / "out.mp4")
    assert times(tmp_path / "out.mp4") == times(clip)
    assert times(clip)[0] > Fraction(2, 5)
    source, result = probe(clip), probe(tmp_path / "out.mp4")
    assert (result.frames, result.duration) == (source.frames, source.duration)


def test_the_last_frame_stays_as_long(tmp_path: Path) -> None:
    hold = "setts=duration='if(eq(N,19),20*DURATION,DURATION)'"
    clip = make_clip(tmp_path / "in.mp4", "-c:v", "libx264", "-bf", "0", "-bsf:v", hold)
    copy(clip, tmp_path / "out.mp4")
    assert probe(tmp_path / "out.mp4").duration == pytest.approx(39 / 30)
    copy(clip, tmp_path / "out.gif")
    assert probe(tmp_path / "out.gif").duration == pytest.approx(39 / 30, abs=0.02)


@pytest.mark.parametrize("output", ["out.mp4", "out.mov", "out.mkv", "out.webm"])
@pytest.mark.parametrize("slower", [True, False])
def test_the_last_frame_stays_as_long_where_the_rate_changes(
    tmp_path: Path, output: str, slower: bool
) -> None:
    first, then = (5, 50) if slower else (50, 5)
    irregular = f"settb=1/100,setpts='if(lt(N,10),N*{first},{10 * first}+(N-10)*{then})'"
    options = ["-fps_mode", "passthrough", "-enc_time_base", "1/100"]
    clip = make_clip(tmp_path / "in.mkv", *X264, *options, filters=irregular, frames=13)
    copy(clip, tmp_path / output)
    assert times(tmp_path / output) == times(clip)
    duration = probe(tmp_path / output).duration
    assert duration == pytest.approx(1.53 if slower else 5.13, abs=0.002)


@pytest.mark.parametrize("output", ["out.mp4", "out.mkv", "out.webm", "out.gif"])
@pytest.mark.parametrize("size", [(63, 48), (64, 47), (51, 33)])
def test_odd_sizes_are_kept(tmp_path: Path, output: str, size: tuple[int, int]) -> None:
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", width=size[0], height=size[1], frames=5)
    notices = copy(clip, tmp_path / output)
    assert stored_size(tmp_path / output) == size
    full_chroma = output in ("out.mp4", "out.mkv")
    assert bool(re.search("odd size .* is kept", " ".join(notices))) == full_chroma
    assert ("yuv444p" in describe(tmp_path / output)) == full_chroma


def test_av1_keeps_odd_sizes_in_halved_chroma(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", width=97, height=65, frames=5)
    notices = copy(clip, tmp_path / "out.mkv", Encoding(codec="libsvtav1", preset="12"))
    assert not any("odd size" in notice for notice in notices)
    assert stored_size(tmp_path / "out.mkv") == (97, 65)


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt470bg", "bt2020nc"])
@pytest.mark.parametrize("limits", ["tv", "pc"])
@pytest.mark.parametrize("output", ["out.mp4", "out.webm"])
def test_colours_keep_their_value_and_their_tags(
    tmp_path: Path, matrix: str, limits: str, output: str
) -> None:
    tags = f"setparams=color_primaries=bt709:color_trc=iec61966-2-1:colorspace={matrix}:range="
    convert = f"scale=out_color_matrix={matrix}:out_range={limits},format=yuv420p"
    patch = "drawbox=c=0xC85A28:t=fill,format=gbrp"
    clip = make_clip(
        tmp_path / "in.mp4",
        "-c:v",
        "libx264",
        "-qp",
        "1",
        frames=3,
        filters=f"{patch},{convert},{tags}{limits}",
    )
    copy(clip, tmp_path / output)
    assert f"{limits}, {matrix}/bt709/iec61966-2-1" in describe(clip)
    assert f"{limits}, {matrix}/bt709/iec61966-2-1" in describe(tmp_path / output)
    source = read_pictures(clip)[0, 20, 20].astype(int)
    assert np.abs(source - [0xC8, 0x5A, 0x28]).max() <= 3
    assert np.abs(read_pictures(tmp_path / output)[0, 20, 20] - source).max() <= 2


@pytest.mark.parametrize(("height", "matrix"), [(48, "smpte170m"), (720, "bt709")])
def test_without_tags_the_height_tells_the_matrix(tmp_path: Path, height: int, matrix: str) -> None:
    convert = f"drawbox=c=0xC85A28:t=fill,format=gbrp,scale=out_color_matrix={matrix}"
    untagged = "format=yuv420p,setparams=colorspace=unknown:range=unknown"
    clip = make_clip(
        tmp_path / "in.mp4",
        "-c:v",
        "libx264",
        "-qp",
        "1",
        frames=1,
        height=height,
        filters=f"{convert},{untagged}",
    )
    with VideoReader(clip) as reader:
        picture = next(iter(reader)).picture
    assert np.abs(picture[20, 20].astype(int) - [0xC8, 0x5A, 0x28]).max() <= 2
    copy(clip, tmp_path / "out.mp4")
    assert matrix not in describe(tmp_path / "out.mp4")
    with VideoReader(tmp_path / "out.mp4") as reader:
        result = next(iter(reader)).picture
    assert np.abs(result[20, 20].astype(int) - [0xC8, 0x5A, 0x28]).max() <= 2


@pytest.mark.parametrize("depth", ["yuv420p10le", "yuv422p10le", "yuv444p12le", "gbrp16le"])
def test_deep_sources_stay_deep(tmp_path: Path, depth: str) -> None:
    ramp = "format=yuv444p10le,geq=lum=64+13*X+N:cb=512:cr=512"
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", "-pix_fmt", depth, filters=ramp)
    notices = copy(clip, tmp_path / "out.mp4", Encoding(crf=1))
    assert any("stored halved" in notice for notice in notices) == depth.startswith(
        ("yuv422", "yuv444")
    )
    assert any("stored with 10" in notice for notice in notices) == (probe(clip).bit_depth > 10)
    assert "yuv420p10le" in describe(tmp_path / "out.mp4")
    before = read_pictures(clip, "rgb48le").astype(int)
    after = read_pictures(tmp_path / "out.mp4", "rgb48le").astype(int)
    assert np.abs(before - after).mean() < 64  # a step of ten bits; one of eight is 256


def test_what_an_output_cannot_keep_is_said(tmp_path: Path) -> None:
    fields = ["-flags", "+ildct+ilme", "-x264-params", "tff=1"]
    clip = make_clip(tmp_path / "fields.mp4", *X264, *fields)
    assert copy(clip, tmp_path / "out1.mp4") == [
        "the fields of interlaced frames are kept, but not marked as such"
    ]
    clip = make_clip(tmp_path / "alpha.mkv", "-c:v", "ffv1", "-pix_fmt", "yuva444p")
    assert copy(clip, tmp_path / "out2.mp4") == [
        "the chroma of yuva444p is stored halved (yuv420p; see --pix-fmt)",
        "transparency is dropped",
    ]
    for name, encoding in (
        ("out3.mp4", Encoding(pixel_format="yuv444p")),
        ("out3.mkv", Encoding(lossless=True)),
    ):
        assert copy(clip, tmp_path / name, encoding) == ["transparency is dropped"]
    clip = make_clip(tmp_path / "grey.mkv", "-c:v", "ffv1", "-pix_fmt", "gray")
    assert copy(clip, tmp_path / "out4.mp4") == []
    clip = make_clip(tmp_path / "alpha.webm", "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p")
    assert copy(clip, tmp_path / "out5.mkv") == ["transparency is dropped"]
    assert "alpha_mode" not in describe(tmp_path / "out5.mkv").lower()
    mastering = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    hdr = ["-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params"]
    clip = make_clip(tmp_path / "hdr.mp4", *hdr, f"log-level=none:master-display={mastering}")
    assert copy(clip, tmp_path / "out6.mp4") == [
        "HDR10's mastering display and content light level are dropped"
    ]


def test_frames_closer_than_a_gif_can_tell_stay_in_order(tmp_path: Path) -> None:
    close = "settb=1/1000,setpts=N*2"
    clip = make_clip(tmp_path / "in.mkv", *X264, "-fps_mode", "passthrough", filters=close)
    copy(clip, tmp_path / "out.gif")
    assert len(read_pictures(tmp_path / "out.gif")) == 20


@pytest.mark.parametrize("pixel_format", ["yuv420p", "bgr0", "yuv420p10le", "gbrp16le"])
def test_lossless_is_bit_for_bit(tmp_path: Path, pixel_format: str) -> None:
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", "-pix_fmt", pixel_format, width=51)
    copy(clip, tmp_path / "out.mkv", Encoding(lossless=True))
    with VideoReader(clip) as reader:
        pictures = np.stack([frame.picture for frame in reader])
    rgb = "rgb24" if pictures.dtype == np.uint8 else "rgb48le"
    assert np.array_equal(read_pictures(tmp_path / "out.mkv", rgb), pictures)
    with VideoReader(tmp_path / "out.mkv") as reader:
        assert np.array_equal(np.stack([frame.picture for frame in reader]), pictures)


@pytest.mark.parametrize("output", ["out.mp4", "out.mov", "out.mkv", "out.webm"])
@pytest.mark.parametrize("turn", [["-display_rotation", "90"], ["-display_hflip"]])
def test_rotation_is_carried_over_not_applied(tmp_path: Path, output: str, turn: list[str]) -> None:
    plain = make_clip(tmp_path / "plain.mp4", *X264, frames=5)
    clip = tmp_path / "in.mp4"
    ffmpeg(*turn, "-i", plain, "-c", "copy", clip)
    copy(clip, tmp_path / output)
    assert probe(tmp_path / output).display_matrix == probe(clip).display_matrix is not None
    assert stored_size(tmp_path / output) == (64, 48)


@pytest.mark.parametrize("output", ["out.mp4", "out.mkv", "out.gif", "out.webm"])
def test_pixels_that_are_not_square(tmp_path: Path, output: str) -> None:
    clip = make_clip(tmp_path / "in.mp4", *X264, filters="setsar=4/3", frames=5)
    notices = copy(clip, tmp_path / output)
    if output == "out.webm":
        assert notices == ["pixels of 4/3 aspect cannot be stored with libvpx-vp9 in .webm"]
    else:
        assert float(probe(tmp_path / output).sample_aspect_ratio or 1) == pytest.approx(
            4 / 3, 0.01
        )


def test_frames_may_be_made_up_and_written_in_another_thread(tmp_path: Path) -> None:
    info = VideoInfo(width=32, height=24, time_base=Fraction(1, 25), average_rate=Fraction(25))
    frames = [Frame(np.full((24, 32, 3), 10 * n, np.uint8), n, 1) for n in range(12)]
    with VideoWriter(tmp_path / "out.mkv", info, Encoding(lossless=True)) as writer:
        thread = threading.Thread(target=lambda: [writer.write(frame) for frame in frames])
        thread.start()
        thread.join()
    assert read_pictures(tmp_path / "out.mkv")[:, 0, 0, 0].tolist() == [10 * n for n in range(12)]
    small = Frame(np.zeros((10, 32, 3), np.uint8), 0, 1)
    other = VideoWriter(tmp_path / "other.mkv", info)
    with pytest.raises(VideoError, match=r"a 32x10 picture does not fit into .* 32x24"), other:
        other.write(small)
