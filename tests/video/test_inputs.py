"""Which files are read at all, and what is said of the others and of those that change."""

import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest

from magnify.errors import SettingsError, TruncatedInputError, VideoError
from magnify.video import VideoReader, VideoWriter, probe
from support.videos import ffmpeg, make_clip

X264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]

LISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1.0,\n{}\n#EXT-X-ENDLIST\n",
    "live": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1.0,\n{}\n",
    "master": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n",
    "concat": "ffconcat version 1.0\nfile {}\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
    "<BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "vobsub": "# VobSub index file, v7 (do not modify this line!)\nsize: 64x48\n",
    "text": "Some text that is no film.\n" * 30,
}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "m3u8", "txt", "idx"])
def test_no_file_makes_another_one_be_read(tmp_path: Path, kind: str, suffix: str) -> None:
    make_clip(tmp_path / "side.ts", *X264, frames=3)
    listing = tmp_path / f"list.{suffix}"
    for name in ("side.ts", str(tmp_path / "side.ts"), f"file://{tmp_path}/side.ts"):
        listing.write_text(LISTS[kind].format(name))
        with pytest.raises(VideoError, match=rf"list.{suffix}: cannot be read as a video"):
            VideoReader(listing)


def test_a_picture_is_read_as_a_picture_alone(tmp_path: Path) -> None:
    make_clip(tmp_path / "side.ts", *X264, frames=3)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.png").write_text(LISTS["hls"].format(tmp_path / "side.ts"))
    with pytest.raises(VideoError, match=r"1.png: cannot be read as an image"):
        VideoReader(tmp_path / "in", fps=25)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/dev/stdin", "/dev/stdin: is no file; save it to one, or send it through standard input"),
        ("http://example.org/clip.mp4", "is an address, not a file on this machine; save"),
        ("rtsp://camera/stream", "is an address, not a file on this machine; save"),
        ("x" * 300 + ".mp4", r"xxx.mp4: cannot be read \(File name too long\)"),
        ("x" * 300 + "%d.png", r"no folder|cannot be read|no images found"),
        ("nothing.mp4", "nothing.mp4: no such file"),
        ("/dev/zero", "/dev/zero: is no file"),
    ],
)
def test_names_that_are_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VideoError, match=message):
        probe(name, fps=25 if "%" in name else None)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs /proc")
def test_read_errors_name_the_file() -> None:
    with pytest.raises(VideoError, match=r"/proc/self/mem: cannot be read as a video \(Input/out"):
        VideoReader("/proc/self/mem")


