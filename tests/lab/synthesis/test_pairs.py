"""Training pairs: what they hold, that they repeat, and that they survive the disk."""

from dataclasses import replace
from pathlib import Path

import av
import imageio.v3 as iio
import numpy as np
import pytest
import torch

from magnify.errors import SettingsError
from magnify.lab.synthesis import (
    BatchSettings,
    DegradationSettings,
    PairSettings,
    Photographs,
    SceneSettings,
    StoredPairs,
    SyntheticPairs,
    write_pairs,
)
from magnify.lab.synthesis.compression import compress, from_ycbcr, restore, to_ycbcr, transform
from magnify.lab.synthesis.degradation import degrade, round_randomly, smooth_noise
from magnify.lab.synthesis.pairs import Pairs
from magnify.lab.synthesis.videos import VideoCase, protocol, render_videos, swinging_scene
from magnify.models.quick import moved
from support.synthesis_pictures import random_photographs

STAGE = BatchSettings(batch=5, crop=48, magnified_motion=6.0)
CLEAN = PairSettings(degradation=DegradationSettings(clean=1.0), perturbed=0.0)


@pytest.fixture(scope="module")
def photographs() -> Photographs:
    return random_photographs()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def same(first: Pairs, second: Pairs) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(vars(first).values(), vars(second).values(), strict=True)
    )


def test_same_seed_and_index_give_the_same_pairs(photographs: Photographs) -> None:
    first, again = (SyntheticPairs(photographs, seed=3) for _ in range(2))
    other = SyntheticPairs(photographs, seed=4)
    first.pairs(0, STAGE)  # what came before must not matter
    assert same(first.pairs(2, STAGE), again.pairs(2, STAGE))
    assert not same(first.pairs(2, STAGE), first.pairs(3, STAGE))
    assert not same(first.pairs(2, STAGE), other.pairs(2, STAGE))


def test_pairs_are_8_bit_frames_in_range(photographs: Photographs) -> None:
    pairs = SyntheticPairs(photographs).pairs(0, STAGE)
    for frames in (pairs.reference, pairs.query):
        assert frames.shape == (5, 3, 48, 48)
        assert frames.min() >= 0
        assert frames.max() <= 1
        torch.testing.assert_close(frames * 255, (frames * 255).round())


def test_without_degradation_only_rounding_is_left(photographs: Photographs) -> None:
    pairs = SyntheticPairs(photographs, CLEAN).pairs(1, STAGE)
    assert (pairs.query - pairs.unperturbed).abs().max() <= 1 / 255 + 1e-6
    still = 3  # the fourth part
    assert (pairs.reference[still] - pairs.target[still]).abs().max() <= 1 / 255 + 1e-6


def test_a_stage_can_leave_degradation_out(photographs: Photographs) -> None:
    undegraded = PairSettings(perturbed=0.0)
    source = SyntheticPairs(photographs, undegraded)
    assert same(
        source.pairs(1, replace(STAGE, degraded=0.0)),
        SyntheticPairs(photographs, CLEAN).pairs(1, STAGE),
    )
    assert not same(source.pairs(1, replace(STAGE, degraded=0.5)), source.pairs(1, STAGE))


def test_a_stage_limits_alpha_and_motion(photographs: Photographs) -> None:
    settings = PairSettings(SceneSettings(alpha=(2.0, 200.0)))
    source = SyntheticPairs(photographs, settings)
    some = source.scenes(0, replace(STAGE, batch=40, alpha=(5.0, 20.0), input_motion=0.5))
    whole = source.scenes(0, replace(STAGE, batch=40))
    assert 5 <= some.alpha.min() < 8
    assert 15 < some.alpha.max() <= 20 < whole.alpha.max()
    assert 2 <= whole.alpha.min() < 5
    once = torch.ones_like(some.alpha)[:, None]
    assert 0.4 < some.displacement(once).norm(dim=-1).max() <= 0.5
    assert 0.5 < whole.displacement(once).norm(dim=-1).max() <= STAGE.magnified_motion / 2


