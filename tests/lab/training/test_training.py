"""Training: gradients, overfitting, resuming, what a run leaves behind."""

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from magnify.checkpoints import load_model, write_checkpoint
from magnify.errors import CheckpointError, SettingsError
from magnify.lab import evaluation
from magnify.lab.synthesis import BatchSettings, Pairs, PairSettings, SyntheticPairs
from magnify.lab.training import Plan, RunSettings
from magnify.lab.training.average import AveragedWeights
from magnify.lab.training.linear_start import start_as_linear_magnifier
from magnify.lab.training.losses import (
    FD4MMObjective,
    LBVMMObjective,
    Objective,
    QuickObjective,
    highpass,
    loss_terms,
    ssim,
    withheld,
)
from magnify.lab.training.optimisers import SLOW, make_optimisers, mixing_weights, set_rate
from magnify.lab.training.perceptual import VggFeatures
from magnify.lab.training.process import Process
from magnify.lab.training.run_folder import RunFolder
from magnify.lab.training.runs import Request, train
from magnify.lab.training.soap import Soap
from magnify.lab.training.trainer import Trainer
from magnify.models.fd4mm import FD4MM
from magnify.models.lbvmm import LBVMM
from magnify.models.quick import Quick
from support.checkpoint_samples import write_random_vgg
from support.synthesis_pictures import random_photographs

STAGE = BatchSettings(batch=2, crop=32, magnified_motion=4.0)
CPU = Process(torch.device("cpu"))
GPU = Process(torch.device("cuda:0"))


class OnePair:
    """Always the same pair: a blob, moved by 0.5 pixels, and by 2."""

    def pairs(self, index: int, batch_settings: BatchSettings) -> Pairs:
        y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")

        def blob(right: float) -> torch.Tensor:
            hill = torch.exp(-((y - 15) ** 2 + (x - 14 - right) ** 2) / 30)
            return torch.stack((hill, 1 - hill, 0.3 + 0.5 * hill))[None]

        query, target = blob(0.5), blob(2.0)
        return Pairs(blob(0.0), query, query, target, torch.tensor([4.0]), query[:, :0])


NETWORKS = ("lbvmm", "fd4mm", "quick")


def objective_of(network: str) -> Objective:
    torch.manual_seed(0)
    if network == "quick":
        return QuickObjective(Quick())
    return LBVMMObjective(LBVMM()) if network == "lbvmm" else FD4MMObjective(FD4MM())


def trainer(
    folder: Path,
    plan: Plan,
    network: str = "lbvmm",
    *,
    resume: bool = False,
    seed: int = 0,
    process: Process = CPU,
) -> Trainer:
    settings = PairSettings(with_motion=network == "quick")
    source = SyntheticPairs(random_photographs().to(process.device), settings)
    objective = objective_of(network)
    torch.manual_seed(seed)
    return Trainer(
        objective,
        source,
        [source.pairs(1000, plan.batch_settings(1.0))],
        plan,
        RunFolder(folder, network, resume=resume),
        process=process,
        settings=RunSettings(log_steps=1),
        recipe={"start": "random"},
        drawn_from={"data": "one pair", "seed": 0},
        report=lambda line: None,
    )


PLAN = Plan(steps=4, minutes=None, rate=1e-3, warmup=2, batch=1, crop=16, motion=2.0)


@pytest.mark.parametrize("network", NETWORKS)
def test_gradients_reach_every_parameter(network: str) -> None:
    objective = objective_of(network)
    for weights in objective.parameters():  # a block that adds nothing yet would hide its first
        if not weights.any():
            torch.nn.init.normal_(weights, std=0.01)
    pairs = SyntheticPairs(random_photographs(), PairSettings(with_motion=True)).pairs(0, STAGE)
    torch.stack(list(loss_terms(objective, pairs).values())).sum().backward()
    lost = [
        name
        for name, parameter in objective.named_parameters()
        if parameter.grad is None or not parameter.grad.isfinite().all() or not parameter.grad.any()
    ]
    assert not lost


