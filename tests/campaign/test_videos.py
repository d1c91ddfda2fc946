"""Damaged videos through the reader and the writer: whatever they hold, only our errors come out.

Seeded: MAGNIFY_CAMPAIGN_SEED (1) and MAGNIFY_CAMPAIGN_VIDEOS (500 mutations) choose the campaign.
"""

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from magnify.errors import MagnifyError, TruncatedInputError
from magnify.video import VideoReader, VideoWriter
from support.videos import ffmpeg, make_clip

SEED = int(os.environ.get("MAGNIFY_CAMPAIGN_SEED", "1"))
MUTATIONS = int(os.environ.get("MAGNIFY_CAMPAIGN_VIDEOS", "500"))

X264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]
FRAGMENTED = ["-movflags", "frag_keyframe+empty_moov", "-g", "3"]
CLIPS = {
    "sound.mp4": (*X264, "-c:a", "aac"),
    "reordered.mp4": (*X264, "-bf", "3", "-g", "4"),
    "fragmented.mp4": (*X264, "-c:a", "aac", *FRAGMENTED),
    "hevc.mp4": ("-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le"),
    "prores.mov": ("-c:v", "prores_ks", "-c:a", "pcm_s16le"),
    "vorbis.mkv": (*X264, "-c:a", "libvorbis"),
    "lossless.mkv": ("-c:v", "ffv1", "-level", "3", "-slicecrc", "1", "-c:a", "flac"),
    "opus.webm": ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"),
    "mp3.avi": ("-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "pcm.avi": ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le"),
    "palette.gif": (),
    "aac.ts": (*X264, "-c:a", "aac"),
    "ac3.ts": ("-c:v", "mpeg2video", "-c:a", "ac3"),
    "flash.flv": (*X264, "-c:a", "aac"),
    "program.mpg": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "windows.wmv": ("-c:v", "wmv2", "-c:a", "wmav2"),
    "raw.y4m": ("-pix_fmt", "yuv420p"),
    "stream.h264": X264,
}
SILENT = ("reordered.mp4", "hevc.mp4", "palette.gif", "raw.y4m", "stream.h264")
OUTPUTS = ["out.mp4"] * 5 + ["out.mkv"] * 3 + ["out.mov", "out.gif", "out.webm", "out/"]

BOXES = (
    b"moov mvhd trak tkhd edts elst mdia mdhd hdlr minf stbl stsd stts ctts stsc stsz stco stss "
    b"avcC hvcC esds mvex trex moof tfhd tfdt trun mdat avih strh strf movi idx1 00dc 01wb LIST"
)
ELEMENTS = [b"\x1a\x45\xdf\xa3", b"\x44\x89", b"\xae", b"\x1f\x43\xb6\x75", b"\xe7", b"\xa3"]
NAMES = [*BOXES.split(), *ELEMENTS]
"""What marks the fields of MP4, AVI and Matroska."""

EXTREMES = [
    bytes(4),
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\0\0\0\1",
    b"\xff\xff\xff\x7f",
]


def truncated(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def flipped_head(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        changed[rng.randrange(min(len(data), 1500))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def scattered(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 4, 16, 64])):
        changed[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(changed)


def cut_out(rng: random.Random, data: bytes) -> bytes:
    begin, end = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:begin] + data[end:]


def doubled(rng: random.Random, data: bytes) -> bytes:
    begin, end = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:end] + data[begin:end][:20_000] + data[end:]


def zeroed(rng: random.Random, data: bytes) -> bytes:
    begin = rng.randrange(len(data))
    length = min(len(data) - begin, rng.randrange(1, 400))
    return data[:begin] + bytes(length) + data[begin + length :]


def field(rng: random.Random, data: bytes) -> bytes:
    """An extreme number in or after the name of a field."""
    places = [place for name in NAMES for place in occurrences(data, name)]
    if not places:
        return flipped_head(rng, data)
    begin = rng.choice(places) + rng.choice([-4, 0, 0, 4, 4, 8, 12, 16, 20])
    value = rng.choice([*EXTREMES, rng.randbytes(4)])[: rng.choice([1, 4, 4])]
    changed = bytearray(data)
    changed[max(0, begin) : max(0, begin) + len(value)] = value
    return bytes(changed)