def test_alpha_one_target_is_the_query(photographs: Photographs) -> None:
    scenes = SceneSettings(alpha=(1.0, 1.0))
    pairs = SyntheticPairs(photographs, replace(CLEAN, scenes=scenes)).pairs(0, STAGE)
    assert torch.equal(pairs.target, pairs.unperturbed)


def test_motion_leads_from_the_query_to_the_target(photographs: Photographs) -> None:
    settings = replace(CLEAN, with_motion=True)
    pairs = SyntheticPairs(photographs, settings).pairs(0, STAGE)
    assert pairs.motion.shape == (5, 2, 48, 48)
    led = moved(pairs.unperturbed, pairs.motion)
    error, without = ((f - pairs.target).abs().mean() for f in (led, pairs.unperturbed))
    assert error < 0.5 * without
    assert not SyntheticPairs(photographs, CLEAN).pairs(0, STAGE).motion.numel()


def test_query_and_target_share_perturbed_colours(photographs: Photographs) -> None:
    settings = PairSettings(
        SceneSettings(alpha=(1.0, 1.0)), CLEAN.degradation, perturbed=1.0, perturbation=0.2
    )
    pairs = SyntheticPairs(photographs, settings).pairs(0, STAGE)
    assert (pairs.query - pairs.target).abs().max() <= 1 / 255 + 1e-6
    assert (pairs.query - pairs.unperturbed).abs().mean(dim=(1, 2, 3)).min() > 2 / 255


def test_colours_do_not_depend_on_alpha(photographs: Photographs) -> None:
    """Both come from the same seed; half of the pairs of either half of the factors have both."""
    settings = PairSettings(degradation=DegradationSettings(clean=1.0))
    source = SyntheticPairs(photographs, settings, seed=3)
    batches = [source.pairs(index, STAGE) for index in range(40)]
    alpha = torch.cat([pairs.alpha for pairs in batches])
    changed = torch.cat(
        [((pairs.query - pairs.unperturbed).abs() > 1 / 255).any((1, 2, 3)) for pairs in batches]
    )
    for half in (alpha < 10, alpha >= 10):
        assert 0.35 < changed[half].float().mean() < 0.65


def test_seeds_do_not_give_shifted_copies_of_each_other(photographs: Photographs) -> None:
    first, second = (
        {tuple(source.scenes(index, STAGE).alpha.tolist()) for index in range(20)}
        for source in (SyntheticPairs(photographs, seed=seed) for seed in (1, 3))
    )
    assert not first & second


def test_smooth_noise_has_variance_one() -> None:
    noise = smooth_noise(torch.empty(4000, 1, 32, 32), seeded(), seeded(1))
    assert abs(float(noise.mean())) < 0.02
    assert 0.95 < float(noise.std()) < 1.05


def test_reference_and_query_are_degraded_independently() -> None:
    frame = torch.full((64, 3, 32, 32), 0.5)
    settings = DegradationSettings(clean=0.0)
    first, second = degrade([frame, frame], settings, seeded(), seeded(1))
    touched = (first - frame).abs().mean(dim=(1, 2, 3)) > 0.75 / 255
    assert 0.3 < touched.float().mean() < 1
    assert not torch.equal(first[touched], second[touched])
    assert (first.mean() - 0.5).abs() < 1 / 255, "no degradation has a bias"


def test_random_rounding_keeps_the_mean() -> None:
    frames = torch.full((1, 1, 200, 200), 100.3 / 255)
    rounded = round_randomly(frames, seeded()) * 255
    assert set(rounded.unique().round().tolist()) == {100, 101}
    assert rounded.mean() == pytest.approx(100.3, abs=0.01)


def test_codec_transforms_are_inverses() -> None:
    plane = torch.randn(2, 3, 32, 48, generator=seeded())
    torch.testing.assert_close(restore(transform(plane)), plane, atol=1e-5, rtol=0)
    assert transform(plane).square().sum() == pytest.approx(float(plane.square().sum()), rel=1e-5)
    torch.testing.assert_close(from_ycbcr(to_ycbcr(plane)), plane, atol=1e-5, rtol=0)


def smooth_noise_frames(count: int) -> torch.Tensor:
    frames = torch.rand(count, 3, 64, 64, generator=seeded())
    return torch.nn.functional.avg_pool2d(frames, 5, stride=1, padding=2)