@pytest.mark.parametrize("network", NETWORKS)
def test_motion_is_exact_in_an_autocast(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objective = objective_of(network)
    objective.advance(1.0)
    pairs = SyntheticPairs(random_photographs()).pairs(0, STAGE)
    seen: list[torch.Tensor] = []
    manipulate = objective.model.manipulate

    def observed(shape: torch.Tensor, motion: torch.Tensor, *others: object) -> torch.Tensor:
        seen.append(motion)
        return manipulate(shape, motion, *others)

    monkeypatch.setattr(objective.model, "manipulate", observed)
    exact = loss_terms(objective, pairs)
    with torch.autocast("cpu", torch.bfloat16):
        short = loss_terms(objective, pairs)
    assert torch.equal(*seen)
    assert all(
        exact[name] != short[name] for name in exact if name not in ("guided", "regularisation")
    )


def test_still_scenes_have_finite_gradients() -> None:
    pairs = OnePair().pairs(0, STAGE)
    still = replace(pairs, query=pairs.reference, target=pairs.reference)
    for objective in map(objective_of, NETWORKS):
        torch.stack(list(loss_terms(objective, still).values())).sum().backward()
        assert all(p.grad.isfinite().all() for p in objective.parameters() if p.grad is not None)


@pytest.mark.slow
def test_a_tiny_run_overfits_one_pair(tmp_path: Path) -> None:
    torch.manual_seed(0)
    plan = Plan(steps=150, minutes=None, rate=2e-3, warmup=10, batch=1, crop=32)
    learner = Trainer(
        LBVMMObjective(LBVMM()),
        OnePair(),
        [],
        plan,
        RunFolder(tmp_path, "lbvmm", resume=False),
        process=CPU,
        settings=RunSettings(log_steps=10),
        recipe={"start": "random"},
        drawn_from={"data": "one pair", "seed": 0},
        report=lambda line: None,
    )
    learner.run()
    rows = _rows(tmp_path)
    assert float(rows[-1]["l1"]) < 0.1 * float(rows[0]["l1"])
    assert float(rows[-1]["loss"]) < 0.1 * float(rows[0]["loss"])


@pytest.mark.parametrize("network", NETWORKS)
def test_resuming_equals_running_through(network: str, tmp_path: Path) -> None:
    plan = replace(PLAN, curriculum=True)
    through = trainer(tmp_path / "through", plan, network)
    through.run()
    broken = trainer(tmp_path / "broken", plan, network)
    broken.validate()
    batch = broken.draw(0)
    for _ in range(2):
        assert batch is not None
        _, batch = broken.train_step(batch)
    broken.save()
    resumed = trainer(tmp_path / "broken", plan, network, resume=True, seed=99)
    resumed.resume()
    assert resumed.step == 2
    resumed.run()
    for name, value in through.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
        assert torch.equal(through.average.weights[name], resumed.average.weights[name]), name


def test_resuming_forgets_metrics_after_the_saved_step(tmp_path: Path) -> None:
    first = trainer(tmp_path, PLAN)
    first.run()
    first.folder.log(dict.fromkeys(_rows(tmp_path)[0], 9.0))
    assert [row["step"] for row in _rows(tmp_path)] == ["1", "2", "3", "4", "9"]
    trainer(tmp_path, PLAN, resume=True).resume()
    assert [row["step"] for row in _rows(tmp_path)] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("part", ["optimiser_states", "start", "contrast", "plans"])
def test_a_state_of_an_older_form_is_refused(part: str, tmp_path: Path) -> None:
    trainer(tmp_path, PLAN).save()
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    del state[part]
    torch.save(state, tmp_path / "state.pt")
    with pytest.raises(CheckpointError, match=r"older magnify; start a new run .* with --init"):
        trainer(tmp_path, PLAN, resume=True).resume()


def _rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))


def test_non_finite_steps_are_skipped_and_counted(tmp_path: Path) -> None:
    learner = trainer(tmp_path, PLAN)
    before = {name: value.clone() for name, value in learner.model.state_dict().items()}

    class Broken(OnePair):
        def pairs(self, index: int, batch_settings: BatchSettings) -> Pairs:
            pairs = super().pairs(index, batch_settings)
            return replace(pairs, target=pairs.target * math.nan)

    learner.source = Broken()
    batch = learner.draw(0)
    assert batch is not None
    learner.train_step(batch)
    assert (learner.skipped, learner.step) == (1, 1)
    assert all(torch.equal(v, before[n]) for n, v in learner.model.state_dict().items())


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("network", NETWORKS)
def test_a_step_waits_for_nothing_but_its_gradient(network: str, tmp_path: Path) -> None:
    learner = trainer(tmp_path, replace(PLAN, steps=10), network, process=GPU)
    batch = learner.draw(0)
    for mode in ("default", "default", "error"):
        torch.cuda.set_sync_debug_mode(mode)
        try:
            assert batch is not None
            terms, batch = learner.train_step(batch)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert learner.skipped == 0
    assert all(math.isfinite(term) for term in terms.values())


