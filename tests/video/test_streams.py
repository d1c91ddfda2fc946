"""What comes with the pictures: sound, subtitles, tags and chapters, read back by ffmpeg."""

from fractions import Fraction
from pathlib import Path

import pytest

from magnify.errors import TruncatedInputError
from magnify.video import Encoding, VideoReader, VideoWriter, probe
from support.videos import StoredPacket, describe, ffmpeg, make_clip, read_packets, read_tags, times

X264 = ["-c:v", "libx264", "-bf", "2", "-pix_fmt", "yuv420p"]
SUBTITLES = """1
00:00:00,100 --> 00:00:00,300
Hello

2
00:00:00,400 --> 00:00:00,600
<i>World</i>
"""
CHAPTERS = """;FFMETADATA1
title=The title
comment=The comment
[CHAPTER]
TIMEBASE=1/1000
START=0
END=400
title=Quiet
[CHAPTER]
TIMEBASE=1/1000
START=400
END=1000
title=Loud
"""


def copy(
    source: Path,
    output: Path,
    encoding: Encoding | None = None,
    metadata: dict[str, str] | None = None,
    **cut: float,
) -> list[str]:
    """Through the reader and the writer; the notices."""
    with (
        VideoReader(source, **cut) as reader,
        VideoWriter(output, reader, encoding, metadata=metadata) as writer,
    ):
        write_all(reader, writer)
    return writer.notices


def write_all(reader: VideoReader, writer: VideoWriter) -> None:
    for frame in reader:
        writer.write(frame)


def add(clip: Path, *options: str | Path, output: str) -> Path:
    """The same clip with more streams or tags."""
    inputs = [option for option in options if isinstance(option, Path)]
    rest = [option for option in options if not isinstance(option, Path)]
    sources = [part for path in (clip, *inputs) for part in ("-i", path)]
    ffmpeg(*sources, "-map", "0", "-c", "copy", *rest, clip.parent / output)
    return clip.parent / output


@pytest.fixture
def talkie(tmp_path: Path) -> Path:
    """Pictures with two tones in French and German, 1 s."""
    languages = ["-metadata:s:a:0", "language=fra", "-metadata:s:a:1", "language=deu"]
    return make_clip(tmp_path / "in.mp4", *X264, *languages, audio=2, frames=30)


@pytest.fixture
def subtitles(tmp_path: Path) -> Path:
    path = tmp_path / "in.srt"
    path.write_text(SUBTITLES)
    return path


@pytest.mark.parametrize("codec", ["aac", "libmp3lame", "flac", "libopus", "ac3", "pcm_s16le"])
@pytest.mark.parametrize("output", ["out.mp4", "out.mkv", "out.mov"])
def test_sound_is_copied_bit_for_bit_and_in_sync(tmp_path: Path, codec: str, output: str) -> None:
    if codec == "libopus" and output == "out.mov":
        pytest.skip("QuickTime has no Opus")
    source = "in.mov" if codec.startswith("pcm") else "in.mp4"
    clip = make_clip(tmp_path / source, *X264, "-c:a", codec, audio=2, frames=30)
    if output == "out.mov" and codec == "flac":
        assert "re-encoded as aac" in " ".join(copy(clip, tmp_path / output))
        return
    assert copy(clip, tmp_path / output) == []
    shift = times(tmp_path / output)[0] - times(clip)[0]
    # Matroska has no times before 0: there the sound's lead-in moves everything, and counts in ms.
    matroska = output == "out.mkv"
    assert 0 <= shift < Fraction(3, 100) if matroska else shift == 0
    for track in ("a:0", "a:1"):
        before, after = read_packets(clip, track), read_packets(tmp_path / output, track)
        assert [packet.digest for packet in after] == [packet.digest for packet in before]
        for was, now in zip(before, after, strict=True):
            assert abs(now.time - was.time - shift) <= (Fraction(1, 500) if matroska else 0)


def test_an_offset_between_sound_and_pictures_is_kept(tmp_path: Path) -> None:
    pictures = make_clip(tmp_path / "pictures.mp4", *X264, frames=30)
    sound = tmp_path / "sound.m4a"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", sound)
    clip = tmp_path / "in.mp4"
    ffmpeg("-itsoffset", "0.2503", "-i", sound, "-i", pictures, "-c", "copy", clip)
    copy(clip, tmp_path / "out.mp4")
    assert read_packets(tmp_path / "out.mp4", "a:0") == read_packets(clip, "a:0")
    assert times(tmp_path / "out.mp4") == times(clip)


def test_languages_and_dispositions_stay_with_their_stream(talkie: Path) -> None:
    clip = add(talkie, "-disposition:a:0", "0", "-disposition:a:1", "default", output="in.mkv")
    for output in ("out.mkv", "out.mp4"):
        copy(clip, talkie.parent / output)
        tracks = [line for line in describe(talkie.parent / output).splitlines() if "Audio" in line]
        assert ["fra" in tracks[0], "deu" in tracks[1]] == [True, True]
        assert ["default" in track for track in tracks] == [False, True]


