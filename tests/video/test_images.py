"""Image sequences, in and out."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from magnify.errors import SettingsError, VideoError
from magnify.video import Encoding, Frame, VideoInfo, VideoReader, VideoWriter, probe
from support.videos import SCALING, ffmpeg, make_clip, read_pictures, times


def make_images(pattern: Path, *options: str, count: int = 5) -> Path:
    pattern.parent.mkdir(exist_ok=True)
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=50x35", "-frames:v", str(count), *options, pattern)
    return pattern


def read(path: Path, fps: float = 25) -> np.ndarray:
    with VideoReader(path, fps=fps) as reader:
        return np.stack([frame.picture for frame in reader])


@pytest.mark.parametrize("extension", ["png", "tiff", "bmp"])
def test_a_pattern_and_its_folder_are_the_same_video(tmp_path: Path, extension: str) -> None:
    pattern = make_images(tmp_path / "in" / f"frame_%04d.{extension}")
    pictures = read(pattern)
    assert pictures.shape == (5, 35, 50, 3)
    assert np.array_equal(pictures, read(pattern.parent))
    assert np.array_equal(pictures, read_pictures(pattern))


def test_images_of_16_bits_keep_them(tmp_path: Path) -> None:
    pattern = make_images(tmp_path / "in" / "%d.png", "-pix_fmt", "rgb48be")
    pictures = read(pattern)
    assert pictures.dtype == np.uint16
    assert np.array_equal(pictures, read_pictures(pattern, "rgb48le"))
    assert probe(pattern, fps=10).bit_depth == 16


def test_the_first_image_tells_the_depth_of_all(tmp_path: Path) -> None:
    for number, pixel_format in enumerate(("rgb24", "rgb48be", "rgb24", "rgb48be")):
        make_images(tmp_path / "in" / f"{number}.png", "-pix_fmt", pixel_format, count=1)
    shallow = read(tmp_path / "in")
    (tmp_path / "in" / "0.png").unlink()
    deep = read(tmp_path / "in")
    assert (shallow.dtype, deep.dtype) == (np.uint8, np.uint16)
    assert np.abs(shallow - shallow[0].astype(int)).max() <= 1
    assert np.abs(deep - 257 * shallow[0].astype(int)).max() <= 2 * 257


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    pattern = make_images(tmp_path / "in" / "shot%d.png", count=11)
    (tmp_path / "in" / ".hidden.png").write_text("not an image")
    (tmp_path / "in" / "notes.txt").write_text("not an image")
    assert np.array_equal(read(tmp_path / "in"), read_pictures(pattern))


def test_the_frame_rate_is_the_users(tmp_path: Path) -> None:
    pattern = make_images(tmp_path / "in" / "%03d.png")
    info = probe(pattern, fps=Fraction(30000, 1001))
    assert info.average_rate == 1 / info.time_base == Fraction(30000, 1001)
    assert (info.frames, info.container) == (5, "images")
    assert probe(pattern, fps=29.97).average_rate == Fraction(2997, 100)
    with pytest.raises(SettingsError, match="images have no frame rate; say it with fps"):
        VideoReader(pattern)
    with pytest.raises(SettingsError, match="fps must be above 0, not 0"):
        VideoReader(pattern, fps=0)


def test_a_video_may_have_a_pattern_for_a_name(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "50%dark.mp4")
    with VideoReader(clip) as reader, VideoWriter(tmp_path / "80%dark.mp4", reader) as writer:
        for frame in reader:
            writer.write(frame)
    assert probe(tmp_path / "80%dark.mp4").frames == 20


def test_sequences_that_cannot_be_read(tmp_path: Path) -> None:
    pattern = make_images(tmp_path / "in" / "%03d.png")
    with pytest.raises(VideoError, match="no images found"):
        VideoReader(tmp_path / "in" / "other_%03d.png", fps=25)
    (tmp_path / "videos").mkdir()
    with pytest.raises(VideoError, match="name videos by themselves, or by a pattern"):
        VideoReader(tmp_path / "videos")
    with pytest.raises(VideoError, match="there is no folder"):
        VideoReader(tmp_path / "nowhere" / "%03d.png", fps=25)
    (tmp_path / "in" / "004.png").write_text("not an image")
    with pytest.raises(VideoError, match=r"004.png: cannot be read as an image"):
        read(pattern)
    (tmp_path / "in" / "004.png").unlink()
    with pytest.raises(VideoError, match="image number 4 is missing"):
        VideoReader(pattern, fps=25)


def test_images_become_a_video_of_that_rate(tmp_path: Path) -> None:
    pattern = make_images(tmp_path / "in" / "%03d.png")
    output = tmp_path / "out.mkv"
    lossless = Encoding(lossless=True)
    with VideoReader(pattern, fps=20) as reader, VideoWriter(output, reader, lossless) as writer:
        for frame in reader:
            writer.write(frame)
    assert np.array_equal(read_pictures(output), read_pictures(pattern))
    assert times(output) == [Fraction(number, 20) for number in range(5)]


@pytest.mark.parametrize(
    ("name", "first"),
    [("out/", "frame_000001.png"), ("out", "frame_000001.png"), ("out/shot%d.png", "shot1.png")],
)
@pytest.mark.parametrize("deep", [False, True])
def test_a_video_becomes_images(tmp_path: Path, name: str, first: str, deep: bool) -> None:
    if "/shot" in name:
        (tmp_path / "out").mkdir()
    options = ["-pix_fmt", "gbrp12le" if deep else "bgr0"]
    clip = make_clip(tmp_path / "clip.mkv", "-c:v", "ffv1", *options, frames=3, audio=1)
    with VideoReader(clip) as reader, VideoWriter(f"{tmp_path}/{name}", reader) as writer:
        for frame in reader:
            writer.write(frame)
    assert writer.notices == ["images have no sound, subtitles or time stamps; dropped"]
    images = sorted((tmp_path / "out").iterdir())
    assert [images[0].name, len(images)] == [first, 3]
    pictures = np.concatenate([read_pictures(i, "rgb48le" if deep else "rgb24") for i in images])
    assert np.array_equal(pictures, read_pictures(clip, "rgb48le" if deep else "rgb24"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mkv", "out"]


def test_images_are_turned_as_a_player_would(tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", frames=2)
    for turn in ("90", "180", "-90"):
        clip, images = tmp_path / "turned.mp4", tmp_path / f"images{turn}"
        ffmpeg("-display_rotation", turn, "-i", plain, "-c", "copy", clip)
        with VideoReader(clip) as reader, VideoWriter(images, reader) as writer:
            for frame in reader:
                writer.write(frame)
        shown = ffmpeg(
            "-i", clip, "-sws_flags", SCALING, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"
        )
        pictures = np.concatenate([read_pictures(path) for path in sorted(images.iterdir())])
        assert pictures.tobytes() == shown


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_say_how_they_were_held(tmp_path: Path, orientation: int) -> None:
    (tmp_path / "in").mkdir()
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "in" / "1.png", exif=exif)
    with (
        VideoReader(tmp_path / "in", fps=1) as reader,
        VideoWriter(tmp_path / "out", reader) as writer,
    ):
        writer.write(next(iter(reader)))
    with Image.open(tmp_path / "in" / "1.png") as held:
        shown = np.asarray(ImageOps.exif_transpose(held))
    assert np.array_equal(read(tmp_path / "out")[0], shown)


def test_only_the_number_of_a_pattern_is_filled_in(tmp_path: Path) -> None:
    info = VideoInfo(width=16, height=16, time_base=Fraction(1, 25))
    frame = Frame(np.zeros((16, 16, 3), np.uint8), 0, 1)
    for name in ("50%_%04d.png", "take%d_%02d.png"):
        pattern = tmp_path / name[:2] / name
        with VideoWriter(pattern, info) as writer:
            writer.write(frame)
        assert probe(pattern, fps=1).frames == 1


def test_images_take_neither_the_current_folder_nor_a_files_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = VideoInfo(width=16, height=16, time_base=Fraction(1, 25))
    (tmp_path / "here").mkdir()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SettingsError, match="is a file; images need a folder"):
        VideoWriter(tmp_path / "file", info, overwrite=True)
    monkeypatch.chdir(tmp_path / "here")
    for output in (".", "./", "frame_%04d.png", "../here"):
        with pytest.raises(SettingsError, match="is the current folder; name one in it"):
            VideoWriter(output, info, overwrite=True)


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    info = VideoInfo(width=16, height=16, time_base=Fraction(1, 25))
    frame = Frame(np.zeros((16, 16, 3), np.uint8), 0, 1)
    folder = tmp_path / "out"
    with VideoWriter(folder, info) as writer:
        writer.write(frame)
        writer.write(frame)
    with pytest.raises(SettingsError, match="exists already"):
        VideoWriter(folder, info)
    with VideoWriter(folder, info, overwrite=True) as writer:
        writer.write(frame)
    assert [path.name for path in folder.iterdir()] == ["frame_000001.png"]
    (folder / "diary.txt").write_text("mine")
    with pytest.raises(SettingsError, match=r"holds other files \(diary.txt\)"):
        VideoWriter(folder, info, overwrite=True)
    with pytest.raises(SettingsError, match="images are PNGs"):
        VideoWriter(tmp_path / "new", info, Encoding(crf=0))


def test_an_image_folder_is_never_written_onto_itself(tmp_path: Path) -> None:
    pattern = make_images(tmp_path / "in" / "frame_%06d.png")
    for output in (pattern, pattern.parent):
        with pytest.raises(SettingsError, match="is the input itself"):
            VideoWriter(output, probe(pattern, fps=25), overwrite=True)