def test_a_run_leaves_loadable_weights_that_say_how_they_were_made(tmp_path: Path) -> None:
    trainer(tmp_path, PLAN).run()
    path = tmp_path / "lbvmm.safetensors"
    assert load_model(path).name == "lbvmm"
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert metadata["start"] == "random"
    (plan,) = json.loads(metadata["plans"])
    assert (plan["from_step"], plan["steps"], plan["seed"]) == (0, 4, 0)
    assert json.loads(metadata["run"])["steps"] == 4


def test_a_run_folder_is_never_mixed_up(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="to resume from"):
        RunFolder(tmp_path, "lbvmm", resume=True)
    trainer(tmp_path, PLAN).save()
    with pytest.raises(SettingsError, match="holds a run already"):
        RunFolder(tmp_path, "lbvmm", resume=False)
    (tmp_path / "state.pt").write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match="not a readable training state"):
        RunFolder(tmp_path, "lbvmm", resume=True).load_state(CPU.device)


def test_average_follows_the_weights() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    average = AveragedWeights(model, decay=0.9)
    torch.nn.init.ones_(model.weight)
    average.update(model, step=1000)
    assert float(average.weights["weight"]) == pytest.approx(0.1)
    average.update(model, step=1)
    assert float(average.weights["weight"]) == pytest.approx(1 - 0.9 / 11)


def test_plan_warms_up_falls_and_grows() -> None:
    plan = Plan(steps=100, minutes=None, rate=1.0, warmup=10, crop=96, motion=30.0, curriculum=True)
    plan = replace(plan, alpha=(2.0, 64.0), degraded=0.5, input_motion=5.0)
    rates = [plan.learning_rate(step, plan.progress(step, 0.0)) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0, abs=0.05)
    assert rates[100] == pytest.approx(0.03)
    batch_settings = BatchSettings(
        4, 96, 15.0, degraded=0.0, alpha=pytest.approx((2.0, 16.0)), input_motion=5.0
    )
    assert plan.batch_settings(0.0) == batch_settings
    half = replace(
        batch_settings, magnified_motion=22.5, degraded=0.25, alpha=pytest.approx((2.0, 32.0))
    )
    assert plan.batch_settings(0.2) == half
    assert plan.batch_settings(1.0) == BatchSettings(
        3, 128, 30.0, degraded=0.5, alpha=(2.0, 64.0), input_motion=5.0
    )
    assert (
        replace(plan, motion=None, curriculum=False).batch_settings(0.0).magnified_motion == 96 / 5
    )
    assert (
        Plan(steps=1, minutes=None, rate=1.0, crop=384).batch_settings(0.0).magnified_motion == 30
    )
    timed = Plan(steps=None, minutes=2.0, rate=1.0)
    assert timed.progress(10**6, 60.0) == 0.5
    with pytest.raises(SettingsError, match="either in steps or in minutes"):
        Plan(steps=1, minutes=1.0, rate=1.0)
    with pytest.raises(SettingsError, match=r"smallest alpha \(9\) is above the largest \(8\)"):
        Plan(steps=1, minutes=None, rate=1.0, alpha=(9.0, 8.0))
    with pytest.raises(SettingsError, match="crop 50"):
        Plan(steps=1, minutes=None, rate=1.0, crop=50)


