"""Reading video: every frame, its picture and its time, as ffmpeg finds them too."""

import os
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from magnify.errors import SettingsError, TruncatedInputError, VideoError
from magnify.video import ColourTags, Frame, VideoReader, probe
from magnify.video.colour import ColourConverter, bit_depth
from support.videos import ffmpeg, make_clip, read_packets, read_pictures, times

YUV420 = ["-pix_fmt", "yuv420p"]
X264 = ["-c:v", "libx264", "-bf", "3", *YUV420]
CLIPS = {
    "h264.mp4": X264,
    "h264.mov": X264,
    "h264.mkv": X264,
    "hevc.mp4": ["-c:v", "libx265", "-x265-params", "log-level=none", *YUV420],
    "vp9.webm": ["-c:v", "libvpx-vp9", *YUV420],
    "av1.mkv": ["-c:v", "libaom-av1", "-cpu-used", "8", *YUV420],
    "mpeg4.avi": ["-c:v", "mpeg4", "-bf", "2", *YUV420],
    "mjpeg.avi": ["-c:v", "mjpeg", "-pix_fmt", "yuvj422p"],
    "ffv1.mkv": ["-c:v", "ffv1", "-pix_fmt", "bgr0"],
    "prores.mov": ["-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"],
    "prores4444.mov": ["-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"],
    "hevc10.mp4": ["-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le"],
    "grey.mkv": ["-c:v", "ffv1", "-pix_fmt", "gray"],
    "palette.gif": [],
}
DEEP = {"prores.mov": 10, "prores4444.mov": 12, "hevc10.mp4": 10}


BY_CARDS = ["h264.mp4", "h264.mkv", "hevc.mp4", "hevc10.mp4", "vp9.webm"]
"""What NVIDIA cards decode, to the same values."""


def read(path: Path, **options: object) -> list[Frame]:
    with VideoReader(path, **options) as reader:
        return list(reader)


def seconds(frames: list[Frame], path: Path) -> list[Fraction]:
    return [frame.pts * probe(path).time_base for frame in frames]


@pytest.mark.parametrize("name", CLIPS)
def test_every_frame_comes_with_its_picture_and_time(tmp_path: Path, name: str) -> None:
    clip = make_clip(tmp_path / name, *CLIPS[name], rate="25")
    info, frames = probe(clip), read(clip)
    deep = name in DEEP
    expected = read_pictures(clip, "rgb48le" if deep else "rgb24")
    assert len(frames) == len(expected) == 20
    assert seconds(frames, clip) == times(clip)
    assert (info.width, info.height, info.bit_depth) == (64, 48, DEEP.get(name, 8))
    pictures = np.stack([frame.picture for frame in frames])
    assert pictures.dtype == expected.dtype
    difference = np.abs(pictures.astype(int) - expected)
    # Another version of the same scaler: nothing beyond its rounding.
    assert difference.max() <= (512 if deep else 2)
    assert difference.mean() < (64 if deep else 0.25)


@pytest.mark.parametrize(
    ("on_cpu", "on_card"), [("yuv420p", "nv12"), ("yuv420p10le", "p010le"), ("yuv444p", "yuv444p")]
)
@pytest.mark.parametrize("colour", [ColourTags(matrix=6, range=1), ColourTags(matrix=1, range=2)])
def test_the_pixel_formats_of_cards_give_the_same_pictures(
    on_cpu: str, on_card: str, colour: ColourTags
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 66, 3), np.uint8)
    frame = av.VideoFrame.from_ndarray(noise, format="rgb24").reformat(format=on_cpu)
    depth = bit_depth(on_cpu)
    expected = ColourConverter().to_picture(frame, colour, depth)
    assert expected.std() > 20
    picture = ColourConverter().to_picture(frame.reformat(format=on_card), colour, depth)
    assert np.array_equal(picture, expected)


def test_without_a_card_the_cpu_decodes(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "h264.mp4", *X264)
    with VideoReader(clip, card=99) as reader:
        assert not reader.on_card
        frames = list(reader)
    for frame, expected in zip(frames, read(clip), strict=True):
        assert np.array_equal(frame.picture, expected.picture)
        assert (frame.pts, frame.duration) == (expected.pts, expected.duration)


@pytest.mark.gpu
@pytest.mark.parametrize("name", BY_CARDS)
@pytest.mark.parametrize("start", [None, 0.4])
def test_a_card_decodes_the_same_frames(tmp_path: Path, name: str, start: float | None) -> None:
    clip = make_clip(tmp_path / name, *CLIPS[name], width=320, height=180)
    with VideoReader(clip, card=0, start=start) as reader:
        assert reader.on_card
        frames = list(reader)
    for frame, expected in zip(frames, read(clip, start=start), strict=True):
        assert np.array_equal(frame.picture, expected.picture)
        assert (frame.pts, frame.duration) == (expected.pts, expected.duration)