def test_sound_can_be_left_out(talkie: Path) -> None:
    copy(talkie, talkie.parent / "out.mp4", Encoding(audio=False))
    assert probe(talkie.parent / "out.mp4").audio_streams == 0


def test_sound_that_a_container_refuses_is_encoded_anew(talkie: Path) -> None:
    output = talkie.parent / "out.webm"
    assert copy(talkie, output) == [
        f"audio stream {track} (aac) cannot be stored in webm; re-encoded as libopus"
        for track in (1, 2)
    ]
    # What is heard: the tone of the first track, from the same moment on, for as long.
    decode = ["-map", "0:a:0", "-ac", "1", "-ar", "48000", "-f", "s16le", "-"]
    before, after = ffmpeg("-i", talkie, *decode), ffmpeg("-i", output, *decode)
    assert abs(len(before) - len(after)) / 2 / 48000 < 0.05
    assert "fra" in describe(output)
    starts = [read_packets(path, "a:0")[0].time - times(path)[0] for path in (talkie, output)]
    assert abs(starts[0] - starts[1]) < Fraction(1, 20)


def test_a_gif_has_no_sound_and_says_so(talkie: Path) -> None:
    assert copy(talkie, talkie.parent / "out.gif") == [
        f"audio stream {track} (aac) cannot be stored in gif; dropped" for track in (1, 2)
    ]