def test_coarser_steps_lose_more_and_chroma_most() -> None:
    smooth = smooth_noise_frames(2)
    (decoded,) = compress([smooth], torch.tensor([1.0, 30.0]), seeded(), seeded(1))
    loss = to_ycbcr(decoded - smooth).square().mean(dim=(2, 3)).sqrt()
    assert loss[1, 0] > 3 * loss[0, 0]
    (grey,) = compress(
        [to_ycbcr(smooth)[:, :1].expand(-1, 3, -1, -1) / 255 + 0.5],
        torch.tensor([1.0, 1.0]),
        seeded(),
        seeded(1),
    )
    assert to_ycbcr(grey)[:, 1:].abs().max() < 0.1, "grey stays grey"


def test_later_frames_bring_some_of_what_stands_still_up_to_date() -> None:
    smooth = smooth_noise_frames(16)
    step = torch.full((16,), 8.0)
    first, later = compress([smooth, smooth], step, seeded(), seeded(1))
    changed = to_ycbcr(later - first)[:, 0].abs() > 1e-2
    share = changed.float().mean(dim=(1, 2))
    copied = share < 0.9
    assert copied.any(), "predicted: only where it is worth the bits"
    assert not copied.all(), "not predicted"
    assert share[copied].max() > 0.05
    before, after = (to_ycbcr(frame - smooth)[copied, 0].abs() for frame in (first, later))
    assert after[changed[copied]].mean() < 0.9 * before[changed[copied]].mean()


def test_pairs_survive_the_disk(photographs: Photographs, tmp_path: Path) -> None:
    source = SyntheticPairs(photographs, CLEAN, seed=1)
    write_pairs(tmp_path, source, 7, STAGE)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "amplified",
        "frameA",
        "frameB",
        "frameC",
        "train_mf.txt",
    ]
    assert iio.imread(tmp_path / "amplified" / "000006.png").shape == (48, 48, 3)
    stored = StoredPairs(tmp_path, CLEAN.degradation)
    made = source.pairs(1, STAGE)
    expected = torch.stack([made.reference, made.query, made.unperturbed, made.target], dim=1)
    assert (stored.whole(6) - expected[1]).abs().max() <= 0.5 / 255 + 1e-6
    assert stored.factors[6] == pytest.approx(float(made.alpha[1]), rel=1e-5)
    small = replace(STAGE, batch=40, crop=32)
    drawn = stored.pairs(0, small)
    assert same(drawn, stored.pairs(0, small))
    assert not same(drawn, stored.pairs(1, small))
    wholes = torch.stack([stored.whole(item) for item in range(7)])
    views = torch.cat((wholes, wholes.flip(4))).unfold(3, 32, 1).unfold(4, 32, 1)
    found = [
        [place.tolist() for place in (views[:, 3] == crop[:, None, None]).all((1, 4, 5)).nonzero()]
        for crop in drawn.target
    ]
    assert all(len(places) == 1 for places in found), "each is a crop of one of the pictures"
    items, tops, lefts = zip(*(place for (place,) in found), strict=True)
    assert {item % 7 for item in items} == set(range(7))
    assert 0.2 < sum(item >= 7 for item in items) / 40 < 0.8
    for item, alpha in zip(items, drawn.alpha.tolist(), strict=True):
        assert alpha == pytest.approx(stored.factors[item % 7])
    for places in (tops, lefts):
        assert min(places) < 4
        assert max(places) > 12


def test_a_stage_can_leave_degradation_out_of_stored_pairs(
    photographs: Photographs, tmp_path: Path
) -> None:
    write_pairs(tmp_path, SyntheticPairs(photographs, CLEAN), 5, STAGE)
    never, always = (
        StoredPairs(tmp_path, DegradationSettings(clean=clean)) for clean in (1.0, 0.0)
    )
    assert same(always.pairs(0, replace(STAGE, degraded=0.0)), never.pairs(0, STAGE))
    assert not same(always.pairs(0, STAGE), never.pairs(0, STAGE))