def test_fd4mm_starts_as_a_linear_magnifier() -> None:
    """A smooth picture comes back; a small change of it comes back alpha times as large."""
    torch.manual_seed(0)
    model = FD4MM()
    start_as_linear_magnifier(model)
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    colours = torch.tensor([0.5, -0.3, 0.2])[:, None, None]

    def scene(shift: float) -> torch.Tensor:
        return (colours * torch.sin((x - shift) / 12) * torch.cos(y / 15))[None]

    inner = (..., slice(24, 72), slice(24, 72))
    with torch.no_grad():
        once, fivefold = (model(scene(0), scene(0.1), alpha) for alpha in (1.0, 5.0))
    assert (once - scene(0.1))[inner].abs().max() < 0.1
    grown, truth = (fivefold - once)[inner], (scene(0.5) - scene(0.1))[inner]
    gain = (grown * truth).sum() / truth.square().sum()
    assert float(gain) == pytest.approx(1, abs=0.05)
    assert (grown - truth).square().mean() < 0.05 * truth.square().mean()


def test_no_channel_is_dead_after_the_linear_start() -> None:
    """Residual branches end in zeros: their insides learn from the second step on."""
    torch.manual_seed(0)
    objective = FD4MMObjective(FD4MM())
    start_as_linear_magnifier(objective.model)
    optimisers = make_optimisers(objective.model)
    set_rate(optimisers, 1e-3)
    source = SyntheticPairs(random_photographs())
    for step in range(3):
        terms = loss_terms(objective, source.pairs(step, BatchSettings(4, 32, 4.0)))
        objective.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        for optimiser in optimisers:
            optimiser.step()
    dead = [
        name
        for name, parameter in objective.named_parameters()
        if parameter.grad is None or not parameter.grad.reshape(len(parameter), -1).any(1).all()
    ]
    assert not dead


def test_guided_samples_keep_fewer_and_fewer_high_bands() -> None:
    highs = tuple(torch.rand(5, 2, size, size) for size in (8, 4, 2))
    fewer = withheld(highs)
    for sample, kept in enumerate([0, 1, 2, 3, 0]):
        for level, (high, left) in enumerate(zip(highs, fewer, strict=True)):
            if level >= 3 - kept:
                assert torch.equal(left[sample], high[sample])
            else:
                assert torch.allclose(left[sample, :, 0, 0], high.mean(dim=(0, 2, 3)))
                assert left[sample].std(dim=(1, 2)).max() < 1e-6


def test_only_early_steps_are_guided() -> None:
    torch.manual_seed(0)
    objective = FD4MMObjective(FD4MM())
    pairs = SyntheticPairs(random_photographs()).pairs(0, STAGE)
    objective.advance(0.1)
    early = loss_terms(objective, pairs)
    objective.advance(0.5)
    late = loss_terms(objective, pairs)
    assert late.pop("guided").item() == 0 < early.pop("guided").item()
    for name, term in late.items():
        torch.testing.assert_close(term, early[name])


def test_soap_is_not_held_up_by_a_strong_mean() -> None:
    """Inputs that share a mean: what differs between them is learnt nevertheless."""

    def error(optimiser: type[torch.optim.Optimizer]) -> float:
        torch.manual_seed(0)
        layer, truth = (nn.Conv2d(16, 8, 3, bias=False) for _ in range(2))
        steps = optimiser([{"params": [layer.weight]}], lr=3e-3, betas=(0.9, 0.99))
        for _ in range(150):
            pictures = 1 + 0.1 * torch.randn(4, 16, 12, 12)
            loss = (layer(pictures) - truth(pictures)).square().mean()
            layer.zero_grad()
            loss.backward()
            steps.step()
        return float((layer.weight - truth.weight).detach().square().mean())

    assert error(Soap) < 0.1 * error(torch.optim.AdamW)


def test_soap_takes_adams_first_step_in_turned_coordinates() -> None:
    torch.manual_seed(0)
    weight = nn.Parameter(torch.zeros(8, 4, 3, 3))
    weight.grad = torch.randn(weight.shape)
    Soap([{"params": [weight]}], lr=1.0, weight_decay=0.0).step()
    step = -weight.detach()
    assert step.square().mean().sqrt().item() == pytest.approx(1, abs=0.1)
    assert (step * weight.grad).sum() > 0


def test_soap_bears_channels_without_gradient() -> None:
    torch.manual_seed(0)
    weight, other = (nn.Parameter(torch.randn(8, 4, 3, 3)) for _ in range(2))
    before = weight.detach().clone()
    steps = Soap([{"params": [weight, other]}], lr=1e-2, weight_decay=0.0)
    for _ in range(25):
        weight.grad, other.grad = torch.randn(weight.shape), torch.zeros(weight.shape)
        weight.grad[:3] = 0
        unmoved = other.detach().clone()
        steps.step()
        assert torch.equal(other, unmoved)
    torch.testing.assert_close(weight[:3].detach(), before[:3], rtol=0, atol=1e-5)
    assert (weight[3:] - before[3:]).abs().max() < 25 * 1e-2 * 2 * (8 * 4 * 9) ** 0.5


