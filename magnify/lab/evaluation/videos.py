"""Scores on the videos that `magnify synth videos` has written, read a few frames at a time."""

import json
import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import isclose
from pathlib import Path
from typing import Self

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from magnify.errors import SettingsError, VideoError
from magnify.lab.evaluation.fidelity import MARGIN, Fidelity, compare, mean
from magnify.lab.evaluation.lpips import Lpips
from magnify.lab.evaluation.methods import Method
from magnify.lab.synthesis.object_scenes import Mask, eroded
from magnify.lab.synthesis.videos import FACTS, INPUT, MOVING, TRUTH, VideoCase
from magnify.video import Picture, VideoReader

LEAST_FRAMES = 3
"""The reference, and two whose errors can differ."""


@dataclass(frozen=True)
class RenderedVideo:
    """A test video on disk, as `render_videos` writes it.

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

    @property
    def alpha(self) -> float:
        return self.case.alpha

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what a video's folder says of itself.

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
        """Finds where frame 0 shows the object, away from its edge, and no frame hides it: (H, W).

        Raises:
            SettingsError: the folder has no such picture.
        """
        path = self.folder / MOVING
        if not path.is_file():
            raise SettingsError(f"{path}: is missing; render the videos again")
        return eroded(iio.imread(path, plugin="pillow", mode="L") > 127, MARGIN)

    def frames(self) -> Generator[tuple[Picture, Picture, NDArray[np.float64]], None, None]:
        """Reads each frame's input (H, W, 3), truth (H, W, 3) and displacement (2,).

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


def rendered_videos(data: Path, alphas: Sequence[float] = ()) -> list[RenderedVideo]:
    """Finds a folder's videos, scene by scene, in the order of their names.

    Args:
        data: OUT of `magnify synth videos`.
        alphas: only those with these factors; all by default.

    Raises:
        SettingsError: there is no video, or none with one of the factors, or one is not
            understood.
    """
    folders = [path.parent for path in data.glob(f"*/*/{FACTS}")]
    if not folders:
        raise SettingsError(
            f"{data} holds no test videos: give a folder that `magnify synth videos` has written"
        )
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
    """Whether two factors are the same to the six digits that names and tables show."""
    return isclose(asked, alpha, rel_tol=1e-5)


def _in_numbers(folder: Path) -> list[tuple[str, float]]:
    """Gives the key that sorts `alpha_5` before `alpha_10`."""
    parts = re.findall(r"(\D*)(\d+(?:\.\d+)?|$)", f"{folder.parent.name}/{folder.name}")
    return [(text, float(number or 0)) for text, number in parts]


def evaluate_videos(
    method: Method,
    videos: Sequence[RenderedVideo],
    progress: Callable[[int, int], None] = lambda done, total: None,
    lpips: Lpips | None = None,
) -> dict[VideoCase, Fidelity]:
    """Scores every kind of video; each score is the mean over its scenes.

    Args:
        progress: called with the frames done, and frames in all.
        lpips: measures the perceptual distance, too.

    Raises:
        SettingsError: a folder lacks a part.
        VideoError: a video cannot be read.
    """
    scores: dict[VideoCase, list[Fidelity]] = {}
    done, total = 0, sum(len(video.displacement) for video in videos)

    def advance(pictures: Picture, output: Picture) -> None:
        nonlocal done
        done += len(pictures)
        progress(done, total)

    for video in videos:
        scores.setdefault(video.case, []).append(compare(method, video, lpips, advance))
    return {case: mean(of_scenes) for case, of_scenes in scores.items()}