def test_an_output_whose_name_is_too_long(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mp4", *X264, frames=2)
    for name in ("x" * 300 + ".mp4", "x" * 300):
        with pytest.raises(VideoError, match="cannot be written: the name is too long"):
            VideoWriter(tmp_path / name, probe(clip))


def test_a_codec_without_a_decoder_is_named(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.avi", "-c:v", "rawvideo", "-pix_fmt", "gray", "-vtag", "Y800")
    clip.write_bytes(clip.read_bytes().replace(b"Y800", b"BA81"))
    with pytest.raises(VideoError, match=r"there is no decoder for its video stream \(BA81\)"):
        VideoReader(clip)


@pytest.mark.parametrize("fps", [1e-9, 1e-300, 1e9, 1e300])
def test_rates_that_no_clock_can_count(tmp_path: Path, fps: float) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=32x24", "-frames:v", "2", tmp_path / "%d.png")
    with pytest.raises(SettingsError, match=r"fps must be between 0.00005 and 1000000, not"):
        VideoReader(tmp_path, fps=fps)


@pytest.mark.parametrize("fps", [5e-5, 29.97, 240, 1e6])
@pytest.mark.parametrize("output", ["out.mp4", "frames"])
def test_rates_that_clocks_can_count(tmp_path: Path, fps: float, output: str) -> None:
    (tmp_path / "in").mkdir()
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=32x24", "-frames:v", "3", tmp_path / "in" / "%d.png")
    with (
        VideoReader(tmp_path / "in", fps=fps) as reader,
        VideoWriter(tmp_path / output, reader) as writer,
    ):
        for frame in reader:
            writer.write(frame)
    assert float(reader.info.average_rate) == pytest.approx(fps)


@contextmanager
def half_read(clip: Path) -> Iterator[VideoReader]:
    """A reader that has given its first frame; afterwards, the rest of them are read."""
    with VideoReader(clip) as reader:
        next(iter(reader))
        yield reader
        for _ in reader:
            pass


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv", "in.avi"])
def test_an_input_that_changes_while_it_is_read(tmp_path: Path, name: str) -> None:
    codec = ["-c:v", "mpeg4"] if name.endswith("avi") else X264
    clip = make_clip(tmp_path / name, *codec)
    other = make_clip(tmp_path / f"other_{name}", *codec, frames=5)
    kept = clip.read_bytes()
    with (
        pytest.raises(
            TruncatedInputError, match=r"was moved or deleted .*; 20 frames could be read"
        ),
        half_read(clip),
    ):
        clip.unlink()
    clip.write_bytes(kept)
    with (
        pytest.raises(TruncatedInputError, match=r"was replaced by another file .*; 20 frames"),
        half_read(clip),
    ):
        os.replace(other, clip)
    clip.write_bytes(kept)
    with pytest.raises(TruncatedInputError, match="was changed while it was read"), half_read(clip):
        os.utime(clip, (1, 1))


def test_a_second_pass_reads_the_same_file(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mp4", *X264, frames=8)
    with VideoReader(clip, start=0.1) as reader:
        once = [(frame.pts, frame.picture.tobytes()) for frame in reader]
        with reader.again() as other:
            assert [(frame.pts, frame.picture.tobytes()) for frame in other] == once
        shutil.copy(clip, tmp_path / "copy.mp4")
        os.replace(tmp_path / "copy.mp4", clip)
        with (
            pytest.raises(VideoError, match=r"in.mp4: was replaced by another file"),
            reader.again() as other,
        ):
            next(iter(other))


def test_sound_of_another_file_is_never_taken(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mp4", *X264, "-c:a", "aac", audio=1, frames=8)
    other = make_clip(tmp_path / "other.mp4", *X264, "-c:a", "aac", audio=1, frames=8)
    with VideoReader(clip) as reader:
        os.replace(other, clip)
        with pytest.raises(VideoError, match=r"in.mp4: was replaced by another file"):
            VideoWriter(tmp_path / "out.mp4", reader)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4"]


def patched(clip: Path, name: bytes, offset: int, value: int, order: str = ">I") -> Path:
    """A number overwritten, `offset` bytes behind the end of a field's name."""
    data = bytearray(clip.read_bytes())
    place = data.index(name) + len(name) + offset
    data[place : place + 4] = struct.pack(order, value)
    clip.write_bytes(data)
    return clip


@pytest.mark.parametrize("frames", [2**31 - 1, 2**32 - 1])
def test_the_last_frame_does_not_last_for_years(tmp_path: Path, frames: int) -> None:
    clip = make_clip(tmp_path / "in.avi", "-c:v", "mpeg4", rate="25")
    patched(clip, b"strh", 36, frames, "<I")
    with VideoReader(clip) as reader:
        assert [frame.duration for frame in reader] == [1] * 20
    clip = make_clip(tmp_path / "in.mp4", *X264, rate="25")
    patched(clip, b"mdhd", 16, frames)
    with VideoReader(clip) as reader:
        assert list(reader)[-1].duration * reader.info.time_base == pytest.approx(0.04)


def leaping_clip(path: Path, seconds: int, *, at: int = 5, frames: int = 10) -> Path:
    """A video whose clock leaps before frame `at`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", 25, width=32, height=32, pix_fmt="yuvj420p")
        for number in range(frames):
            frame = av.VideoFrame(32, 32, "yuvj420p")
            frame.pts = number + (25 * seconds if number >= at else 0)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("name", ["in.mkv", "in.nut"])
def test_a_clock_that_leaps_is_told_at_the_start(tmp_path: Path, name: str) -> None:
    clip = leaping_clip(tmp_path / name, 100_000)
    with pytest.raises(VideoError, match=r"its clock leaps from 0.16 s to 100000 s; give"):
        VideoReader(clip)
    longest = leaping_clip(tmp_path / name, 20_000)
    assert len(list(VideoReader(longest))) == 10


def test_a_clock_that_leaps_later_ends_the_video(tmp_path: Path) -> None:
    clip = leaping_clip(tmp_path / "in.mkv", 100_000, at=400, frames=405)
    with pytest.raises(
        TruncatedInputError, match=r"its clock leaps from 15.96 s to 100016 s; .*; 400 frames"
    ):
        list(VideoReader(clip))