def test_every_fiftieth_stored_pair_is_kept_for_validation(
    photographs: Photographs, tmp_path: Path
) -> None:
    small = BatchSettings(batch=10, crop=16, magnified_motion=4)
    write_pairs(tmp_path, SyntheticPairs(photographs, CLEAN), 100, small)
    stored = StoredPairs(tmp_path, CLEAN.degradation)
    learnt, held = stored.split()
    assert (len(learnt), len(held)) == (98, 2)
    drawn = {
        part: {float(alpha) for index in range(60) for alpha in part.pairs(index, small).alpha}
        for part in (learnt, held)
    }
    kept = {torch.tensor(stored.factors[number]).item() for number in (49, 99)}
    assert drawn[held] == kept
    assert drawn[learnt] == set(torch.tensor(stored.factors).tolist()) - kept


def test_every_fiftieth_picture_is_kept_for_validation() -> None:
    pictures = [torch.full((1,), number) for number in range(120)]
    everything = Photographs(tuple(pictures), tuple(pictures[:50]))
    learnt, held = everything.split()
    assert [int(picture) for picture in held.backgrounds] == [49, 99]
    assert [int(picture) for picture in held.cutouts] == [49]
    assert [int(picture) for picture in learnt.cutouts] == [*range(49)]
    assert len(learnt.backgrounds) == 118
    few = Photographs(tuple(pictures), tuple(pictures[:49]))
    assert few.split() == (few, few)


def test_unusable_pair_folders_are_clear_errors(photographs: Photographs, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"holds no train_mf\.txt"):
        StoredPairs(tmp_path)
    write_pairs(tmp_path, SyntheticPairs(photographs, CLEAN), 2, STAGE)
    with pytest.raises(SettingsError, match="already holds pairs"):
        write_pairs(tmp_path, SyntheticPairs(photographs, CLEAN), 2, STAGE)
    with pytest.raises(SettingsError, match="smaller than the crop of 64"):
        StoredPairs(tmp_path).pairs(0, replace(STAGE, crop=64))
    for factors, message in (
        ("5.0\n", r"1 factors .* for 2 pictures"),
        ("5.0\nnan\n", "a factor of nan"),
        ("inf\n5.0\n", "a factor of inf"),
        ("5.0\n-1\n", r"a factor of -1\.0"),
    ):
        (tmp_path / "train_mf.txt").write_text(factors)
        with pytest.raises(SettingsError, match=message):
            StoredPairs(tmp_path)
    (tmp_path / "train_mf.txt").write_text("")
    for path in (tmp_path / "amplified").iterdir():
        path.unlink()
    with pytest.raises(SettingsError, match="holds no pairs"):
        StoredPairs(tmp_path)


def test_swinging_scene_moves_only_its_object(photographs: Photographs) -> None:
    scene = swinging_scene(photographs, amplitude=0.5, size=64, frames=16)
    truth = torch.stack(list(scene.truth(10)))
    still = (scene.scene.scenes.coverage(10 * scene.swing()[None])[0, :, 1].abs() < 1e-5).all(dim=0)
    assert 0.1 < still.float().mean() < 0.9
    assert (truth - truth[0]).abs().amax(dim=(0, 1))[still].max() < 1e-4
    assert (truth[15] - truth[0]).abs().max() > 0.05
    clean = torch.stack(list(scene.truth(1)))
    assert (torch.stack(list(scene.input())) - clean).abs().max() <= 1 / 255 + 1e-6
    noisy = torch.stack(list(scene.input(noise=3)))
    assert ((noisy - clean) * 255).std() == pytest.approx(3, abs=0.2)


def test_moving_is_where_the_object_is_and_stays_in_sight(photographs: Photographs) -> None:
    scene = swinging_scene(photographs, amplitude=1.0, size=64, frames=16)
    shown = (scene.scene.scenes.coverage(torch.zeros(1, 1))[0, 0, 1] > 0.99).numpy()
    assert shown.any()
    assert np.array_equal(scene.moving(1), shown)
    far = scene.moving(30)  # down by 30 pixels in frame 15
    rows = np.arange(64)[:, None]
    assert far.any()
    assert np.array_equal(far, shown & (rows < 64 - 30))
    assert not scene.moving(64).any()