def occurrences(data: bytes, name: bytes) -> Iterator[int]:
    place = data.find(name)
    while place >= 0:
        yield place + len(name)
        place = data.find(name, place + 1)


MUTATORS: list[Callable[[random.Random, bytes], bytes]] = [
    truncated, flipped_head, scattered, cut_out, doubled, zeroed, field, field, field,
]  # fmt: skip


def make_clips(folder: Path) -> dict[str, Path]:
    """One video of each kind, with sound where it has any, and subtitles in two."""
    folder.mkdir()
    clips = {}
    for name, options in CLIPS.items():
        sound = int(name not in SILENT)
        clips[name] = make_clip(folder / name, *options, rate="25", frames=8, audio=sound)
    text = folder / "text.srt"
    text.write_text(
        "1\n00:00:00,000 --> 00:00:00,100\nOne\n\n2\n00:00:00,100 --> 00:00:00,200\nTwo\n"
    )
    for name, source, codec in (
        ("text.mkv", "vorbis.mkv", "srt"),
        ("text.mp4", "sound.mp4", "mov_text"),
    ):
        maps = ["-map", "0", "-map", "1", "-c", "copy", "-c:s", codec]
        ffmpeg("-i", clips[source], "-i", text, *maps, folder / name)
        clips[name] = folder / name
    return clips


def process(source: Path, output: str, **options: float) -> tuple[str, str]:
    """Through the reader and the writer: how it ended, and the error's message, if any."""
    damage: str | None = None
    try:
        with (
            VideoReader(source, **options) as reader,
            VideoWriter(output, reader) as writer,
        ):
            try:
                for frame in reader:
                    writer.write(frame)
            except TruncatedInputError as error:
                damage = str(error)
    except MagnifyError as error:
        return "refused", str(error)
    damage = damage or writer.damage
    return ("damage told", damage) if damage else ("whole", "")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to count descriptors")
def test_damaged_videos_raise_nothing_but_our_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(SEED)
    clips = make_clips(tmp_path / "clips")
    pictures = {name: path.read_bytes() for name, path in clips.items()}
    work = tmp_path / "work"
    counts: Counter[tuple[str, str]] = Counter()
    for number in range(MUTATIONS):
        name = rng.choice(sorted(pictures))
        mutate = rng.choice(MUTATORS)
        work.mkdir()
        source = work / f"in{Path(name).suffix}"
        source.write_bytes(mutate(rng, pictures[name]))
        cut = rng.choice([{}, {}, {}, {"start": 0.1}, {"end": 0.2}, {"max_frames": 3}])
        output = rng.choice(OUTPUTS)
        before = descriptors()
        said = f"mutation {number} of seed {SEED}: {mutate.__name__} of {name} -> {output} {cut}"
        try:
            outcome, message = process(source, f"{work}/{output}", **cut)
        except Exception as error:
            shutil.copy(source, tmp_path / f"{number}_{name}")
            pytest.fail(f"{said}, kept as {tmp_path}/{number}_{name}: {error!r}")
        assert "\n" not in message, said
        assert "cannot be written" not in message, f"{said}: {message}"
        assert descriptors() == before, said
        left = {path.name for path in work.iterdir()} - {source.name}
        assert left == (set() if outcome == "refused" else {output.rstrip("/")}), said
        counts[Path(name).suffix, outcome] += 1
        shutil.rmtree(work)
    with capsys.disabled():
        print_table(counts)


def print_table(counts: Counter[tuple[str, str]]) -> None:
    outcomes = ("whole", "damage told", "refused")
    print(f"\nseed {SEED}, {MUTATIONS} mutations\n{'':8}", *(f"{name:>12}" for name in outcomes))
    for suffix in sorted({suffix for suffix, _ in counts}):
        print(f"{suffix:8}", *(f"{counts[suffix, outcome]:12}" for outcome in outcomes))