def test_facts_about_a_clip(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", *X264, "-c:a", "aac", rate="30000/1001", audio=2)
    info = probe(clip)
    assert info.path == clip
    assert (info.codec, info.pixel_format, info.frames) == ("h264", "yuv420p", 20)
    assert info.average_rate == Fraction(30000, 1001)
    assert info.duration == pytest.approx(20 * 1001 / 30000)
    assert (info.audio_streams, info.subtitle_streams, info.rotation) == (2, 0, 0)
    assert info.frame_interval_jitter == 0
    assert not info.interlaced


def test_variable_frame_rate_shows_as_jitter_and_in_durations(tmp_path: Path) -> None:
    drop_every_fifth = "select='mod(n,5)'"
    clip = make_clip(
        tmp_path / "clip.mkv", *X264, "-fps_mode", "vfr", filters=drop_every_fifth, frames=30
    )
    frames = read(clip)
    assert seconds(frames, clip) == times(clip)
    assert probe(clip).frame_interval_jitter == pytest.approx(1, abs=0.1)
    starts = [frame.pts for frame in frames]
    assert [frame.duration for frame in frames[:-1]] == np.diff(starts).tolist()


@pytest.mark.parametrize("name", ["clip.mkv", "clip.ts", "clip.mp4"])
def test_a_variable_frame_rate_is_the_mean_of_what_there_is(tmp_path: Path, name: str) -> None:
    thinner = "select='lt(n,30)+not(mod(n,3))'"
    clip = make_clip(tmp_path / name, *X264, "-fps_mode", "vfr", filters=thinner, frames=60)
    info = probe(clip)
    assert float(info.average_rate) == pytest.approx(60 / 4, rel=0.06)
    assert info.frames == pytest.approx(60, abs=1)


def test_rounding_to_milliseconds_is_no_jitter(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", *X264, rate="30000/1001")
    assert probe(clip).frame_interval_jitter == 0


def test_a_late_start_is_part_of_the_time_stamps(tmp_path: Path) -> None:
    late = make_clip(tmp_path / "late.mp4", *X264, "-output_ts_offset", "0.4")
    assert seconds(read(late), late) == times(late)
    assert times(late)[0] == Fraction(2, 5)
    assert probe(late).start_pts * probe(late).time_base == Fraction(2, 5)


def test_the_last_frame_keeps_its_own_duration(tmp_path: Path) -> None:
    hold = "setts=duration='if(eq(N,19),20*DURATION,DURATION)'"
    clip = make_clip(tmp_path / "clip.mp4", "-c:v", "libx264", "-bf", "0", "-bsf:v", hold)
    assert read(clip)[-1].duration * probe(clip).time_base == Fraction(20, 30)


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "mpeg4.avi", "vp9.webm"])
def test_a_range_gives_the_frames_that_start_in_it(tmp_path: Path, name: str) -> None:
    clip = make_clip(tmp_path / name, *CLIPS[name], "-g", "8", rate="25", frames=40)
    whole = read(clip)
    for start, end, count in (
        (0.4, 1.2, None),
        (0.0, 0.2, None),
        (1.0, None, 3),
        (1.5, None, None),
    ):
        frames = read(clip, start=start, end=end, max_frames=count)
        first = round(start * 25)
        last = 40 if end is None else round(end * 25)
        expected = whole[first : first + count if count else last]
        assert [frame.pts for frame in frames] == [frame.pts for frame in expected]
        assert all(
            np.array_equal(frame.picture, other.picture)
            for frame, other in zip(frames, expected, strict=True)
        )


@pytest.mark.parametrize(
    "options",
    [
        ["-c:v", "libx264", "-bf", "3", "-g", "7", "-use_editlist", "0"],
        ["-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=8"],
        ["-c:v", "libx265", "-x265-params", "log-level=none:open-gop=1:keyint=8:scenecut=0"],
    ],
    ids=["no edit list", "intra refresh", "open groups"],
)
def test_a_cut_never_begins_too_late(tmp_path: Path, options: list[str]) -> None:
    clip = make_clip(tmp_path / "clip.mp4", *options, *YUV420, rate="25", frames=30)
    whole = [frame.pts for frame in read(clip)]
    assert len(whole) == 30
    for first in range(0, 30, 2):
        cut = [frame.pts for frame in read(clip, start=first / 25)]
        assert cut == whole[first:], first


