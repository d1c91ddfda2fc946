"""Scores on the videos that `magnify synth videos` wrote, read a few frames at a time."""

import json
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, zip_longest
from math import isclose
from pathlib import Path
from typing import Self

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from magnify.errors import SettingsError, VideoError
from magnify.lab.evaluation.fidelity import Comparison, Fidelity, mean
from magnify.lab.evaluation.lpips import Lpips
from magnify.lab.evaluation.methods import Method
from magnify.lab.evaluation.videos import MARGIN, eroded
from magnify.lab.synthesis.videos import FACTS, INPUT, MOVING, TRUTH, VideoCase
from magnify.motion.registration import Mask
from magnify.video import Picture, VideoReader

CHUNK = 8
"""Frames that are magnified at once, each time with the reference before them."""
LEAST_FRAMES = 3
"""The reference, and two whose errors can differ."""


@dataclass(frozen=True)
class RenderedVideo:
    """One folder of `render_videos`.

    Attributes:
        folder: OUT/<scene>/<video>.
        truth: the magnified video in it.
        case: what it is.
        displacement: of the magnified object, since frame 0: (T, 2), pixels right and down.
    """

    folder: Path
    truth: Path
    case: VideoCase
    displacement: NDArray[np.float64]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """
        Raises:
            SettingsError: what the folder says of itself is not understood, or it is too short.
        """
        path = folder / FACTS
        try:
            facts = json.loads(path.read_text())
            down = np.array(facts.pop("displacement"), float)
            case = VideoCase(**facts)
            displacement = np.stack([np.zeros(len(down)), case.alpha * down], axis=1)
            video = cls(folder, folder / TRUTH.format(case.alpha), case, displacement)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SettingsError(
                f"{path}: not what this version of `magnify synth videos` writes; render it again"
            ) from error
        if len(down) < LEAST_FRAMES:
            raise SettingsError(
                f"{folder}: {LEAST_FRAMES} frames or more are needed, not {len(down)}; "
                "render longer videos"
            )
        return video

    def moving(self) -> Mask:
        """(H, W), where frame 0 shows the object, away from its edge, and no frame hides it.

        Raises:
            SettingsError: the folder has no such picture.
        """
        path = self.folder / MOVING
        if not path.is_file():
            raise SettingsError(f"{path}: is missing; render the videos again")
        return eroded(iio.imread(path, plugin="pillow", mode="L") > 127, MARGIN)

    def frames(self) -> Generator[tuple[Picture, Picture, NDArray[np.float64]], None, None]:
        """Input (H, W, 3), truth (H, W, 3) and displacement (2,) of each frame.

        Raises:
            VideoError: a file cannot be read, or they do not belong together.
        """
        with VideoReader(self.folder / INPUT) as inputs, VideoReader(self.truth) as truths:
            for seen, truth, moved in zip_longest(inputs, truths, self.displacement):
                if (
                    seen is None
                    or truth is None
                    or moved is None
                    or seen.picture.shape != truth.picture.shape
                ):
                    raise VideoError(
                        f"{self.folder}: {INPUT}, {self.truth.name} and {FACTS} differ in size or "
                        "length; render it again"
                    )
                yield seen.picture, truth.picture, moved


def holds_rendered(data: Path) -> bool:
    """Whether a folder is one of `magnify synth videos`, not one of pictures to make videos of."""
    return not (data / "images").is_dir() and any(data.glob(f"*/*/{FACTS}"))


def rendered_videos(data: Path, alphas: Sequence[float] = ()) -> list[RenderedVideo]:
    """Those of a folder that `holds_rendered`, scene by scene, in the order of their names.

    Args:
        alphas: only those with these factors; all by default.

    Raises:
        SettingsError: a video is not understood, or there is none with one of the factors.
    """
    folders = [path.parent for path in data.glob(f"*/*/{FACTS}")]
    videos = [RenderedVideo.load(folder) for folder in sorted(folders, key=_in_numbers)]
    there = sorted({video.case.alpha for video in videos})
    for alpha in alphas:
        if not any(_same(alpha, known) for known in there):
            raise SettingsError(
                f"{data} has no video of alpha {alpha:g}; there are "
                + ", ".join(f"{known:g}" for known in there)
            )
    wanted = alphas or there
    return [v for v in videos if any(_same(alpha, v.case.alpha) for alpha in wanted)]


def _same(asked: float, alpha: float) -> bool:
    """To the six digits that names and tables show."""
    return isclose(asked, alpha, rel_tol=1e-5)


def _in_numbers(folder: Path) -> list[tuple[str, float]]:
    """The key that sorts `alpha_5` before `alpha_10`."""
    parts = re.findall(r"(\D*)(\d+(?:\.\d+)?|$)", f"{folder.parent.name}/{folder.name}")
    return [(text, float(number or 0)) for text, number in parts]


def evaluate_rendered(
    method: Method,
    videos: Sequence[RenderedVideo],
    progress: Callable[[int, int], None] = lambda done, total: None,
    lpips: Lpips | None = None,
) -> dict[VideoCase, Fidelity]:
    """Scores of every kind of video, each the mean over its scenes.

    Args:
        progress: called with the frames done, and frames in all.
        lpips: measures the perceptual distance too.

    Raises:
        SettingsError: a folder lacks a part.
        VideoError: a video cannot be read.
    """
    scores: dict[VideoCase, list[Fidelity]] = {}
    done, total = 0, sum(len(video.displacement) for video in videos)

    def advance(frames: int) -> None:
        nonlocal done
        done += frames
        progress(done, total)

    for video in videos:
        scores.setdefault(video.case, []).append(_score(method, video, advance, lpips))
    return {case: mean(of_scenes) for case, of_scenes in scores.items()}


def _score(
    method: Method, video: RenderedVideo, advance: Callable[[int], None], lpips: Lpips | None
) -> Fidelity:
    with closing(video.frames()) as frames:
        reference, truth_at_rest, _ = next(frames)
        comparison = Comparison(truth_at_rest, video.moving(), lpips)
        advance(1)
        while chunk := list(islice(frames, CHUNK)):
            pictures, truth, moved = (np.stack(part) for part in zip(*chunk, strict=True))
            levels = np.stack([truth_at_rest, *truth]).astype(np.float32)
            output = method(np.stack([reference, *pictures]), video.case.alpha, levels)
            comparison.feed(output[1:], truth, moved)
            advance(len(chunk))
    return comparison.fidelity()
