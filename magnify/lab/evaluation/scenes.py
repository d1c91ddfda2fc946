"""Scores on drawn scenes whose truth is known: every case of the table, and what it measures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, product

import numpy as np

from magnify.errors import SettingsError
from magnify.lab.evaluation.degradation import Degradation
from magnify.lab.evaluation.fidelity import Fidelity, compare, mean
from magnify.lab.evaluation.known_scenes import KnownScene, SceneVideo
from magnify.lab.evaluation.lpips import Lpips
from magnify.lab.evaluation.methods import Method
from magnify.lab.evaluation.quality import RunningDeviation
from magnify.lab.synthesis import Mover, Photographs
from magnify.motion.registration import REACH
from magnify.video import Picture

LEAST_SIZE = 64
"""Pixels; the object and its way need room."""


@dataclass(frozen=True)
class EvaluationSettings:
    """Which cases are scored: all combinations of what is listed.

    Attributes:
        sizes: heights and widths of the videos in pixels.
        peaks: longest magnified displacements in pixels, less than the registration's reach of
            40; the input's is that over alpha.
        alphas: total magnification factors. Factor 1 is measured on clean videos of the first
            peak only: it must give the input back.
        noises: standard deviations of the input's noise in grey levels; one more set of videos
            passes H.264 instead, and one changes its colours. Videos in which nothing moves are
            left out where clean or in changing colours.
        scenes: how many scenes each score is the mean of.
        frames: of each video, an odd number, the reference included.
    """

    sizes: tuple[int, ...] = (256,)
    peaks: tuple[float, ...] = (10.0, 25.0)
    alphas: tuple[float, ...] = (1.0, 5.0, 10.0, 20.0, 50.0)
    noises: tuple[float, ...] = (0.0, 1.0, 3.0)
    scenes: int = 2
    frames: int = 3

    def __post_init__(self) -> None:
        if self.scenes < 1:
            raise SettingsError(f"scenes must be 1 or more, not {self.scenes}")
        if self.frames < 3 or self.frames % 2 == 0:
            raise SettingsError(
                f"frames must be an odd number of 3 or more (the reference, and as many "
                f"displacements in either direction), not {self.frames}"
            )
        for name, values, least in (
            ("size", self.sizes, LEAST_SIZE),
            ("peak", self.peaks, 1e-3),
            ("alpha", self.alphas, 1e-3),
            ("noise", self.noises, 0),
        ):
            for value in values:
                if not (np.isfinite(value) and value >= least):
                    raise SettingsError(
                        f"{name} must be a number of {least:g} or more, not {value}"
                    )
        if max(self.peaks) >= REACH:
            raise SettingsError(
                f"peak must be less than {REACH} pixels, the longest motion that is measured, "
                f"not {max(self.peaks):g}"
            )

    @property
    def degradations(self) -> tuple[Degradation, ...]:
        noisy = (Degradation(noise=noise) for noise in self.noises)
        return (*noisy, Degradation(compressed=True), Degradation(recoloured=True))


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    size: int
    moves: Mover
    peak: float
    degradation: Degradation
    alpha: float


@dataclass(frozen=True)
class SceneScore(Fidelity):
    """What was measured on one case.

    To the fidelity it adds temporal standard deviations where the truth stands still, in grey
    levels. They tell of unwanted motion, and of noise and compression that boil. They are None
    where too little of the truth stands still.

    Attributes:
        still_luma, still_chroma: of the output.
        input_luma, input_chroma: of the input.
    """

    still_luma: float | None
    still_chroma: float | None
    input_luma: float | None
    input_chroma: float | None


def cases(settings: EvaluationSettings) -> Iterator[Case]:
    """Lists every row; those of the same scene and peak follow each other."""
    moving = product(settings.sizes, (Mover.OBJECT, Mover.BACKGROUND), settings.peaks)
    for size, moves, peak in moving:
        for degradation, alpha in product(settings.degradations, settings.alphas):
            if alpha != 1 or (degradation == Degradation() and peak == settings.peaks[0]):
                yield Case(size, moves, peak, degradation, alpha)
    for size, degradation, alpha in product(settings.sizes, settings.degradations, settings.alphas):
        if alpha != 1 and (degradation.noise or degradation.compressed):
            yield Case(size, Mover.NOTHING, 0.0, degradation, alpha)


def evaluate_scenes(
    method: Method,
    photographs: Photographs,
    settings: EvaluationSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
    lpips: Lpips | None = None,
) -> dict[Case, SceneScore]:
    """Scores every case; each score is the mean over its scenes.

    Args:
        photographs: on the CPU.
        progress: called with the videos done, and videos in all.
        lpips: measures the perceptual distance, too.
    """
    rows = list(cases(settings))
    scores: dict[Case, list[SceneScore]] = {case: [] for case in rows}
    done, total = 0, len(rows) * settings.scenes
    for number in range(settings.scenes):
        for (size, moves, peak), alike in groupby(
            rows, lambda row: (row.size, row.moves, row.peak)
        ):
            scene = KnownScene(photographs, moves, size, number, peak, settings.frames)
            for case in alike:
                video = scene.video(case.alpha, case.degradation)
                scores[case].append(measure(method, video, lpips))
                done += 1
                progress(done, total)
    return {case: mean(of_scenes) for case, of_scenes in scores.items()}


def measure(method: Method, video: SceneVideo, lpips: Lpips | None = None) -> SceneScore:
    """Magnifies a drawn video, and compares it with the truth and with its input."""
    before, after = RunningDeviation(), RunningDeviation()

    def watch(pictures: Picture, output: Picture) -> None:
        before.feed(pictures[:, video.still])
        after.feed(output[:, video.still])

    fidelity = compare(method, video, lpips, watch)
    still, unmagnified = (
        running.value() if video.still.any() else None for running in (after, before)
    )
    return SceneScore(
        **vars(fidelity),
        still_luma=still and still.luma,
        still_chroma=still and still.chroma,
        input_luma=unmagnified and unmagnified.luma,
        input_chroma=unmagnified and unmagnified.chroma,
    )