def test_avi_shows_frames_evenly_whatever_their_order(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", *X264, "-g", "10", rate="25")
    frames = read(clip)
    assert {frame.duration for frame in frames} == {1}
    assert np.array_equal(np.stack([frame.picture for frame in frames]), read_pictures(clip))


def test_a_clock_that_starts_anew_ends_the_video(tmp_path: Path) -> None:
    part = make_clip(tmp_path / "part.ts", *X264, rate="25")
    joined = tmp_path / "joined.ts"
    joined.write_bytes(2 * part.read_bytes())
    frames = []
    with (
        pytest.raises(
            TruncatedInputError, match=r"its clock starts anew.* 20 frames could be read"
        ),
        VideoReader(joined) as reader,
    ):
        frames.extend(reader)
    assert [(frame.pts, frame.duration) for frame in frames] == [
        (frame.pts, frame.duration) for frame in read(part)
    ]


def test_a_cut_clip_says_how_many_frames_to_expect(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", *X264, rate="25", frames=40)
    assert VideoReader(clip, start=0.4).info.frames == 30
    assert VideoReader(clip, start=0.4, end=0.8).info.frames == 10
    assert VideoReader(clip, max_frames=7).info.frames == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": -1}, "start must be 0 s or later, not -1"),
        ({"start": float("nan")}, "start must be 0 s or later, not nan"),
        ({"start": 9}, "start 9 s is beyond the end of .*clip.mp4 \\(0.667 s\\)"),
        ({"start": 0.5, "end": 0.5}, "end must be later than the start \\(0.5 s\\), not 0.5"),
        ({"max_frames": 0}, "max_frames must be 1 or more, not 0"),
        ({"fps": 30}, "clip.mp4: fps is for image sequences"),
    ],
)
def test_ranges_that_make_no_sense(tmp_path: Path, options: dict[str, float], message: str) -> None:
    clip = make_clip(tmp_path / "clip.mp4", *X264)
    with pytest.raises(SettingsError, match=message):
        VideoReader(clip, **options)


def test_frames_are_read_in_another_thread(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", *X264)
    frames: list[Frame] = []
    with VideoReader(clip) as reader:
        thread = threading.Thread(target=lambda: frames.extend(reader))
        thread.start()
        thread.join()
    assert len(frames) == 20


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.avi", "clip.webm", "clip.gif"])
def test_a_truncated_file_gives_all_its_frames_and_then_says_so(tmp_path: Path, name: str) -> None:
    options = {
        "clip.mp4": [*X264, "-movflags", "+faststart"],
        "clip.mkv": X264,
        "clip.avi": CLIPS["mpeg4.avi"],
        "clip.webm": CLIPS["vp9.webm"],
        "clip.gif": [],
    }[name]
    clip = make_clip(tmp_path / name, *options, frames=40)
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 7 // 10])
    frames = []
    with (
        pytest.raises(
            TruncatedInputError, match=rf"{name}: its end is missing, .*frames could be read"
        ),
        VideoReader(clip) as reader,
    ):
        frames.extend(reader)
    assert 0 < len(frames) < 40


def test_a_range_before_the_break_is_read_without_complaint(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", *X264, frames=40)
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 7 // 10])
    assert len(read(clip, max_frames=5)) == 5


def test_damage_in_the_middle_is_told_at_the_end(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", *CLIPS["mjpeg.avi"])
    data = bytearray(clip.read_bytes())
    middle = data.index(b"00dc", len(data) // 2)
    data[middle + 12 : middle + 300] = bytes(288)
    clip.write_bytes(data)
    with pytest.raises(TruncatedInputError, match="damage in 1 packet; 19 frames could be read"):
        read(clip)


def test_damaged_frames_are_told_at_the_end(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.ts", *X264, frames=40, width=320, height=240)
    data = bytearray(clip.read_bytes())
    for packet in range(len(data) // 3 // 188 * 188, len(data) // 2, 188):
        data[packet + 100 : packet + 160] = bytes(range(60))
    clip.write_bytes(data)
    with pytest.raises(
        TruncatedInputError, match=r"damage in \d+ frames?; \d+ frames could be read"
    ):
        read(clip)


def test_what_lies_behind_the_last_box_is_no_damage(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", *X264)
    clip.write_bytes(clip.read_bytes() + b"some program's own data " * 30)
    assert len(read(clip)) == 20


def test_pipes_are_refused_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    with pytest.raises(VideoError, match="is no file; save it to one, or send it"):
        VideoReader(pipe)


def test_inputs_that_are_no_videos(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("<html>not found</html>" * 100)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    sound = tmp_path / "sound.m4a"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.2", sound)
    headless = make_clip(tmp_path / "headless.mp4", *X264)
    headless.write_bytes(headless.read_bytes()[:-500])
    still = tmp_path / "still.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=32x32", "-frames:v", "1", still)
    for path, message in (
        (tmp_path / "none.mp4", "no such file"),
        (text, "cannot be read as a video"),
        (empty, "cannot be read as a video"),
        (sound, "has no video stream"),
        (headless, "cannot be read as a video \\(its end is missing"),
        (still, "is a single image"),
    ):
        with pytest.raises(VideoError, match=f"{path.name}: {message}"):
            VideoReader(path)


def test_a_video_without_frames(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.avi"
    with av.open(str(nothing), "w") as container:
        container.add_stream("mpeg4", 30, width=64, height=48)
        container.start_encoding()
    with pytest.raises(VideoError, match=r"nothing.avi: has no frames that can be decoded"):
        VideoReader(nothing)


def test_frames_that_change_their_size(tmp_path: Path) -> None:
    parts = [
        make_clip(tmp_path / f"{width}.ts", *X264, width=width, frames=5) for width in (64, 96)
    ]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(VideoError, match=r"frame 5 is 96x48, those before it 64x48"):
        read(joined)


def test_names_that_look_like_protocols(tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "clip.mp4", *X264)
    odd = plain.rename(tmp_path / "pipe:1 %% été.mp4")
    assert len(read(odd)) == len(read_packets(odd.rename(plain))) == 20