def test_every_weight_has_one_optimiser_and_its_rate() -> None:
    for model in (LBVMM(), FD4MM(), Quick()):
        names = {id(parameter): name for name, parameter in model.named_parameters()}
        optimisers = make_optimisers(model)
        set_rate(optimisers, 1e-3)
        rates = {
            names[id(parameter)]: group["lr"]
            for optimiser in optimisers
            for group in optimiser.param_groups
            for parameter in group["params"]
        }
        moved = sum(len(g["params"]) for o in optimisers for g in o.param_groups)
        assert moved == len(rates) == len(names)
        assert len(optimisers) == (1 if model.name == "lbvmm" else 2)
        for name, rate in rates.items():
            assert rate == (1e-3 * SLOW if "lowpass" in name else 1e-3)


def test_fd4mm_has_soap_for_what_mixes_channels() -> None:
    model = FD4MM()
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    chosen = {names[id(parameter)] for parameter in mixing_weights(model)}
    assert "magnifier.conv1.weight" in chosen
    assert "reconstruction.up.2.weight" in chosen
    for part in ("depthwise", "embedding", "output"):
        assert not any(part in name for name in chosen)


def test_highpass_ignores_what_is_smooth() -> None:
    ramp = torch.linspace(0, 1, 20).expand(1, 3, 20, 20)
    assert highpass(ramp).abs().max() < 1e-6
    spike = torch.zeros(1, 1, 9, 9)
    spike[..., 4, 4] = 1
    assert float(highpass(spike)[0, 0, 2, 2]) == pytest.approx(1 - 36 / 256)


def test_the_structure_term_is_the_ssim_that_is_evaluated() -> None:
    frames = torch.rand(2, 3, 24, 31, generator=torch.Generator().manual_seed(0))
    others = (frames + 0.1 * torch.randn(frames.shape, generator=torch.Generator())).clamp(0, 1)
    levels = [255 * pictures.permute(0, 2, 3, 1).numpy() for pictures in (frames, others)]
    with torch.autocast("cpu", torch.bfloat16):
        measured = ssim(frames, others)
    assert float(measured) == pytest.approx(evaluation.ssim(*levels).mean(), abs=1e-5)
    assert float(ssim(frames, frames)) == pytest.approx(1)


def test_contrast_needs_real_vgg_weights(tmp_path: Path) -> None:
    path = tmp_path / "vgg19.pth"
    published = write_random_vgg(path)
    features = VggFeatures.load(path)
    pairs = SyntheticPairs(random_photographs()).pairs(0, STAGE)
    assert features(pairs.query).shape == (2, 256, 8, 8)
    assert torch.equal(features(pairs.query), published(pairs.query))
    torch.manual_seed(0)
    terms = loss_terms(FD4MMObjective(FD4MM(), features), pairs)
    assert set(terms) == {"charbonnier", "edge", "structure", "guided", "contrast"}
    assert 0 < terms["contrast"].item() < 1
    torch.save({"other": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="not the state dict of torchvision's VGG-19"):
        VggFeatures.load(path)


def test_fd4mm_in_bf16_on_a_cpu_is_refused(tmp_path: Path) -> None:
    request = Request(
        "fd4mm", tmp_path / "run", PLAN, RunSettings(precision="bf16"), pairs=tmp_path, device="cpu"
    )
    with pytest.raises(SettingsError, match="use --precision fp32"):
        train(request, lambda line: None)


def test_published_weights_of_another_variant_cannot_start_a_run(tmp_path: Path) -> None:
    weights = tmp_path / "fd4mm.safetensors"
    write_checkpoint(weights, "fd4mm", FD4MM().state_dict())
    request = Request(
        "lbvmm", tmp_path / "run", PLAN, RunSettings(), pairs=tmp_path, init=weights, device="cpu"
    )
    with pytest.raises(CheckpointError, match="cannot start the lbvmm"):
        train(request, lambda line: None)
