"""The table: what the oracle and "do nothing" score is known beforehand."""

import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from magnify.errors import SettingsError
from magnify.lab.evaluation import (
    Case,
    Degradation,
    EvaluationSettings,
    KnownScene,
    SceneScore,
    cases,
    evaluate_scenes,
    measure,
    network,
    nothing,
    oracle,
    psnr,
    temporal_deviation,
)
from magnify.lab.synthesis import Mover, Photographs
from magnify.motion.registration import displacement
from magnify.pipeline.prepare import Engine
from magnify.video import Picture

SIZE = 96
SMALL = EvaluationSettings(sizes=(SIZE,), peaks=(6.0,), alphas=(1.0, 10.0), scenes=1)


def texture(channels: int, height: int, width: int, seed: int) -> Tensor:
    """Smooth random colours: detail of a few pixels, more in brightness than in colour."""
    generator = torch.Generator().manual_seed(seed)
    grey, colour = (
        torch.rand(1, count, height // 6, width // 6, generator=generator) - 0.5
        for count in (1, channels)
    )
    coarse = 0.5 + 0.6 * grey + 0.2 * colour
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    return (fine[0].clamp(0, 1) * 255).byte()


@pytest.fixture(scope="module")
def photographs() -> Photographs:
    disc = texture(4, 120, 120, seed=3)
    rows, columns = torch.meshgrid(torch.arange(120), torch.arange(120), indexing="ij")
    disc[3] = 255 * ((rows - 60) ** 2 + (columns - 60) ** 2 < 55**2)
    backgrounds = tuple(texture(3, 400, 420, seed) for seed in (1, 2))
    return Photographs(backgrounds=backgrounds, cutouts=(disc,))


def by_case(scores: dict[Case, SceneScore], **wanted: object) -> list[SceneScore]:
    chosen = [
        score
        for case, score in scores.items()
        if all(getattr(case, name) == value for name, value in wanted.items())
    ]
    assert chosen
    return chosen


def test_the_oracle_has_gain_1_and_no_temporal_deviation(photographs: Photographs) -> None:
    scores = evaluate_scenes(oracle, photographs, SMALL)

    for score in by_case(scores, moves=Mover.OBJECT) + by_case(scores, moves=Mover.BACKGROUND):
        assert score.gain == pytest.approx(1, abs=0.002)
    for score in scores.values():
        assert score.ssim > 0.999
        assert score.psnr > 58
        assert score.flicker < 0.5
    for score in by_case(scores, degradation=Degradation()):
        assert max(score.still_luma, score.still_chroma) < 0.02
    for score in by_case(scores, degradation=Degradation(recoloured=True)):
        assert score.still_luma is None, "its colours change everywhere"
    assert by_case(scores, degradation=Degradation(noise=3))[0].input_luma > 1.5


def test_doing_nothing_has_gain_1_over_alpha_and_the_inputs_temporal_deviation(
    photographs: Photographs,
) -> None:
    scores = evaluate_scenes(nothing, photographs, SMALL)

    for moves in (Mover.OBJECT, Mover.BACKGROUND):
        (clean,) = by_case(scores, moves=moves, degradation=Degradation(), alpha=10.0)
        assert clean.gain == pytest.approx(0.1, abs=0.002)
        assert clean.ssim < 0.9
        (as_it_is,) = by_case(scores, moves=moves, alpha=1.0)
        assert as_it_is.gain == pytest.approx(1, abs=0.002)
        assert as_it_is.psnr > 58
    for score in scores.values():
        assert (score.still_luma, score.still_chroma) == (score.input_luma, score.input_chroma)
    (noisy,) = by_case(scores, moves=Mover.NOTHING, degradation=Degradation(noise=3))
    assert noisy.gain is None
    assert noisy.still_luma == pytest.approx(3 * 0.669, rel=0.05)


@pytest.mark.parametrize("mover", [Mover.OBJECT, Mover.BACKGROUND])
@pytest.mark.parametrize("number", [0, 1])
def test_input_and_truth_move_as_they_claim(
    photographs: Photographs, mover: Mover, number: int
) -> None:
    scene = KnownScene(photographs, mover, SIZE, number, peak=12, frames=5)
    truth = scene.video(20, Degradation())
    pictures = truth.pictures

    assert np.hypot(*truth.displacement.T) == pytest.approx([0, 6, 12, 12, 6])
    for frame, expected in zip(truth.levels, truth.displacement, strict=True):
        assert displacement(truth.levels[0], frame, truth.moving()) == pytest.approx(
            expected, abs=0.02
        )
    for frame, expected in zip(pictures, truth.displacement / 20, strict=True):
        assert displacement(truth.levels[0], frame, truth.moving()) == pytest.approx(
            expected, abs=0.02
        )
    assert np.ptp(truth.levels[:, truth.still], axis=0).max() < 0.5
    assert truth.still.sum() > 100


@pytest.mark.parametrize("mover", [Mover.OBJECT, Mover.BACKGROUND])
def test_gain_of_what_has_no_texture_is_not_measured(
    photographs: Photographs, mover: Mover
) -> None:
    flat = Photographs(
        tuple(torch.full_like(picture, 90) for picture in photographs.backgrounds),
        tuple(torch.cat((200 + 0 * disc[:3], disc[3:])) for disc in photographs.cutouts),
    )
    scene = KnownScene(flat, mover, SIZE, 0, peak=6, frames=3)

    assert scene.moving.any()
    assert measure(oracle, scene.video(10, Degradation())).gain is None


def test_changing_colours_are_in_the_input_and_in_the_truth(photographs: Photographs) -> None:
    scene = KnownScene(photographs, Mover.OBJECT, SIZE, 0, peak=6, frames=3)
    changed, plain = (
        scene.video(10, Degradation(recoloured=recoloured)) for recoloured in (True, False)
    )
    pictures = changed.pictures

    assert (pictures[0] == plain.pictures[0]).all()
    assert np.abs(pictures[1:].mean((1, 2)) - plain.pictures[1:].mean((1, 2))).max() > 5
    assert changed.levels.mean((1, 2)) == pytest.approx(pictures.mean((1, 2)), abs=1)


def test_the_same_scene_whatever_the_motion(photographs: Photographs) -> None:
    near, far = (KnownScene(photographs, Mover.OBJECT, SIZE, 0, peak, 3) for peak in (2, 20))

    np.testing.assert_array_equal(near.levels[0], far.levels[0])


def test_h264_changes_the_input_a_little(photographs: Photographs) -> None:
    scene = KnownScene(photographs, Mover.NOTHING, SIZE, 0, 0, 3)

    compressed = scene.video(1, Degradation(compressed=True)).pictures

    assert compressed.shape == scene.levels.shape
    assert all(25 < value < 50 for value in psnr(compressed, scene.levels))


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two cores",
)
def test_h264_is_the_same_on_any_number_of_cores(photographs: Photographs) -> None:
    scene = KnownScene(photographs, Mover.OBJECT, 192, 0, 6, 9)
    cores = os.sched_getaffinity(0)
    compressed = []
    for some in ({min(cores)}, cores):
        os.sched_setaffinity(0, some)
        try:
            compressed.append(scene.video(1, Degradation(compressed=True)).pictures)
        finally:
            os.sched_setaffinity(0, cores)
    assert np.array_equal(*compressed)


