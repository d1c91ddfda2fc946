"""Test clips, made and read back by the ffmpeg program: a second opinion on every file."""

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

SCALING = "neighbor+accurate_rnd+full_chroma_int+full_chroma_inp"
"""The scaler's flags that the package uses, so that pictures can be compared exactly."""


def ffmpeg(*arguments: str | Path) -> bytes:
    """Run ffmpeg; what it wrote to its standard output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def make_clip(
    path: Path,
    *options: str | Path,
    width: int = 64,
    height: int = 48,
    rate: str = "30",
    frames: int = 20,
    audio: int = 0,
    filters: str = "null",
) -> Path:
    """A moving test picture with `audio` tones of 440, 880, ... Hz; `options` are ffmpeg's."""
    sources = ["-f", "lavfi", "-i", f"testsrc=size={width}x{height}:rate={rate},{filters}"]
    maps = ["-map", "0:v"]
    seconds = frames / float(Fraction(rate))
    for track in range(1, audio + 1):
        tone = f"sine=frequency={440 * track}:sample_rate=48000:duration={seconds}"
        sources += ["-f", "lavfi", "-i", tone]
        maps += ["-map", f"{track}:a"]
    ffmpeg(*sources, *maps, "-frames:v", str(frames), *options, path)
    return path


def read_pictures(path: Path, pixel_format: str = "rgb24") -> NDArray[np.uint8 | np.uint16]:
    """Every frame of a video as stored, (T, H, W, 3), decoded by ffmpeg."""
    width, height = stored_size(path)
    flags = ["-sws_flags", SCALING, "-pix_fmt", pixel_format, "-fps_mode", "passthrough"]
    data = ffmpeg("-noautorotate", "-i", path, "-map", "0:v:0", *flags, "-f", "rawvideo", "-")
    samples = np.frombuffer(data, np.uint8 if pixel_format == "rgb24" else np.dtype("<u2"))
    return samples.reshape(-1, height, width, 3)


def stored_size(path: Path) -> tuple[int, int]:
    """Width and height, without rotation."""
    header = ffmpeg(
        "-noautorotate", "-i", path, "-map", "0:v:0", "-frames:v", "1", "-f", "framemd5", "-"
    ).decode()
    (line,) = [line for line in header.splitlines() if line.startswith("#dimensions")]
    width, height = line.split(":")[1].strip().split("x")
    return int(width), int(height)


@dataclass(frozen=True)
class StoredPacket:
    """A packet as it lies in a file; times in seconds on the file's own clock."""

    time: Fraction
    duration: Fraction
    digest: str


def read_packets(path: Path, stream: str = "v:0") -> list[StoredPacket]:
    """All packets of one stream in the order of their time, found by ffmpeg without decoding."""
    arguments = ["-copyts", "-i", path, "-map", f"0:{stream}", "-c", "copy"]
    return sorted(_hashed(*arguments, "-f", "framemd5", "-"), key=lambda packet: packet.time)


def _hashed(*arguments: str | Path) -> list[StoredPacket]:
    text = ffmpeg(*arguments).decode()
    (time_base,) = [Fraction(line.split()[-1]) for line in text.splitlines() if "#tb" in line]
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    return [
        StoredPacket(int(pts) * time_base, int(duration) * time_base, digest.strip())
        for _, _, pts, duration, _, digest, *_ in rows
    ]


def times(path: Path) -> list[Fraction]:
    """When each frame of a video is shown, in seconds."""
    arguments = [
        "-copyts",
        "-noautorotate",
        "-i",
        path,
        "-map",
        "0:v:0",
        "-fps_mode",
        "passthrough",
    ]
    return [
        packet.time
        for packet in _hashed(*arguments, "-enc_time_base", "demux", "-f", "framemd5", "-")
    ]


def read_tags(path: Path) -> str:
    """The tags of a file, its streams and chapters, in ffmpeg's own notation."""
    return ffmpeg("-i", path, "-f", "ffmetadata", "-").decode()


def describe(path: Path) -> str:
    """What ffmpeg prints of a file: streams, codecs, formats, colours, rotation."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-i", str(path)]
    return subprocess.run(command, capture_output=True, check=False).stderr.decode()