def test_protocol_has_every_series() -> None:
    videos = {video.name: video for video in protocol()}
    assert {"alpha_100", "alpha_20_noise_3", "alpha_20_compressed", "subpixel_0.01"} <= {*videos}
    assert len(videos) == len(protocol())
    noises = {videos[f"noise_{noise}_motion_0.05"].noise for noise in (0.01, 0.1, 1, 10, 100)}
    assert noises == {0.01, 0.1, 1, 10, 100}
    assert videos["alpha_20_compressed"].compressed
    for reach in (10.0, 25.0):
        for video in protocol(reach=reach):
            if not video.name.startswith("fd4mm"):
                assert video.amplitude * video.alpha == pytest.approx(reach)


def test_protocol_has_fd4mms_motion_and_noise() -> None:
    def fd4mm(size: int) -> list[VideoCase]:
        return [video for video in protocol(size=size) if video.name.startswith("fd4mm")]

    assert {video.amplitude for video in fd4mm(640)} == {2}
    noises = [video.noise / 255 for video in fd4mm(640) if video.noise]
    assert noises == pytest.approx([0.01, 0.05, 0.1, 0.2])
    alphas = {size: [v.alpha for v in fd4mm(size) if not v.noise] for size in (64, 640, 1000)}
    assert alphas == {64: [5], 640: [5, 10, 20, 50], 1000: [5, 10, 20, 50, 100]}


def test_an_object_that_fits_stays_in_the_frame(photographs: Photographs) -> None:
    largest = max(protocol(size=64), key=lambda video: video.amplitude * video.alpha)
    for seed in range(4):
        scene = swinging_scene(photographs, largest.amplitude, size=64, seed=seed)
        there_and_back = torch.tensor([[largest.alpha, -largest.alpha]])
        seen = scene.scene.scenes.coverage(there_and_back)[0, :, 1]
        assert seen.max() > 0.99
        assert seen[:, [0, -1]].abs().max() < 1e-5


def test_rendered_videos_hold_the_truth(photographs: Photographs, tmp_path: Path) -> None:
    case = VideoCase("case", amplitude=0.2, alpha=10.0, compressed=True)
    render_videos(tmp_path / "out", photographs, [case], scenes=1, size=64, frames=4)
    folder = tmp_path / "out" / "00" / "case"
    assert sorted(path.name for path in folder.iterdir()) == [
        "input.mkv",
        "moving.png",
        "truth.json",
        "truth_x10.mkv",
    ]

    def levels(name: str) -> torch.Tensor:
        with av.open(str(folder / name)) as container:
            decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        return torch.from_numpy(np.stack(decoded)).float()

    scene = swinging_scene(photographs, amplitude=0.2, size=64, frames=4)
    truth, clean = (torch.stack(list(scene.truth(a))).permute(0, 2, 3, 1) * 255 for a in (10, 1))
    assert levels("truth_x10.mkv").shape == (4, 64, 64, 3)
    assert (levels("truth_x10.mkv") - truth).abs().max() <= 0.51, "lossless"
    error = levels("input.mkv") - clean
    assert error.abs().max() > 10, "half of the chroma's resolution is lost"
    assert (error @ torch.tensor([0.299, 0.587, 0.114])).abs().mean() < 3
    with pytest.raises(SettingsError, match="not empty"):
        render_videos(tmp_path / "out", photographs, [case])


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
def test_drawing_never_waits_for_the_gpu(photographs: Photographs) -> None:
    source = SyntheticPairs(photographs.to(torch.device("cuda")))
    for mode in ("default", "error"):
        torch.cuda.set_sync_debug_mode(mode)
        try:
            pairs = source.pairs(0, STAGE)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    on_cpu = SyntheticPairs(photographs).scenes(0, STAGE)
    torch.testing.assert_close(pairs.alpha.cpu(), on_cpu.alpha)
    rest = torch.zeros(STAGE.batch, 1)
    scenes = source.scenes(0, STAGE).render(rest.cuda())
    torch.testing.assert_close(scenes.cpu(), on_cpu.render(rest), atol=1e-3, rtol=0)