def test_what_cannot_be_measured_is_none(photographs: Photographs) -> None:
    settings = replace(SMALL, sizes=(64,), peaks=(39.0,), alphas=(10.0,), noises=(0.0,))

    (score,) = by_case(
        evaluate_scenes(nothing, photographs, settings),
        moves=Mover.BACKGROUND,
        degradation=Degradation(),
    )

    assert score.gain is None
    assert score.still_luma == 0


def test_a_flickering_output_is_noticed(photographs: Photographs) -> None:
    scene = KnownScene(photographs, Mover.OBJECT, SIZE, 0, 6, 5)

    def flickering(pictures: Picture, alpha: float, truth: NDArray[np.float32] | None) -> Picture:
        output = oracle(pictures, alpha, truth)
        output[::2] = (output[::2] * 0.9).astype(np.uint8)
        return output

    score = measure(flickering, scene.video(10, Degradation()))

    assert score.still_luma > 3
    assert score.flicker > 3
    assert score.gain == pytest.approx(1, abs=0.01)


def test_a_network_runs_as_users_run_it(photographs: Photographs, engine: Engine) -> None:
    settings = replace(SMALL, alphas=(1.0,), noises=(0.0,))

    (score,) = by_case(
        evaluate_scenes(network(engine), photographs, settings), moves=Mover.BACKGROUND
    )

    assert score.gain == pytest.approx(1, abs=0.02)
    assert score.psnr > 30


def test_every_combination_is_a_case() -> None:
    settings = EvaluationSettings(sizes=(128, 256), alphas=(1.0, 5.0, 50.0), noises=(0.0, 2.0))

    rows = list(cases(settings))

    moving = [case for case in rows if case.moves is not Mover.NOTHING]
    assert len({*rows}) == len(rows)
    assert len([case for case in moving if case.alpha != 1]) == 2 * 2 * 2 * 2 * 4
    assert [case.degradation.label for case in moving if case.alpha == 1] == ["clean"] * 4
    assert {case.degradation.label for case in rows if case.moves is Mover.NOTHING} == {
        "noise 2",
        "H.264",
    }


def test_a_long_video_is_scored_as_a_whole(photographs: Photographs) -> None:
    """More frames than are magnified at once; every one counts, and counts once."""
    scene = KnownScene(photographs, Mover.OBJECT, SIZE, 0, peak=6, frames=21)
    video = scene.video(10, Degradation(noise=3))
    calls: list[int] = []

    def counting(pictures: Picture, alpha: float, truth: object) -> Picture:
        calls.append(len(pictures))
        return pictures

    score = measure(counting, video)

    assert sum(count - 1 for count in calls) == 20
    assert max(calls) < 21
    assert score.psnr == pytest.approx(psnr(video.pictures[1:], video.levels[1:]).mean())
    still = temporal_deviation(video.pictures, video.still)
    assert (score.still_luma, score.still_chroma) == pytest.approx(still)


def test_progress_reaches_its_end(photographs: Photographs) -> None:
    seen: list[tuple[int, int]] = []

    evaluate_scenes(nothing, photographs, SMALL, lambda done, total: seen.append((done, total)))

    total = len(list(cases(SMALL)))
    assert seen == [(done, total) for done in range(1, total + 1)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"frames": 4}, "frames must be an odd number"),
        ({"scenes": 0}, "scenes must be 1 or more"),
        ({"alphas": (0.0,)}, "alpha must be a number of 0.001 or more, not 0.0"),
        ({"peaks": (float("nan"),)}, "peak must be a number"),
        ({"sizes": (32,)}, "size must be a number of 64 or more"),
        ({"noises": (-1.0,)}, "noise must be a number of 0 or more"),
    ],
)
def test_settings_that_cannot_work(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        EvaluationSettings(**wrong)  # type: ignore[arg-type]