@pytest.mark.parametrize(
    ("source", "codec", "output", "notice"),
    [
        ("in.mkv", "srt", "out.mkv", ""),
        ("in.mp4", "mov_text", "out.mp4", ""),
        ("in.mkv", "ass", "out.mkv", ""),
        ("in.mkv", "srt", "out.mp4", "(srt) cannot be stored in mp4; re-encoded as mov_text"),
        ("in.mp4", "mov_text", "out.mkv", "in matroska; re-encoded as subrip"),
        ("in.mkv", "srt", "out.webm", "(srt) cannot be stored in webm; re-encoded as webvtt"),
    ],
)
def test_subtitles(
    tmp_path: Path, subtitles: Path, source: str, codec: str, output: str, notice: str
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", *X264, frames=30)
    language = ["-metadata:s:s:0", "language=eng"]
    source_clip = add(clip, subtitles, "-map", "1", "-c:s", codec, *language, output=source)
    notices = copy(source_clip, tmp_path / output)
    assert [notice in line for line in notices] == ([True] if notice else [])
    read_back = ["-map", "0:s:0", "-f", "srt", "-"]
    assert ffmpeg("-i", tmp_path / output, *read_back) == ffmpeg("-i", source_clip, *read_back)
    assert "(eng): Subtitle" in describe(tmp_path / output)


def test_other_streams_are_kept_or_named(talkie: Path, subtitles: Path) -> None:
    attached = ["-attach", str(subtitles), "-metadata:s:t", "mimetype=text/plain"]
    clip = add(talkie, *attached, output="1.mkv")
    assert copy(clip, talkie.parent / "2.mkv") == []
    assert "Attachment" in describe(talkie.parent / "2.mkv")
    assert copy(clip, talkie.parent / "2.mp4") == [
        "attachment stream 3 (in.srt) cannot be stored in mp4; dropped"
    ]


def test_tags_and_chapters(talkie: Path) -> None:
    (talkie.parent / "tags.txt").write_text(CHAPTERS)
    tags = ["-map_metadata", "1", "-metadata", "creation_time=2020-01-02T03:04:05Z"]
    for source, output in (("1.mp4", "2.mp4"), ("1.mp4", "2.mkv"), ("1.mkv", "3.mp4")):
        clip = add(talkie, talkie.parent / "tags.txt", *tags, output=source)
        copy(clip, talkie.parent / output, metadata={"comment": "magnified", "artist": "magnify"})
        text = read_tags(talkie.parent / output)
        assert "title=The title\n" in text
        assert "comment=The comment\n".lower() in text.lower()
        assert "magnified" not in text
        assert "artist=magnify" in text.lower()
        assert "2020-01-02T03:04:05" in describe(talkie.parent / output)
        assert text.count("[CHAPTER]") == 2
        assert "title=Quiet" in text
        assert "title=Loud" in text


def test_tags_that_mp4_has_no_place_for(talkie: Path) -> None:
    camera = ["-movflags", "use_metadata_tags", "-metadata", "com.example.camera=Fast"]
    clip = add(talkie, *camera, "-metadata", "title=Both", output="1.mov")
    for output in ("2.mov", "2.mp4", "2.mkv"):
        copy(clip, talkie.parent / output)
        text = read_tags(talkie.parent / output).lower()
        assert "com.example.camera=fast" in text
        assert "title=both" in text


def test_tags_in_capitals_are_the_same_tags(talkie: Path) -> None:
    clip = add(talkie, "-metadata", "title=Both", "-metadata", "artist=Me", output="1.mkv")
    cover = talkie.parent / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=20x20", "-frames:v", "1", cover)
    covered = talkie.parent / "2.mkv"
    kind = ["-metadata:s:t", "mimetype=image/png"]
    ffmpeg("-i", clip, "-map", "0", "-c", "copy", "-attach", cover, *kind, covered)
    assert copy(covered, talkie.parent / "out.mp4") == []
    assert "(attached pic)" in describe(talkie.parent / "out.mp4")
    assert "\ntitle=Both\nartist=Me\n" in read_tags(talkie.parent / "out.mp4")


@pytest.mark.parametrize(("container", "codec"), [("mkv", "srt"), ("mp4", "mov_text")])
def test_a_subtitle_that_is_on_when_a_cut_begins_stays(
    talkie: Path, subtitles: Path, container: str, codec: str
) -> None:
    clip = add(talkie, subtitles, "-map", "1", "-c:s", codec, output=f"1.{container}")
    output = talkie.parent / f"out.{container}"
    copy(clip, output, start=0.5)
    digest = read_packets(clip, "s:0")[-1].digest
    (shown,) = [packet for packet in read_packets(output, "s:0") if packet.digest == digest]
    assert (float(shown.time), float(shown.duration)) == pytest.approx((0, 0.1), abs=0.002)


def test_a_cut_keeps_sound_subtitles_and_chapters_in_step(talkie: Path, subtitles: Path) -> None:
    (talkie.parent / "tags.txt").write_text(CHAPTERS)
    clip = add(talkie, subtitles, "-map", "1", "-c:s", "srt", output="1.mkv")
    clip = add(clip, talkie.parent / "tags.txt", "-map_metadata", "1", output="2.mkv")
    output = talkie.parent / "out.mkv"
    copy(clip, output, start=0.2, end=0.8)
    moved = times(clip)[6] - times(output)[0]
    assert len(times(output)) == 18
    assert moved == Fraction(1, 5)
    for track in ("a:0", "a:1"):
        before, after = read_packets(clip, track), read_packets(output, track)
        assert len(after) == pytest.approx(28, abs=1)
        assert shifted(after, moved) == [
            packet for packet in before if packet.time in {packet.time + moved for packet in after}
        ]
        times_after = [packet.time for packet in after]
        assert all(
            times(output)[0] <= time < times(output)[-1] + Fraction(1, 25) for time in times_after
        )
    before, after = read_packets(clip, "s:0"), read_packets(output, "s:0")
    assert [packet.digest for packet in after] == [packet.digest for packet in before]
    assert [(packet.time, packet.duration) for packet in after] == [  # the first is on at the cut
        (Fraction(0), Fraction(1, 10)),
        (Fraction(1, 5), Fraction(1, 5)),
    ]
    text = read_tags(output)
    assert "title=Quiet" in text
    assert "END=200000000" in text  # 0.4 s, 0.2 s after the cut, in nanoseconds


def shifted(packets: list[StoredPacket], seconds: Fraction) -> list[StoredPacket]:
    return [StoredPacket(p.time + seconds, p.duration, p.digest) for p in packets]


def with_cover(clip: Path, output: str) -> Path:
    cover = clip.parent / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=20x20", "-frames:v", "1", cover)
    attached = ["-map", "1", "-c:v:1", "png", "-disposition:v:1", "attached_pic"]
    return add(clip, cover, *attached, output=output)


def test_a_cover_picture_is_no_video(talkie: Path) -> None:
    clip = with_cover(talkie, "1.mp4")
    assert (probe(clip).width, probe(clip).frames) == (64, 30)
    assert copy(clip, talkie.parent / "out.mp4") == []
    assert "(attached pic)" in describe(talkie.parent / "out.mp4")
    assert read_packets(talkie.parent / "out.mp4", "v:1")[0].digest == (
        read_packets(clip, "v:1")[0].digest
    )


def test_a_cover_picture_does_not_hold_up_what_is_cut_with_it(talkie: Path) -> None:
    clip = with_cover(talkie, "1.mp4")
    assert copy(clip, talkie.parent / "out.mp4", end=0.4) == []
    assert len(read_packets(talkie.parent / "out.mp4", "a:1")) == pytest.approx(19, abs=1)
    assert "(attached pic)" in describe(talkie.parent / "out.mp4")


def test_where_a_cover_picture_cannot_stay_it_is_said(talkie: Path) -> None:
    clip = with_cover(talkie, "1.mp4")
    assert copy(clip, talkie.parent / "out.mov") == [
        "the cover picture (png) cannot be stored in mov; dropped"
    ]
    assert copy(clip, talkie.parent / "tags.mp4", metadata={"camera": "7"}) == [
        "the cover picture gives way to tags that this container has no places for"
    ]


@pytest.mark.parametrize(
    ("source", "codec", "output", "kept"),
    [
        ("in.avi", "pcm_s16le", "out.mp4", True),
        ("in.mkv", "pcm_s16le", "out.mov", True),
        ("in.avi", "adpcm_ms", "out.mp4", False),
        ("in.wmv", "wmav2", "out.mkv", False),
        ("in.wmv", "wmav2", "out.mp4", False),
    ],
)
def test_sound_that_does_not_say_where_its_channels_belong(
    tmp_path: Path, source: str, codec: str, output: str, kept: bool
) -> None:
    stereo = ["-ac", "2", "-c:a", codec]
    clip = make_clip(tmp_path / source, "-c:v", "mjpeg", *stereo, audio=1, frames=30)
    notices = [notice for notice in copy(clip, tmp_path / output) if "audio" in notice]
    anew = "re-encoded as flac" if output.endswith("mkv") else "re-encoded as aac"
    assert [notice.partition("; ")[2] for notice in notices] == ([] if kept else [anew])
    assert "stereo" in describe(tmp_path / output)
    before, after = (read_packets(path, "a:0") for path in (clip, tmp_path / output))
    ends = [packets[-1].time + packets[-1].duration for packets in (before, after)]
    assert ends[1] == pytest.approx(ends[0], abs=0.1)


def test_surround_sound_from_the_side_fits_into_webm(tmp_path: Path) -> None:
    surround = ["-ac", "6", "-c:a", "ac3"]
    clip = make_clip(tmp_path / "in.mkv", *X264, *surround, audio=1, frames=30)
    assert "5.1(side)" in describe(clip)
    (notice,) = copy(clip, tmp_path / "out.webm")
    assert notice.endswith("re-encoded as libopus")
    assert "5.1" in describe(tmp_path / "out.webm")


@pytest.mark.parametrize("output", ["out.mov", "out.mp4"])
def test_a_timecode_is_kept(tmp_path: Path, output: str) -> None:
    clip = make_clip(tmp_path / "in.mov", *X264, "-timecode", "01:00:00:00")
    assert copy(clip, tmp_path / output) == []
    assert "timecode        : 01:00:00:00" in describe(tmp_path / output)


def test_a_cut_does_not_keep_the_first_frames_timecode(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mov", *X264, "-timecode", "01:00:00:00")
    assert copy(clip, tmp_path / "out.mov", start=0.2) == [
        "the timecode is that of the whole video's first frame; dropped"
    ]
    assert "timecode" not in describe(tmp_path / "out.mov")


@pytest.mark.parametrize("output", ["out.mkv", "out.webm"])
def test_sound_in_large_blocks_is_encoded_anew_without_gaps(tmp_path: Path, output: str) -> None:
    clip = make_clip(tmp_path / "in.avi", "-c:v", "mjpeg", "-c:a", "adpcm_ms", audio=1, frames=60)
    copy(clip, tmp_path / output)
    packets = read_packets(tmp_path / output, "a:0")
    after = [packet.time + packet.duration for packet in packets[:-1]]
    gaps = [float(abs(packet.time - end)) for packet, end in zip(packets[1:], after, strict=True)]
    assert max(gaps) < 0.0025  # both containers round to milliseconds


def test_joined_recordings_are_copied_up_to_the_joint(tmp_path: Path) -> None:
    part = make_clip(tmp_path / "part.ts", *X264, "-c:a", "mp2", audio=1, frames=30)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(2 * part.read_bytes())
    with (
        VideoReader(joined) as reader,
        VideoWriter(tmp_path / "out.mp4", reader) as writer,
        pytest.raises(TruncatedInputError, match="clock starts anew"),
    ):
        write_all(reader, writer)
    copy(part, tmp_path / "part.mp4")
    for track in ("v:0", "a:0"):
        assert read_packets(tmp_path / "out.mp4", track) == read_packets(
            tmp_path / "part.mp4", track
        )


def test_broadcast_clocks_start_at_zero(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.ts", *X264, "-c:a", "mp2", audio=1, frames=30)
    copy(clip, tmp_path / "out.mp4")
    before, after = times(clip), times(tmp_path / "out.mp4")
    sound_before, sound_after = read_packets(clip, "a:0"), read_packets(tmp_path / "out.mp4", "a:0")
    assert min(after[0], sound_after[0].time) == 0
    assert len(after) == len(before)
    lag = (before[0] - sound_before[0].time) - (after[0] - sound_after[0].time)
    assert abs(lag) < Fraction(1, 10000)
